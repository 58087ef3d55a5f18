// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"net/http"

	"k8s.io/apiserver/pkg/authentication/authenticator"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/endpoints/filters"
	"k8s.io/apiserver/pkg/endpoints/request"
	genericfilters "k8s.io/apiserver/pkg/server/filters"
	"k8s.io/apiserver/pkg/server/healthz"
	"k8s.io/apiserver/pkg/server/mux"
	"k8s.io/client-go/kubernetes/scheme"
	schedulerconfig "k8s.io/kubernetes/cmd/kube-scheduler/app/config"
)

const (
	// policiesPath is where all policies stand, for people and programs that may get it.
	policiesPath = "/debug/policies"
	// policiesCheck is the name of the check in /readyz.
	policiesCheck = "policies"
	readyPath     = "/readyz"
)

// serve adds what there is to see of policies to what the scheduler serves.
func (s *scheduler) serve(cc *schedulerconfig.CompletedConfig) error {
	authn, authz := cc.Authentication.Authenticator, cc.Authorization.Authorizer
	if authn == nil || authz == nil {
		// The filters would let everybody in.
		return errors.New("refusing to serve: there is no authenticator or no authorizer")
	}
	own := policiesHandler(s.host)
	serving, asked, err := putInFront(cc.SecureServing, authn, func(scheduler http.Handler) http.Handler {
		return route(scheduler, own, guard(own, authn, authz))
	})
	if err != nil {
		return err
	}
	cc.SecureServing, cc.Authentication.Authenticator = serving, asked
	return nil
}

// route sends requests to the scheduler's handler or to ours. It compares paths as authorization does, by the bytes:
// a path that is spelled in another way is the scheduler's to refuse.
func route(scheduler, own, guarded http.Handler) http.Handler {
	ready := readiness{scheduler: scheduler, policies: own}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case policiesPath, readyPath + "/" + policiesCheck:
			guarded.ServeHTTP(w, r)
		case readyPath:
			ready.ServeHTTP(w, r)
		default:
			scheduler.ServeHTTP(w, r)
		}
	})
}

// policiesHandler answers whoever asks; it must be behind guard.
func policiesHandler(host policies) http.Handler {
	m := mux.NewPathRecorderMux("policies")
	healthz.InstallReadyzHandler(m, healthz.NamedCheck(policiesCheck, func(*http.Request) error { return host.Ready() }))
	m.HandleFunc(policiesPath, func(w http.ResponseWriter, r *http.Request) { show(w, r, host) })
	return m
}

func show(w http.ResponseWriter, r *http.Request, host policies) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "policies can only be read: use GET", http.StatusMethodNotAllowed)
		return
	}
	body, err := json.MarshalIndent(host.Policies(), "", "  ")
	if err != nil {
		http.Error(w, "writing the status of policies as JSON: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(append(body, '\n')) // whoever asked is gone
}

// guard has callers authenticated and authorized as the scheduler does for its own paths, by the same filters in the
// same order.
func guard(h http.Handler, authn authenticator.Request, authz authorizer.Authorizer) http.Handler {
	resolver := &request.RequestInfoFactory{}
	h = filters.WithAuthorization(h, authz, scheme.Codecs)
	h = filters.WithAuthentication(h, authn, filters.Unauthorized(scheme.Codecs), nil, nil)
	h = filters.WithRequestInfo(h, resolver)
	h = filters.WithCacheControl(h)
	h = genericfilters.WithHTTPLogging(h)
	return genericfilters.WithPanicRecovery(h, resolver)
}
