// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// connectConfig sets clientConnection.kubeconfig (with --config the scheduler takes it from nowhere else) and
// switches leader election off if the document does not mention it. It edits the parsed tree, not a decoded
// value, so that whatever else is in the document, right or wrong, reaches the scheduler as it was written.
func connectConfig(config []byte, kubeconfig string) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(config, &doc); err != nil {
		return nil, fmt.Errorf("parsing the scheduler's configuration: %w", err)
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("parsing the scheduler's configuration: it is not a YAML mapping")
	}
	root := doc.Content[0]
	if lookup(root, "leaderElection") == nil {
		set(root, "leaderElection", mapping("leaderElect", &yaml.Node{Kind: yaml.ScalarNode, Value: "false"}))
	}
	path := &yaml.Node{Kind: yaml.ScalarNode, Value: kubeconfig, Style: yaml.DoubleQuotedStyle}
	if connection := lookup(root, "clientConnection"); connection != nil && connection.Kind == yaml.MappingNode {
		set(connection, "kubeconfig", path)
	} else {
		set(root, "clientConnection", mapping("kubeconfig", path))
	}
	return yaml.Marshal(&doc)
}

func lookup(m *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}

func set(m *yaml.Node, key string, value *yaml.Node) {
	if old := lookup(m, key); old != nil {
		*old = *value
		return
	}
	m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: key}, value)
}

func mapping(key string, value *yaml.Node) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	set(m, key, value)
	return m
}
