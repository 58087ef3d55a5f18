// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/events"
	kubeschedulerconfigv1 "k8s.io/kube-scheduler/config/v1"
	"k8s.io/kubernetes/pkg/scheduler"
	"k8s.io/kubernetes/pkg/scheduler/apis/config"
	"k8s.io/kubernetes/pkg/scheduler/apis/config/scheme"
	frameworkruntime "k8s.io/kubernetes/pkg/scheduler/framework/runtime"
	"k8s.io/kubernetes/pkg/scheduler/profile"
	st "k8s.io/kubernetes/pkg/scheduler/testing"

	wt "github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/wasmtest"
)

// placingProfile is the default profile, with the policy alone to generate and score placements.
func placingProfile(tb testing.TB, path string) config.KubeSchedulerProfile {
	tb.Helper()
	var versioned kubeschedulerconfigv1.KubeSchedulerConfiguration
	scheme.Scheme.Default(&versioned)
	var c config.KubeSchedulerConfiguration
	if err := scheme.Scheme.Convert(&versioned, &c, nil); err != nil {
		tb.Fatal(err)
	}
	out, only := c.Profiles[0], config.PluginSet{
		Enabled: []config.Plugin{{Name: "policy", Weight: 1}}, Disabled: []config.Plugin{{Name: "*"}},
	}
	out.Plugins.PlacementGenerate, out.Plugins.PlacementScore = only, only
	out.PluginConfig = append(out.PluginConfig, config.PluginConfig{Name: "policy", Args: args(path)})
	return out
}

// bindings tells which node each pod is bound to.
func bindings(client *fake.Clientset) <-chan [2]string {
	out := make(chan [2]string, 100)
	client.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if action.GetSubresource() != "binding" {
			return false, nil, nil
		}
		b := action.(clienttesting.CreateAction).GetObject().(*v1.Binding)
		out <- [2]string{b.Name, b.Target.Name}
		return true, b, nil
	})
	return out
}

// schedule runs a scheduler until the test ends.
func schedule(t *testing.T, client *fake.Clientset, p config.KubeSchedulerProfile) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	host := NewHost()
	host.SetLoadTimeout(loadTimeout)
	informed := informers.NewSharedInformerFactory(client, 0)
	broadcaster := events.NewBroadcaster(&events.EventSinkImpl{Interface: client.EventsV1()})
	s, err := scheduler.New(ctx, client, informed, nil, profile.NewRecorderFactory(broadcaster), scheduler.WithProfiles(p),
		scheduler.WithFrameworkOutOfTreeRegistry(frameworkruntime.Registry{"policy": host.Factory("policy")}))
	if err != nil {
		t.Fatal(err)
	}
	informed.Start(ctx.Done())
	informed.WaitForCacheSync(ctx.Done())
	if err := s.WaitForHandlersSync(ctx); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		informed.Shutdown()
		broadcaster.Shutdown()
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A scheduler places a gang in a rack that has room for all of it, on as few nodes as can be.
func TestSchedulerPlacesGroup(t *testing.T) {
	enableGroups(t)
	objects := []runtime.Object{st.MakePodGroup().Namespace("ns").Name("gang").MinCount(4).Obj()}
	// The second rack is too small, and in the third the gang takes two nodes.
	for _, node := range racked(4, 0, 1, 2, 2, 2) {
		objects = append(objects, node)
	}
	want := map[string]string{}
	for i := range 4 {
		name := fmt.Sprintf("gang-%d", i)
		objects = append(objects, st.MakePod().Namespace("ns").Name(name).UID(name).PodGroupName("gang").SchedulerName("default-scheduler").Obj())
		want[name] = "n0"
	}
	client := fake.NewClientset(objects...)
	bound, got := bindings(client), map[string]string{}
	schedule(t, client, placingProfile(t, wt.Path(t, rackGroup)))
	for range want {
		select {
		case b := <-bound:
			got[b[0]] = b[1]
		case <-time.After(30 * time.Second):
			t.Fatalf("within 30 s only these were bound: %v", got)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("nodes of pods (-want,+got):\n%s", diff)
	}
}
