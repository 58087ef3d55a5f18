// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	yamlnode "go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

// document is as much of a KubeSchedulerConfiguration as is needed to find the policies in it.
type document struct {
	Profiles []profile `json:"profiles"`
	// duplicates are the paths of keys that the file repeats.
	duplicates []string
}

type profile struct {
	SchedulerName string               `json:"schedulerName"`
	Plugins       map[string]pluginSet `json:"plugins"`
	PluginConfig  []pluginConfig       `json:"pluginConfig"`
}

type pluginSet struct {
	Enabled []struct {
		Name string `json:"name"`
	} `json:"enabled"`
}

type pluginConfig struct {
	Name string          `json:"name"`
	Args json.RawMessage `json:"args"`
}

// parse reads YAML, of which JSON is a part.
func parse(data []byte) (*document, error) {
	asJSON, err := yaml.YAMLToJSON(data)
	if err != nil {
		return nil, err
	}
	var doc document
	if err := kjson.UnmarshalCaseSensitivePreserveInts(asJSON, &doc); err != nil {
		return nil, err
	}
	var root yamlnode.Node
	if err := yamlnode.Unmarshal(data, &root); err != nil {
		return nil, err
	}
	doc.duplicates = duplicateKeys(&root, "")
	return &doc, nil
}

// duplicateKeys walks the YAML tree, since a decoder that knows about duplicates reports lines, not paths.
func duplicateKeys(node *yamlnode.Node, path string) []string {
	switch node.Kind {
	case yamlnode.MappingNode:
		return duplicatesInMapping(node, path)
	case yamlnode.SequenceNode, yamlnode.DocumentNode:
		var found []string
		for i, child := range node.Content {
			at := path
			if node.Kind == yamlnode.SequenceNode {
				at = fmt.Sprintf("%s[%d]", path, i)
			}
			found = append(found, duplicateKeys(child, at)...)
		}
		return found
	default:
		return nil
	}
}

// duplicatesInMapping relies on Content being keys and values in turn.
func duplicatesInMapping(node *yamlnode.Node, path string) []string {
	var found []string
	seen := map[string]bool{}
	for pair := range slices.Chunk(node.Content, 2) {
		at := strings.TrimPrefix(path+"."+pair[0].Value, ".")
		if seen[at] {
			found = append(found, at)
		}
		seen[at] = true
		found = append(found, duplicateKeys(pair[1], at)...)
	}
	return found
}

// isPolicy recognizes args that are meant to be ours, also when one half of their type is wrong or when the
// type was forgotten: "plugin does not exist" would not help whoever wrote them.
func (c *pluginConfig) isPolicy() bool {
	var args struct {
		APIVersion string          `json:"apiVersion"`
		Kind       string          `json:"kind"`
		Module     json.RawMessage `json:"module"`
	}
	if len(c.Args) == 0 || kjson.UnmarshalCaseSensitivePreserveInts(c.Args, &args) != nil {
		return false
	}
	group, _, _ := strings.Cut(args.APIVersion, "/")
	untyped := args.APIVersion == "" && args.Kind == ""
	return group == v1alpha1.GroupName || args.Kind == v1alpha1.Kind || (untyped && args.Module != nil)
}

// schedulerName applies the scheduler's own default.
func (p *profile) schedulerName() string {
	if p.SchedulerName == "" {
		return corev1.DefaultSchedulerName
	}
	return p.SchedulerName
}

func (p *profile) enables(name string) bool {
	for _, set := range p.Plugins {
		for _, plugin := range set.Enabled {
			if plugin.Name == name {
				return true
			}
		}
	}
	return false
}

func (p *profile) configures(name string) bool {
	return slices.ContainsFunc(p.PluginConfig, func(c pluginConfig) bool { return c.Name == name })
}

// policyNames lists every policy that any profile configures, once, in the file's order.
func policyNames(profiles []profile) []string {
	var names []string
	for _, p := range profiles {
		for _, entry := range p.PluginConfig {
			if entry.isPolicy() && !slices.Contains(names, entry.Name) {
				names = append(names, entry.Name)
			}
		}
	}
	return names
}
