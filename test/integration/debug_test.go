// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package integration

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

// watchedFile is the file source of a policy that a test replaces.
type watchedFile string

// put renames content over the file, as is to be done with a module, and returns its digest.
func (f watchedFile) put(t *testing.T, content []byte) string {
	t.Helper()
	if err := os.WriteFile(string(f)+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(string(f)+".new", string(f)); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// config is a configuration whose only policy, zone-policy of the profile stowage, comes from the file.
func (f watchedFile) config(t *testing.T, election string) string {
	t.Helper()
	path := writeConfig(t, []profile{{name: "stowage", policies: []policy{zoneAffinity}}})
	config, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(modulePath(t, zoneAffinity.module), string(f), "leaderElection: {leaderElect: false}", election).Replace(string(config))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// zoneModules are two modules that do the same under different digests: the second has an empty custom section at
// its end.
func zoneModules(t *testing.T) (first, second []byte) {
	t.Helper()
	first, err := os.ReadFile(modulePath(t, zoneAffinity.module))
	if err != nil {
		t.Fatal(err)
	}
	return first, append(slices.Clip(first), 0, 5, 4, 'n', 'e', 'x', 't')
}

// clientOf is a client of the scheduler for the user of a token, or for nobody.
func clientOf(t *testing.T, c *cluster.Cluster, token string) *http.Client {
	t.Helper()
	config := rest.AnonymousClientConfig(c.RESTConfig())
	config.BearerToken = token
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func fetch(ctx context.Context, client *http.Client, url string) (code int, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close() //nolint:errcheck // it is read to its end
	data, err := io.ReadAll(response.Body)
	return response.StatusCode, string(data), err
}

// serviceAccount makes one with the right to get paths, if any, and returns its token.
func serviceAccount(t *testing.T, c *cluster.Cluster, name string, paths ...string) string {
	t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}}
	accounts := c.Client().CoreV1().ServiceAccounts("default")
	if _, err := accounts.Create(t.Context(), account, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if len(paths) > 0 {
		role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: name}, Rules: []rbacv1.PolicyRule{{NonResourceURLs: paths, Verbs: []string{"get"}}}}
		if _, err := c.Client().RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: name},
			Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "default", Name: name}},
		}
		if _, err := c.Client().RbacV1().ClusterRoleBindings().Create(t.Context(), binding, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	token, err := accounts.CreateToken(t.Context(), name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return token.Status.Token
}

// brief is what tests look at in /debug/policies.
type brief struct {
	Profile, Policy string
	Loading         struct {
		State, Problem string
		Active         *struct {
			Generation int
			Digest     string
		}
	}
}

// waitForStatus waits until the only policy is as wanted.
func waitForStatus(t *testing.T, client *http.Client, url, what string, is func(brief) bool) brief {
	t.Helper()
	var all []brief
	eventually(t, what, func(ctx context.Context) (bool, error) {
		code, body, err := fetch(ctx, client, url+"/debug/policies")
		if err != nil || code != http.StatusOK {
			return false, fmt.Errorf("answer %d %s: %w", code, body, err)
		}
		all = nil
		if err := json.Unmarshal([]byte(body), &all); err != nil {
			return false, err
		}
		return len(all) == 1 && is(all[0]), nil
	})
	return all[0]
}

// waitForEvents waits until a reason was given so often for the regarded object, in events that have all
// texts in their note.
func waitForEvents(t *testing.T, c *cluster.Cluster, regarding corev1.ObjectReference, reason string, times int32, texts ...string) {
	t.Helper()
	what := fmt.Sprintf("%d events %s with %s", times, reason, strings.Join(texts, ", "))
	eventually(t, what, func(ctx context.Context) (bool, error) {
		events, err := c.Client().EventsV1().Events(regarding.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		var found int32
		for _, e := range events.Items {
			if e.Reason == reason && e.ReportingController == "stowage" && cmp.Equal(e.Regarding, regarding) && hasAll(e.Note, texts) {
				found += occurrences(&e)
			}
		}
		return found >= times, nil
	})
}

func hasAll(s string, texts []string) bool {
	return !slices.ContainsFunc(texts, func(text string) bool { return !strings.Contains(s, text) })
}

// occurrences is how often the event happened. Recorders keep one event, with the note that it had at first, for
// all that have the same reason, action and objects within minutes.
func occurrences(e *eventsv1.Event) int32 {
	if e.Series == nil {
		return 1
	}
	return e.Series.Count
}

// TestOperatorsSeePolicies follows a policy through a reload and a bad one: in /debug/policies, for those who may, in
// readiness, and in events.
func TestOperatorsSeePolicies(t *testing.T) {
	c := cluster.ForTest(t)
	first, second := zoneModules(t)
	cache := t.TempDir()
	t.Run("reload", func(t *testing.T) {
		module := watchedFile(filepath.Join(t.TempDir(), "policy.wasm"))
		digest := module.put(t, first)
		s, err := c.StartScheduler(t.Context(), cluster.SchedulerOptions{
			ConfigFile: module.config(t, "leaderElection: {leaderElect: true, resourceNamespace: kube-system, resourceName: stowage}"),
			ExtraArgs:  []string{"--policy-cache-dir=" + cache},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Stop()
		reader := checkWhoMaySee(t, c, s)
		lease := corev1.ObjectReference{APIVersion: "coordination.k8s.io/v1", Kind: "Lease", Namespace: "kube-system", Name: "stowage"}

		now := waitForStatus(t, reader, s.URL(), "the first generation", func(b brief) bool { return b.Loading.State == "Active" })
		if now.Profile != "stowage" || now.Policy != "zone-policy" || now.Loading.Active.Generation != 1 || now.Loading.Active.Digest != digest {
			t.Errorf("status = %+v, want generation 1 of zone-policy in stowage with digest %s", now, digest)
		}
		digest = module.put(t, second)
		waitForStatus(t, reader, s.URL(), "the second generation", func(b brief) bool {
			return b.Loading.Active.Generation == 2 && b.Loading.Active.Digest == digest
		})
		waitForEvents(t, c, lease, "PolicyActivated", 2, "zone-policy", "is active")

		module.put(t, []byte("garbage"))
		now = waitForStatus(t, reader, s.URL(), "the refusal of garbage", func(b brief) bool { return b.Loading.State == "Rejected" })
		if now.Loading.Problem == "" || now.Loading.Active == nil || now.Loading.Active.Digest != digest {
			t.Errorf("status = %+v, want a problem and what was there before", now)
		}
		waitForEvents(t, c, lease, "PolicyRejected", 1, "zone-policy", "generation 2 stays")
		if err := s.Ready(t.Context()); err != nil {
			t.Errorf("with a generation that works: %v", err)
		}
		if entries, err := os.ReadDir(cache); err != nil || len(entries) == 0 {
			t.Errorf("the cache has %v, %v", entries, err)
		}
		if code := s.Stop(); code != 0 {
			t.Errorf("exit code = %d, want 0", code)
		}
	})
	t.Run("readiness", func(t *testing.T) { checkReadiness(t, c, first, cache) })
}

// checkWhoMaySee returns a client that may see policies and nothing else.
func checkWhoMaySee(t *testing.T, c *cluster.Cluster, s *cluster.Scheduler) *http.Client {
	t.Helper()
	reader := clientOf(t, c, serviceAccount(t, c, "reader", "/debug/policies"))
	clients := map[string]*http.Client{
		"nobody": clientOf(t, c, ""), "forged": clientOf(t, c, "none"),
		"other": clientOf(t, c, serviceAccount(t, c, "other", "/metrics")), "reader": reader,
	}
	want := map[string]int{
		"nobody /metrics": 403, "nobody /debug/policies": 403, "nobody /readyz/policies": 403, "nobody /readyz": 200, "nobody /livez": 200,
		"forged /metrics": 401, "forged /debug/policies": 401, "forged /readyz": 401,
		"other /metrics": 200, "other /debug/policies": 403, "other /debug/pprof/": 403,
		"reader /metrics": 403, "reader /debug/policies": 200, "reader /readyz/policies": 403, "reader /debug/pprof/": 403,
	}
	got := map[string]int{}
	for request := range want {
		who, path, _ := strings.Cut(request, " ")
		code, body, err := fetch(t.Context(), clients[who], s.URL()+path)
		if err != nil {
			t.Fatal(err)
		}
		got[request] = code
		if code >= 500 {
			t.Logf("%s: %s", request, body)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("answers (-want,+got):\n%s", diff)
	}
	// What is served beside policies is still what kube-scheduler serves, also what it makes while it is sent.
	for _, path := range []string{"/configz", "/metrics/slis", "/metrics/resources", "/debug/pprof/trace?seconds=0.1"} {
		if body, err := s.Get(t.Context(), path); err != nil || len(body) == 0 && path != "/metrics/resources" {
			t.Errorf("%s = %d bytes, %v", path, len(body), err)
		}
	}
	return reader
}

// checkReadiness starts a scheduler, as in a pod, whose policy has no module until it is repaired.
func checkReadiness(t *testing.T, c *cluster.Cluster, good []byte, cache string) {
	t.Setenv("POD_NAME", "stowage-1")
	t.Setenv("POD_NAMESPACE", "default")
	t.Setenv("POD_UID", "4f2a")
	pod := corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: "default", Name: "stowage-1", UID: "4f2a"}
	module := watchedFile(filepath.Join(t.TempDir(), "policy.wasm"))
	module.put(t, []byte("garbage"))
	s, err := c.StartScheduler(t.Context(), cluster.SchedulerOptions{
		Name: "unready", ConfigFile: module.config(t, "leaderElection: {leaderElect: false}"), NoWait: true,
		ExtraArgs: []string{"--policy-cache-dir=" + filepath.Join(cache, "other")},
	})
	if err != nil {
		t.Fatal(err)
	}
	nobody := clientOf(t, c, "")
	eventually(t, "all but policies to be ready", func(ctx context.Context) (bool, error) {
		code, _, err := fetch(ctx, nobody, s.URL()+"/readyz?exclude=policies")
		return err == nil && code == http.StatusOK, nil
	})
	const list = "[+]shutdown ok\n[+]sched-handler-sync ok\n"
	for path, want := range map[string]string{
		"/readyz":                          "500 " + list + "[-]policies failed: reason withheld\nreadyz check failed\n",
		"/readyz?verbose&exclude=policies": "200 " + list + "[+]policies excluded: ok\nreadyz check passed\n",
		"/livez":                           "200 ok",
		"/healthz":                         "200 ok",
	} {
		code, body, err := fetch(t.Context(), nobody, s.URL()+path)
		if diff := cmp.Diff(want, fmt.Sprint(code, " ", body)); diff != "" || err != nil {
			t.Errorf("%s, %v (-want,+got):\n%s", path, err, diff)
		}
	}
	if _, err := s.Get(t.Context(), "/readyz/policies"); err == nil || !strings.Contains(err.Error(), `policy "zone-policy" of profile "stowage"`) {
		t.Errorf("reason = %v, want it to name the policy", err)
	}
	waitForEvents(t, c, pod, "PolicyRejected", 1, "zone-policy", "it has no module")

	module.put(t, good)
	eventually(t, "readiness", func(ctx context.Context) (bool, error) { return s.Ready(ctx) == nil, nil })
	waitForEvents(t, c, pod, "PolicyActivated", 1, "zone-policy", "generation 1 is active")
	if body, err := s.Get(t.Context(), "/readyz?verbose"); err != nil || string(body) != list+"[+]policies ok\nreadyz check passed\n" {
		t.Errorf("readiness = %q, %v", body, err)
	}
}
