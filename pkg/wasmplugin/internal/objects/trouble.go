// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package objects

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// trouble is what is wrong with a source right now. It reports each kind of problem once until
// all is well again: a problem recurs with each retry, and its text may differ each time.
type trouble struct {
	source Source
	report func(s Source, problem string, solved bool)

	mu sync.Mutex // guards what follows; nothing else is locked while it is held
	// access is why the source cannot be read, or empty; last is the error that it is of.
	access string
	last   error
	// told is the kinds of problems with the access that were reported.
	told []string
	// refused is why objects are left out; left is what was reported of that.
	refused map[key]string
	left    string
}

// problems lists what is wrong.
func (t *trouble) problems() (out []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.access != "" {
		out = append(out, t.access)
	}
	if len(t.refused) > 0 {
		out = append(out, t.leftOut())
	}
	return out
}

// failed notes that a request failed. What a reflector returns is wrapped around what the request
// did, which says more and was noted before.
func (t *trouble) failed(verb string, err error) {
	kind, text := t.describe(verb, err)
	if kind == "" {
		return
	}
	t.mu.Lock()
	if t.last != nil && errors.Is(err, t.last) {
		t.mu.Unlock()
		return
	}
	known := slices.Contains(t.told, kind)
	t.access, t.last = text, err
	if !known {
		t.told = append(t.told, kind)
	}
	t.mu.Unlock()
	if !known {
		t.report(t.source, text, false)
	}
}

// solved notes that the source can be read.
func (t *trouble) solved() {
	t.mu.Lock()
	was := t.access
	t.access, t.last, t.told = "", nil, nil
	t.mu.Unlock()
	if was != "" {
		t.report(t.source, was, true)
	}
}

// describe returns the kind of the problem, empty if it is none, and the text for people.
func (t *trouble) describe(verb string, err error) (kind, text string) {
	resource := t.source.Resource.GroupResource().String()
	switch {
	case apierrors.IsResourceExpired(err), apierrors.IsGone(err), apierrors.IsTooManyRequests(err),
		apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge):
		// A reflector deals with these at once, or they pass.
		return "", ""
	case apierrors.IsNotFound(err) && t.source.Namespace != "":
		return "missing", t.source.String() + " is not installed, or is not namespaced; waiting for it"
	case apierrors.IsNotFound(err):
		return "missing", t.source.String() + " is not installed; waiting for it"
	case apierrors.IsForbidden(err):
		return "forbidden", fmt.Sprintf("cannot %s %s%s: forbidden: grant list and watch to the scheduler's service account",
			verb, resource, t.where())
	case apierrors.IsUnauthorized(err):
		return "unauthorized", fmt.Sprintf("cannot %s %s: unauthorized: the API server does not accept the scheduler's credentials",
			verb, resource)
	default:
		return "other", fmt.Sprintf("cannot %s %s%s: %v", verb, resource, t.where(), err)
	}
}

func (t *trouble) where() string {
	if t.source.Namespace == "" {
		return ""
	}
	return " in namespace " + t.source.Namespace
}

// refuse notes that an object is left out, or is not if err is nil.
func (t *trouble) refuse(k key, err error) {
	t.mu.Lock()
	_, known := t.refused[k]
	switch {
	case err != nil:
		t.refused[k] = err.Error()
	case known:
		delete(t.refused, k)
	default:
		t.mu.Unlock()
		return
	}
	t.mu.Unlock()
	t.reportRefused()
}

// refuseOnly notes that these objects are left out, and no others.
func (t *trouble) refuseOnly(refused map[key]string) {
	t.mu.Lock()
	clear(t.refused)
	maps.Copy(t.refused, refused)
	t.mu.Unlock()
	t.reportRefused()
}

// reportRefused reports the first object that is left out, and when none is any more: there may be
// as many as somebody likes to create.
func (t *trouble) reportRefused() {
	t.mu.Lock()
	was, some := t.left, len(t.refused) > 0
	switch {
	case some && was == "":
		t.left = t.leftOut()
	case !some:
		t.left = ""
	}
	now := t.left
	t.mu.Unlock()
	switch {
	case now != "" && was == "":
		t.report(t.source, now, false)
	case now == "" && was != "":
		t.report(t.source, was, true)
	}
}

// leftOut describes the refused objects by the first one; mu is held.
func (t *trouble) leftOut() string {
	first := slices.MinFunc(slices.Collect(maps.Keys(t.refused)), func(a, b key) int {
		return strings.Compare(a.String(), b.String())
	})
	resource := t.source.Resource.GroupResource()
	text := fmt.Sprintf("leaving out %s %s: %s", resource, first, t.refused[first])
	if more := len(t.refused) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}
