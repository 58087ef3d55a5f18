// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

// WaitForPod polls a pod until done accepts it, and returns it. At the end of ctx, or after the cluster's
// timeout, the error tells where the pod was and what the scheduler last said about it.
func (c *Cluster) WaitForPod(ctx context.Context, namespace, name string, done func(*corev1.Pod) bool) (*corev1.Pod, error) {
	var pod *corev1.Pod
	err := wait.PollUntilContextTimeout(ctx, readyPoll, c.opts.Timeout, true, func(ctx context.Context) (bool, error) {
		p, err := c.client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		pod = p
		return done(pod), nil
	})
	if err == nil {
		return pod, nil
	}
	if pod == nil {
		return nil, fmt.Errorf("waiting for pod %s/%s: %w", namespace, name, err)
	}
	return pod, fmt.Errorf("waiting for pod %s/%s: %w (phase %s, node %q, scheduler: %q)", namespace, name, err, pod.Status.Phase, pod.Spec.NodeName, Unschedulable(pod))
}

// Running accepts a pod that kwok has started on its node.
func Running(pod *corev1.Pod) bool { return pod.Status.Phase == corev1.PodRunning }

// Rejected accepts a pod that a scheduler has tried to place and could not.
func Rejected(pod *corev1.Pod) bool { return Unschedulable(pod) != "" }

// Unschedulable returns why a scheduler could not place the pod; empty if it did not try or succeeded.
func Unschedulable(pod *corev1.Pod) string {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return condition.Message
		}
	}
	return ""
}
