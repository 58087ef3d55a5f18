// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var unmarshaler = reflect.TypeFor[json.Unmarshaler]()

// prune takes the values out of an object that do not fit the struct type t, and reports them. Doing that here
// and not in the decoder finds all of them, and says where a malformed quantity or duration is. Fields that the
// type does not have are left to the decoder.
func prune(object map[string]any, t reflect.Type, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		value, present := object[name]
		if !present || value == nil {
			continue
		}
		kept, found := fit(value, f.Type, path.Child(name))
		object[name] = kept
		errs = append(errs, found...)
	}
	return errs
}

// fit returns what is left of a value of type t; a value that does not fit becomes nil, the same as an absent one.
func fit(value any, t reflect.Type, path *field.Path) (any, field.ErrorList) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if object, ok := value.(map[string]any); ok && isObject(t) {
		return object, prune(object, t, path)
	}
	if list, ok := value.([]any); ok && t.Kind() == reflect.Slice {
		return list, fitAll(list, t.Elem(), path)
	}
	raw, err := json.Marshal(value)
	if err == nil && !isObject(t) && json.Unmarshal(raw, reflect.New(t).Interface()) == nil {
		return value, nil
	}
	return nil, field.ErrorList{field.TypeInvalid(path, excerpt(raw), "must be "+kindName(t))}
}

// fitAll keeps the length of the list, so that later messages have the right index.
func fitAll(list []any, t reflect.Type, path *field.Path) field.ErrorList {
	var errs field.ErrorList
	for i, value := range list {
		kept, found := fit(value, t, path.Index(i))
		list[i] = kept
		errs = append(errs, found...)
	}
	return errs
}

// isObject is about types that the decoder reads field by field.
func isObject(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(unmarshaler)
}

// kindName is for people who write YAML.
func kindName(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[resource.Quantity]():
		return "a quantity, for example 64Mi"
	case t == reflect.TypeFor[metav1.Duration]():
		return "a duration, for example 100ms"
	case t.Kind() == reflect.String:
		return "a string"
	case t.Kind() == reflect.Slice:
		return "a list"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Map:
		return "an object whose values are strings"
	case t.Kind() == reflect.Struct:
		return "an object"
	default:
		return fmt.Sprintf("a whole number that fits into %d bits", t.Bits())
	}
}
