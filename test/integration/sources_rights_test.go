// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// readers is what a scheduler needs beyond what base grants: one object each, by name.
const readers = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: policies, namespace: default}
rules:
- {apiGroups: [""], resources: [configmaps], resourceNames: [module], verbs: [get, list, watch]}
- {apiGroups: [""], resources: [secrets], resourceNames: [module], verbs: [get, list, watch]}
- {apiGroups: [""], resources: [secrets], resourceNames: [token, pull], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: policies, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: policies}
subjects: [{kind: ServiceAccount, name: stowage, namespace: stowage-system}]
`

// leastPrivileged installs the ServiceAccount of the manifests, grants it what policies need, and returns a
// kubeconfig with a token of it.
func leastPrivileged(t *testing.T, c *cluster.Cluster) string {
	t.Helper()
	objects := render(t, "base")
	apply(t, c, objects)
	apply(t, c, parse(t, readers))
	account := find[corev1.ServiceAccount](t, objects, "ServiceAccount")
	token, err := c.Client().CoreV1().ServiceAccounts(account.Namespace).
		CreateToken(t.Context(), account.Name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig, err := c.KubeconfigForToken(token.Status.Token)
	if err != nil {
		t.Fatal(err)
	}
	return kubeconfig
}
