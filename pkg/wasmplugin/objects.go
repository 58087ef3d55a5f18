// Copyright The Stowage Authors.
// SPDX-License-Identifier: Apache-2.0

package wasmplugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/abi"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/guest"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/objects"
	"github.com/stowage-scheduler/stowage/pkg/wasmplugin/internal/snapshot"
)

const (
	// tellObjects is how many changes a guest is told of in one call.
	tellObjects = 16
	// tellLimit is how long one guest may take to hear of them.
	tellLimit = time.Second
	// syncPatience is how long loading a policy waits for the objects that it declares.
	syncPatience = 5 * time.Second
)

var (
	errNoCluster = errors.New("the policy declares objects, but there is no API server to watch")
	errOutdated  = errors.New("the guest has missed too many changes of objects and is replaced")
)

// watcher is the host's watcher of objects, which all policies share.
func (h *Host) watcher(config *rest.Config) (*objects.Watcher, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watching != nil {
		return h.watching, nil
	}
	client, err := h.dynamic(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for objects: %w", err)
	}
	h.watching = objects.NewWatcher(client, objects.Options{Report: h.reportObjects})
	return h.watching, nil
}

// dynamicClient is for the default of Host.dynamic.
func dynamicClient(config *rest.Config) (dynamic.Interface, error) {
	if config == nil {
		return nil, errNoCluster
	}
	config = rest.CopyConfig(config)
	// Objects of CRDs come as JSON only. Lists and watches are few; the server has limits of its own.
	config.ContentType, config.AcceptContentTypes, config.QPS = "application/json", "application/json", -1
	return dynamic.NewForConfig(config)
}

func (h *Host) reportObjects(s objects.Source, problem string, solved bool) {
	if solved {
		h.logger().Info("Watching objects works again", "source", s.String(), "problem", problem)
		return
	}
	h.logger().Info("Objects that policies declare cannot be watched; policies do not see them", "source", s.String(), "problem", problem)
}

// watch makes the feed of the objects that a module needs, and waits for them if they can be had.
func (p *policy) watch(ctx context.Context, l *loaded) error {
	if len(l.needs.Objects) == 0 {
		return nil
	}
	sources, err := p.sources(l.needs.Objects)
	if err != nil {
		return err
	}
	watcher, err := p.host.watcher(p.handle.KubeConfig())
	if err != nil {
		return err
	}
	ready := make(chan struct{})
	defer close(ready)
	var changes []objects.Change // of the feed's goroutine
	l.objects, err = watcher.NewFeed(sources, objects.Handlers{
		Change: func(c objects.Change) {
			if len(changes) <= maxHinted {
				changes = append(changes, c)
			}
		},
		Changed: func() {
			<-ready
			p.objectsChanged(l, changes)
			changes = nil
		},
	})
	if err != nil {
		l.objects = nil
		return err
	}
	p.awaitObjects(ctx, l.objects)
	return nil
}

// sources checks what the policy declares against what it was granted.
func (p *policy) sources(needs []guest.ObjectNeed) (sources []objects.Source, err error) {
	for _, n := range needs {
		s, problem := objects.ParseSource(n.Resource, n.Namespace, n.LabelSelector, n.FieldSelector)
		switch {
		case problem != nil:
			err = errors.Join(err, fmt.Errorf("declaring objects: %w", problem))
		case !slices.Contains(p.args.Capabilities, s.Capability()):
			err = errors.Join(err, lacks("it reads "+s.String(), s.Capability()))
		}
		sources = append(sources, s)
	}
	return sources, err
}

// awaitObjects waits until the objects are there, for a while: decisions without them would be wrong.
// Objects that cannot be had hold up nobody.
func (p *policy) awaitObjects(ctx context.Context, feed *objects.Feed) {
	ctx, cancel := context.WithTimeout(ctx, syncPatience)
	defer cancel()
	for !feed.Synced() && len(feed.Problems()) == 0 && ctx.Err() == nil {
		time.Sleep(5 * time.Millisecond)
	}
}

// objectsChanged tells idle guests, so that calls need not wait for it, and then has what depended on
// the objects tried again. It runs on a goroutine of the feed.
func (p *policy) objectsChanged(l *loaded, changes []objects.Change) {
	ctx := context.Background()
	for _, pool := range l.pools() {
		p.catchUp(ctx, l, pool)
	}
	// What a generation that is not active yet, or not any more, would say is of no matter.
	if now := p.module.Load(); now != nil && now.loaded == l {
		p.wakeRejected(l, changes)
	}
	p.reviewWaiting(ctx)
}

// catchUp tells a pool's idle guests. One that breaks down is replaced by one that is told when it is
// made, so there is nothing to gain from going on until all know.
func (p *policy) catchUp(ctx context.Context, l *loaded, pool *guest.Pool) {
	for range pool.Size() {
		g := pool.Lagging(l.objects.Version())
		if g == nil {
			return
		}
		err := p.update(ctx, l, g)
		p.putBack(ctx, pool, g, err == nil)
		if err != nil {
			p.strayFault(objectsPoint, err)
		}
	}
}

// update tells a guest that nobody uses.
func (p *policy) update(ctx context.Context, l *loaded, g *guest.Guest) error {
	if l.objects == nil {
		return nil
	}
	world := guest.World{Strides: p.store.Strides(), Parts: l.about.Reads}
	if err := g.Begin(ctx, &world, &guest.Cycle{ID: p.host.cycles.Add(1)}, time.Now().Add(tellLimit)); err != nil {
		return err
	}
	return p.tell(ctx, l, g)
}

// tell brings a guest up to date about the objects that the policy declared.
func (p *policy) tell(ctx context.Context, l *loaded, g *guest.Guest) error {
	if g.Seen() == l.objects.Version() {
		return nil
	}
	changes, now, ok := l.objects.Since(g.Seen())
	if !ok {
		return errOutdated
	}
	if l.about.Has(abi.PointObjects) {
		for chunk := range slices.Chunk(changes, tellObjects) {
			if err := g.Tell(ctx, p.changes(chunk)); err != nil {
				return err
			}
		}
	}
	g.SetSeen(now)
	return nil
}

func (p *policy) changes(changes []objects.Change) guest.Batch {
	s := snapshot.NewDetached(p.store, 0)
	list := make([]snapshot.Object, len(changes))
	for i, c := range changes {
		list[i] = objectRecord(&c, c.Object)
	}
	at := s.AddObjects(list...)
	return guest.Batch{ScratchData: s.Data(), Objects: at, ObjectCount: uint32(len(list))}
}

// object is a host function: an object that the policy declared, as JSON.
func (l *loaded) object(source int, namespace, name string) (json []byte, found, ok bool) {
	if source >= len(l.needs.Objects) {
		return nil, false, false
	}
	if l.objects == nil {
		return nil, false, true
	}
	json, found = l.objects.Get(source, namespace, name)
	return json, found, true
}

// version is that of the declared objects now.
func (l *loaded) version() uint64 {
	if l.objects == nil {
		return 0
	}
	return l.objects.Version()
}
