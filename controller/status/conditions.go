package status

import (
	"cmp"
	"time"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/topology"
)

func nodeRef(name string) topology.Ref { return topology.Ref{Kind: topology.KindNode, Name: name} }

// assessNode evaluates a node's conditions again, and returns its status with
// them. The caller holds the lock.
func (b *Board) assessNode(n *boardNode) Node {
	known := !n.staleSince.IsZero() // progress has already notified subscribers
	s, changed := b.evaluate(n)
	if changed && !known {
		b.notify(nodeRef(s.Node))
	}
	return s
}

// refresh evaluates the conditions of the nodes that came into or out of sync. The caller holds
// the lock.
func (b *Board) refresh() {
	for n := range b.stale {
		b.evaluate(n)
	}
}

// evaluate does what assessNode does without notifying subscribers, and reports whether the
// conditions have changed.
func (b *Board) evaluate(n *boardNode) (s Node, changed bool) {
	s = n.snapshot()
	at := n.staleSince
	if at.IsZero() {
		at = b.now()
	}
	n.wasInSync, n.staleSince = s.InSync, time.Time{}
	delete(b.stale, n)
	facts := condition.NodeFacts{
		Name: s.Node, Secure: b.secure, Connected: s.Connected, Seen: !s.Since.IsZero(),
		LastError: s.LastError, InSync: s.InSync,
		OVSDB: s.OVSDB, NeedsOVSDB: s.NeedsOVSDB, TunnelPort: s.TunnelPort, IdentityConflict: s.IdentityConflict,
		Fragments: s.Fragments,
		Bridge:    cmp.Or(n.bridge.Name, b.bridge), WantBridge: b.bridge, Standalone: n.bridge.Standalone,
		TunnelDisabled: n.bridge.Disabled, Tunnel: n.bridge.Tunnel, OtherTunnel: n.bridge.OtherTunnel,
		TunnelIP: s.Source.Declared, LocalIP: s.Source.Local, Exempt: s.Source.Exempt,
		Unmatched: n.unmatched, Refused: b.refusedAt(n),
		CertificateExpires: s.CertificateExpires, Now: b.now(), WriteError: s.WriteError, Lacks: s.Lacks, MissingRows: s.MissingRows, OVSVersion: s.OVSVersion, NoSourcePort: s.NoSourcePort, TunnelFaults: s.TunnelFaults, ReadOnly: n.bridge.ReadOnly, ForgetsBackoff: s.ForgetsBackoff,
	}
	if s.NoZoneLimits {
		facts.Unlimited = s.SharingDomains
	}
	b.reviews.set(s.Node, nextReview(facts.Now, facts.CertificateExpires))
	s.Conditions = condition.Node(facts)
	return s, b.record(nodeRef(s.Node), s.Conditions, at)
}

// record stores an object's conditions and sets the time at which each began, which is at for
// new ones. It reports whether the conditions have changed. The caller holds the lock.
func (b *Board) record(o topology.Ref, all []condition.Condition, at time.Time) (changed bool) {
	changed = b.conditions.Set(o, all, at)
	b.conditions.Stamp(o, all, at)
	return changed
}

// Assess records the conditions of a network or port, and notifies subscribers if they have
// changed.
func (b *Board) Assess(o topology.Ref, all []condition.Condition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.record(o, all, b.now()) {
		b.notify(o)
	}
}

// WithoutOVSDB returns, for a port that is bound by external_ids, the node where its
// interface may be if the ovsdb-server there is not connected; "" for none.
func (b *Board) WithoutOVSDB(p *topology.Port, node string) string {
	if p.Spec.Interface != "" || node == "" {
		return ""
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if n, ok := b.nodes[node]; !ok || !n.status.Connected || n.status.OVSDB {
		return ""
	}
	return node
}

// Stamp sets the time at which each of an object's conditions began.
func (b *Board) Stamp(o topology.Ref, all []condition.Condition) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conditions.Stamp(o, all, b.now())
}

// NeedOVSDB records whether there are ports that can be bound on a node by external_ids
// only.
func (b *Board) NeedOVSDB(node string, needs bool) {
	b.mu.Lock()
	n, ok := b.nodes[node]
	same := !ok || n.status.NeedsOVSDB == needs
	b.mu.Unlock()
	if !same {
		b.Update(node, func(s *Node) { s.NeedsOVSDB = needs })
	}
}
