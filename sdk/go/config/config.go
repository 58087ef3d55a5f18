// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

// Package config reads a policy's configuration: a JSON object, strictly. It collects every
// problem with its path, so that the operator can mend them together, and adds 30 kB to a
// compressed module, where encoding/json adds 360 kB and stops at the first problem.
//
//	c := config.Parse(raw)
//	p.key = c.String("key", "topology.kubernetes.io/zone")
//	p.weight = c.Int("weight", 1, 1, 100)
//	return c.Err()
//
// A field that is not asked for before Err is a problem too. An Object is for one goroutine.
package config

import (
	"errors"
	"strconv"
)

// Object is a JSON object that is being read.
type Object struct {
	path   string
	fields []field
	// all is shared by the objects of one configuration.
	all *document
}

type document struct {
	objects  []*Object
	problems []string
}

// Parse reads the configuration. No text at all is an empty object.
func Parse(raw []byte) *Object {
	d := &document{}
	if len(raw) == 0 {
		return d.object("", value{kind: object})
	}
	v, err := parse(string(raw))
	if err != nil {
		d.problems = append(d.problems, err.Error())
		return d.object("", value{kind: object})
	}
	if v.kind != object {
		d.problems = append(d.problems, "must be an object, is "+v.kind.String())
	}
	return d.object("", v)
}

func (d *document) object(path string, v value) *Object {
	o := &Object{path: path, fields: v.fields, all: d}
	d.objects = append(d.objects, o)
	return o
}

// Err is every problem found, one per line; nil if there is none. Call it last.
func (o *Object) Err() error {
	d := o.all
	for _, each := range d.objects {
		for _, f := range each.fields {
			if !f.used {
				each.Problem(f.name, "unknown field")
			}
		}
	}
	errs := make([]error, 0, len(d.problems))
	for _, p := range d.problems {
		errs = append(errs, errors.New(p))
	}
	return errors.Join(errs...)
}

// Problem reports what is wrong with a field, for rules of the policy's own.
func (o *Object) Problem(name, problem string) {
	o.all.problems = append(o.all.problems, o.at(name)+": "+problem)
}

func (o *Object) at(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

// take finds a field of a kind and marks it as known. A null is as good as nothing.
func (o *Object) take(name string, want kind) (value, bool) {
	for i := range o.fields {
		f := &o.fields[i]
		if f.name != name {
			continue
		}
		f.used = true
		if f.kind == want {
			return f.value, true
		}
		if f.kind != null {
			o.Problem(name, "must be "+want.String()+", is "+f.kind.String())
		}
	}
	return value{}, false
}

// Has reports whether a field is given.
func (o *Object) Has(name string) bool {
	for _, f := range o.fields {
		if f.name == name && f.kind != null {
			return true
		}
	}
	return false
}

// String reads a string; otherwise is for when it is not given.
func (o *Object) String(name, otherwise string) string {
	if v, ok := o.take(name, text); ok {
		return v.text
	}
	return otherwise
}

// Bool reads a boolean.
func (o *Object) Bool(name string, otherwise bool) bool {
	if v, ok := o.take(name, boolean); ok {
		return v.text == "true"
	}
	return otherwise
}

// Int reads an integer from low to high.
func (o *Object) Int(name string, otherwise, low, high int64) int64 {
	v, ok := o.take(name, number)
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseInt(v.text, 10, 64)
	if err != nil || n < low || n > high {
		o.Problem(name, "must be an integer from "+strconv.FormatInt(low, 10)+" to "+strconv.FormatInt(high, 10)+", is "+v.text)
		return otherwise
	}
	return n
}

// Strings reads a list of strings.
func (o *Object) Strings(name string) []string {
	v, _ := o.take(name, list)
	var out []string
	for i, e := range v.list {
		if e.kind != text {
			o.Problem(index(name, i), "must be a string, is "+e.kind.String())
			continue
		}
		out = append(out, e.text)
	}
	return out
}

// Object reads an object; one that is not given is empty.
func (o *Object) Object(name string) *Object {
	v, _ := o.take(name, object)
	return o.all.object(o.at(name), v)
}

// Objects reads a list of objects.
func (o *Object) Objects(name string) []*Object {
	v, _ := o.take(name, list)
	var out []*Object
	for i, e := range v.list {
		if e.kind != object {
			o.Problem(index(name, i), "must be an object, is "+e.kind.String())
			continue
		}
		out = append(out, o.all.object(o.at(index(name, i)), e))
	}
	return out
}

func index(name string, i int) string { return name + "[" + strconv.Itoa(i) + "]" }
