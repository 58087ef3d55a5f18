// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package play

import (
	"context"
	"encoding/json"
	"fmt"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stowage-scheduler/stowage/test/native/rules"
	"github.com/stowage-scheduler/stowage/test/native/workload"
)

// create makes pods. No pod wakes others when it comes.
func (p *Player) create(ctx context.Context, pods []*v1.Pod) error {
	var apps []string
	for _, pod := range pods {
		if err := p.post(ctx, pod); err != nil {
			return err
		}
		if app := pod.Labels[rules.AppLabel]; app != "" {
			apps = append(apps, app)
		}
	}
	return p.after(ctx, apps...)
}

func (p *Player) post(ctx context.Context, pod *v1.Pod) error {
	if _, err := p.client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("creating pod %s: %w", pod.Name, err)
	}
	p.done.created++
	return nil
}

func (p *Player) preempt(ctx context.Context, pod *v1.Pod) error {
	app := pod.Labels[rules.AppLabel]
	if p.store.look().waiting(app) > 0 {
		p.skipped++
		return nil
	}
	if err := p.post(ctx, pod); err != nil {
		return err
	}
	return p.after(ctx, app)
}

func (p *Player) release(ctx context.Context, names []string) error {
	patch := []byte(`{"metadata":{"labels":{"` + rules.GateLabel + `":null}}}`)
	var apps []string
	for _, name := range names {
		pod, err := p.client.CoreV1().Pods(metav1.NamespaceDefault).Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{})
		if err != nil {
			return fmt.Errorf("releasing pod %s: %w", name, err)
		}
		p.done.released++
		apps = append(apps, pod.Labels[rules.AppLabel])
	}
	return p.after(ctx, apps...)
}

// delete ends pods: all at once if nobody waits for their room, else one after the other.
func (p *Player) delete(ctx context.Context, d *workload.Delete) error {
	for _, pod := range p.store.look().some(d) {
		waited := d.App != "" && p.store.look().waiting(d.App) > 0
		if waited {
			p.beforeWaking(d.App)
		}
		if err := p.remove(ctx, pod.Name, metav1.DeleteOptions{}); err != nil {
			return err
		}
		if !waited {
			continue
		}
		if err := p.after(ctx, d.App); err != nil {
			return err
		}
	}
	return p.after(ctx, d.App)
}

// remove deletes a pod and waits until it begins to end.
func (p *Player) remove(ctx context.Context, name string, o metav1.DeleteOptions) error {
	err := p.client.CoreV1().Pods(metav1.NamespaceDefault).Delete(ctx, name, o)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("deleting pod %s: %w", name, err)
	}
	return p.store.until(ctx, func(s *snapshot) bool {
		pod := s.pods[name]
		return pod == nil || pod.DeletionTimestamp != nil
	})
}

func (p *Player) addNode(ctx context.Context, node *v1.Node) error {
	p.beforeWaking("")
	if err := p.cluster.CreateNodes(ctx, node); err != nil {
		return err
	}
	p.done.nodesAdded++
	return p.after(ctx, "")
}

// removeNode deletes a node, which wakes nobody, and then its pods, which nobody runs any more.
func (p *Player) removeNode(ctx context.Context, name string) error {
	if err := p.client.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("deleting node %s: %w", name, err)
	}
	p.done.nodesRemoved++
	if err := p.after(ctx, ""); err != nil {
		return err
	}
	now := int64(0)
	for _, pod := range p.store.look().on(name) {
		app := pod.Labels[rules.AppLabel]
		p.beforeWaking(app)
		if err := p.remove(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); err != nil {
			return err
		}
		if err := p.after(ctx, app); err != nil {
			return err
		}
	}
	return nil
}

func (p *Player) label(ctx context.Context, l *workload.Label) error {
	var value any
	if l.Value != "" {
		value = l.Value
	}
	p.beforeWaking("")
	node, err := p.client.CoreV1().Nodes().Get(ctx, l.Node, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("reading node %s: %w", l.Node, err)
	}
	if node.Labels[l.Key] == l.Value {
		return nil
	}
	p.done.labels++
	return p.patchNode(ctx, l.Node, map[string]any{"metadata": map[string]any{"labels": map[string]any{l.Key: value}}})
}

func (p *Player) taint(ctx context.Context, t *workload.Taint) error {
	taints := []v1.Taint{}
	if t.On {
		taints = append(taints, v1.Taint{Key: workload.ChurnTaint, Effect: v1.TaintEffectNoSchedule})
	}
	p.beforeWaking("")
	p.done.taints++
	return p.patchNode(ctx, t.Node, map[string]any{"spec": map[string]any{"taints": taints}})
}

func (p *Player) patchNode(ctx context.Context, name string, change any) error {
	patch, err := json.Marshal(change)
	if err != nil {
		return fmt.Errorf("encoding a change of node %s: %w", name, err)
	}
	if _, err := p.client.CoreV1().Nodes().Patch(ctx, name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("changing node %s: %w", name, err)
	}
	return p.after(ctx, "")
}
