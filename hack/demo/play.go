// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

const poll = 50 * time.Millisecond

// place is where a scheduler put a pod. A nil node means nowhere, and reason is the event that says why.
type place struct {
	node   *corev1.Node
	reason string
}

// result is one pod of the demo and where both schedulers put it.
type result struct {
	pod            *corev1.Pod
	stowage, stock place
}

// play places the pods with the stock scheduler, takes them away again, and places them with stowage: both
// schedulers find the cluster empty, so what differs is theirs.
func play(ctx context.Context, c *cluster.Cluster) ([]result, error) {
	pods, err := pods()
	if err != nil {
		return nil, err
	}
	step(fmt.Sprintf("Adding %d nodes in %d zones", nodeCount, len(zones)))
	if err := c.CreateNodes(ctx, nodes()...); err != nil {
		return nil, err
	}
	if err := makeNamespaces(ctx, c, "demo", twinNamespace); err != nil {
		return nil, err
	}
	stock, err := playStock(ctx, c, pods)
	if err != nil {
		return nil, fmt.Errorf("with %s: %w", twinScheduler, err)
	}
	stowage, err := playStowage(ctx, c, pods)
	if err != nil {
		return nil, fmt.Errorf("with stowage: %w", err)
	}
	results := make([]result, len(pods))
	for i, pod := range pods {
		results[i] = result{pod: pod, stowage: stowage[i], stock: stock[i]}
	}
	return results, nil
}

func playStock(ctx context.Context, c *cluster.Cluster, pods []*corev1.Pod) ([]place, error) {
	step(fmt.Sprintf("Placing %d pods with the stock scheduler, then removing them", len(pods)))
	if _, err := c.StartScheduler(ctx, cluster.SchedulerOptions{Name: twinScheduler}); err != nil {
		return nil, err
	}
	twins := make([]*corev1.Pod, len(pods))
	for i, pod := range pods {
		twins[i] = twin(pod)
	}
	places, err := placeAll(ctx, c, twins)
	if err != nil {
		return nil, err
	}
	return places, removeAll(ctx, c, twinNamespace)
}

func playStowage(ctx context.Context, c *cluster.Cluster, pods []*corev1.Pod) ([]place, error) {
	config, err := writeConfig(c.Dir())
	if err != nil {
		return nil, err
	}
	step("Starting stowage with the policies zone-affinity, binpack and node-number")
	if _, err := c.StartScheduler(ctx, cluster.SchedulerOptions{Name: "stowage", ConfigFile: config}); err != nil {
		return nil, err
	}
	step(fmt.Sprintf("Placing the same %d pods with stowage", len(pods)))
	return placeAll(ctx, c, pods)
}

// placeAll creates one pod after the other, so that each finds the ones before it on their nodes.
func placeAll(ctx context.Context, c *cluster.Cluster, pods []*corev1.Pod) ([]place, error) {
	places := make([]place, len(pods))
	for i, pod := range pods {
		if _, err := c.Client().CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{}); err != nil {
			return nil, fmt.Errorf("creating pod %s: %w", pod.Name, err)
		}
		decided, err := c.WaitForPod(ctx, pod.Namespace, pod.Name, func(p *corev1.Pod) bool {
			return cluster.Running(p) || cluster.Rejected(p)
		})
		if err != nil {
			return nil, err
		}
		if places[i], err = placeOf(ctx, c, decided); err != nil {
			return nil, err
		}
	}
	return places, nil
}

func placeOf(ctx context.Context, c *cluster.Cluster, pod *corev1.Pod) (place, error) {
	if pod.Spec.NodeName == "" {
		reason, err := rejection(ctx, c, pod)
		return place{reason: reason}, err
	}
	node, err := c.Client().CoreV1().Nodes().Get(ctx, pod.Spec.NodeName, metav1.GetOptions{})
	if err != nil {
		return place{}, fmt.Errorf("reading the node of pod %s: %w", pod.Name, err)
	}
	return place{node: node}, nil
}

// rejection waits for the event in which the scheduler says why the pod fits nowhere, as `kubectl describe` shows it.
func rejection(ctx context.Context, c *cluster.Cluster, pod *corev1.Pod) (string, error) {
	selector := fields.Set{"regarding.name": pod.Name, "reason": "FailedScheduling"}.String()
	var note string
	err := wait.PollUntilContextTimeout(ctx, poll, time.Minute, true, func(ctx context.Context) (bool, error) {
		events, err := c.Client().EventsV1().Events(pod.Namespace).List(ctx, metav1.ListOptions{FieldSelector: selector})
		if err != nil || len(events.Items) == 0 {
			return false, err
		}
		note = events.Items[0].Note
		return true, nil
	})
	if err != nil {
		return "", fmt.Errorf("waiting for the event of pod %s: %w", pod.Name, err)
	}
	return note, nil
}

// removeAll deletes the pods of a namespace and waits until the last has gone.
func removeAll(ctx context.Context, c *cluster.Cluster, namespace string) error {
	pods := c.Client().CoreV1().Pods(namespace)
	if err := pods.DeleteCollection(ctx, metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
		return fmt.Errorf("removing the pods of %s: %w", namespace, err)
	}
	err := wait.PollUntilContextTimeout(ctx, poll, time.Minute, true, func(ctx context.Context) (bool, error) {
		left, err := pods.List(ctx, metav1.ListOptions{})
		return err == nil && len(left.Items) == 0, err
	})
	if err != nil {
		return fmt.Errorf("waiting until the pods of %s have gone: %w", namespace, err)
	}
	return nil
}
