// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package rules

// What wakes a pod that the policy rejected. A pod that is held waits for its own labels only.

// WakesAdded tells whether a new node does.
func WakesAdded(p *Pod, n *Node) bool { return !p.Held() && p.InPool(n.Pool) }

// WakesLabels tells whether new labels of a node do.
func WakesLabels(p *Pod, old, updated *Node) bool {
	same := old.Zone == updated.Zone && old.Pool == updated.Pool && old.Closed == updated.Closed
	return !p.Held() && !same && p.InPool(updated.Pool)
}

// WakesDeleted tells whether it does that another pod is gone.
func WakesDeleted(p *Pod, uid, app string) bool {
	return !p.Held() && !p.Free() && uid != p.UID && app == p.App
}

// WakesUpdated tells whether the labels of a pod do.
func WakesUpdated(p *Pod, uid string) bool { return uid == p.UID }
