// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/stowage-scheduler/stowage/test/cluster"
)

const (
	nodeCount = 20
	zoneLabel = "stowage.dev/zone"
	poolLabel = "stowage.dev/pool"
	gpuPool   = "gpu"
	// asksAnnotation on a pod says in words what it wants; it is printed, nothing else reads it.
	asksAnnotation = "stowage.dev/demo-asks"
	// The namespace of the pods that stowage places is in their YAML; these are the stock scheduler's.
	twinNamespace = "demo-default"
	twinScheduler = corev1.DefaultSchedulerName
)

var (
	//go:embed pods/*.yaml
	podFiles embed.FS
	//go:embed scheduler.yaml
	schedulerConfig string

	zones = []string{"zone-a", "zone-b", "zone-c"}
	// gpuNodes make up the pool gpu, one in each zone; all others are the pool general.
	gpuNodes = []int{4, 11, 18}
)

// nodes returns node-00 to node-19, dealt to the zones in turn.
func nodes() []*corev1.Node {
	all := make([]*corev1.Node, nodeCount)
	for i := range all {
		b := cluster.MakeNode(fmt.Sprintf("node-%02d", i)).Zone(zones[i%len(zones)]).Label(poolLabel, "general")
		if slices.Contains(gpuNodes, i) {
			b.Label(poolLabel, gpuPool).Resource("nvidia.com/gpu", "4")
		}
		all[i] = b.Obj()
	}
	return all
}

// pods reads the YAML files in the order of their names.
func pods() ([]*corev1.Pod, error) {
	files, err := podFiles.ReadDir("pods")
	if err != nil {
		return nil, fmt.Errorf("listing the pods' files: %w", err)
	}
	var all []*corev1.Pod
	for _, file := range files {
		pods, err := readPods(filepath.Join("pods", file.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file.Name(), err)
		}
		all = append(all, pods...)
	}
	return all, nil
}

func readPods(name string) ([]*corev1.Pod, error) {
	file, err := podFiles.Open(name)
	if err != nil {
		return nil, err
	}
	documents := yaml.NewDocumentDecoder(file)
	defer documents.Close() //nolint:errcheck // an embedded file
	var pods []*corev1.Pod
	buffer := make([]byte, 64<<10)
	for {
		n, err := documents.Read(buffer)
		if errors.Is(err, io.EOF) {
			return pods, nil
		}
		if err != nil {
			return nil, err
		}
		pod := &corev1.Pod{}
		if err := sigsyaml.UnmarshalStrict(buffer[:n], pod); err != nil {
			return nil, err
		}
		pods = append(pods, pod)
	}
}

// twin returns the same pod for the stock scheduler.
func twin(pod *corev1.Pod) *corev1.Pod {
	pod = pod.DeepCopy()
	pod.Namespace, pod.Spec.SchedulerName = twinNamespace, twinScheduler
	return pod
}

// writeConfig puts the scheduler's configuration into dir and returns its path.
func writeConfig(dir string) (string, error) {
	root, err := cluster.SourceRoot()
	if err != nil {
		return "", err
	}
	policies := filepath.Join(root, "build", "policies")
	text := os.Expand(schedulerConfig, func(string) string { return policies })
	path := filepath.Join(dir, "stowage.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("writing the scheduler's configuration: %w", err)
	}
	return path, nil
}

func makeNamespaces(ctx context.Context, c *cluster.Cluster, names ...string) error {
	for _, name := range names {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if _, err := c.Client().CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("creating namespace %s: %w", name, err)
		}
	}
	return nil
}
