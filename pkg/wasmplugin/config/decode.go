// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/config/v1alpha1"
)

const (
	unknownField   = "unknown field: check its spelling and place"
	duplicateField = "appears more than once: keep one"
)

// decode reads args strictly. It returns nil args when there is nothing to go on with: no JSON object, or one
// of another type, whose other fields would only be reported as unknown.
func decode(raw []byte, path *field.Path) (*v1alpha1.WasmPluginArgs, field.ErrorList) {
	var doc map[string]any
	duplicates, err := kjson.UnmarshalStrict(raw, &doc, kjson.DisallowDuplicateFields)
	if err != nil {
		return nil, field.ErrorList{field.TypeInvalid(path, excerpt(raw), "must be a JSON object: "+err.Error())}
	}
	if errs := checkType(doc, path); len(errs) > 0 {
		return nil, errs
	}
	args, errs := decodeFields(raw, doc, path)
	return args, append(strictErrors(duplicates, path, duplicateField), errs...)
}

// checkType compares apiVersion and kind with the only ones there are.
func checkType(doc map[string]any, path *field.Path) field.ErrorList {
	return append(
		checkConstant(doc, path, "apiVersion", v1alpha1.SchemeGroupVersion.String()),
		checkConstant(doc, path, "kind", v1alpha1.Kind)...)
}

func checkConstant(doc map[string]any, path *field.Path, name, want string) field.ErrorList {
	switch got := doc[name]; got {
	case want:
		return nil
	case nil, "":
		return field.ErrorList{field.Required(path.Child(name), fmt.Sprintf("set it to %q", want))}
	default:
		return field.ErrorList{field.NotSupported(path.Child(name), fmt.Sprint(got), []string{want})}
	}
}

// decodeFields reads raw into args. The decoder stops at the first value of a wrong type, so such values are
// found first and taken out of doc, which is raw in parsed form.
func decodeFields(raw []byte, doc map[string]any, path *field.Path) (*v1alpha1.WasmPluginArgs, field.ErrorList) {
	errs := prune(doc, reflect.TypeFor[v1alpha1.WasmPluginArgs](), path)
	if len(errs) > 0 {
		var err error
		if raw, err = json.Marshal(doc); err != nil {
			return nil, append(errs, field.InternalError(path, err))
		}
	}
	args := &v1alpha1.WasmPluginArgs{}
	unknown, err := kjson.UnmarshalStrict(raw, args, kjson.DisallowUnknownFields)
	if err != nil {
		return nil, append(errs, field.TypeInvalid(path, excerpt(raw), err.Error()))
	}
	return args, append(errs, strictErrors(unknown, path, unknownField)...)
}

// strictErrors gives each violation that the decoder found its full path.
func strictErrors(violations []error, path *field.Path, detail string) field.ErrorList {
	var errs field.ErrorList
	for _, violation := range violations {
		at := path
		if located, ok := errors.AsType[kjson.FieldError](violation); ok {
			at = path.Child(located.FieldPath())
		}
		errs = append(errs, field.Forbidden(at, detail))
	}
	return errs
}

// excerpt keeps a message readable when a whole document is in the wrong place.
func excerpt(raw []byte) string {
	const most = 60
	if len(raw) <= most {
		return string(raw)
	}
	return strings.ToValidUTF8(string(raw[:most]), "") + "..."
}
