// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	yamlnode "go.yaml.in/yaml/v3"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// ParseConfig reads what configFrom leads to: a JSON or YAML object. It returns the object as JSON, which is what a
// policy gets; JSON is returned as it was written, as args.config is.
func ParseConfig(data []byte) ([]byte, error) {
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		return nil, errors.New("reading config: it is empty: write {} if the policy needs none")
	}
	if !json.Valid(data) {
		var err error
		if data, err = fromYAML(data); err != nil {
			return nil, fmt.Errorf("reading config: %w", err)
		}
	}
	var object map[string]any
	repeated, err := kjson.UnmarshalStrict(data, &object, kjson.DisallowDuplicateFields)
	if err == nil {
		err = errors.Join(repeated...)
	}
	if err == nil && object == nil {
		err = errors.New("it must be an object, is null")
	}
	if err != nil {
		return nil, fmt.Errorf("reading config: %w", err)
	}
	return data, nil
}

// fromYAML refuses a second document, which the decoder would not even look at.
func fromYAML(data []byte) ([]byte, error) {
	documents := yamlnode.NewDecoder(bytes.NewReader(data))
	var first, second yamlnode.Node
	if err := documents.Decode(&first); err != nil {
		return nil, err
	}
	if err := documents.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, errors.New("it must be one YAML document")
	}
	return yaml.YAMLToJSONStrict(data)
}
