package worker

import (
	"context"
	"fmt"
	"slices"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// The userspace datapath of some versions of Open vSwitch finds a cached flow that it has
// to modify by the packet that created it. If another cached flow matches that packet too,
// it modifies that one; the right one forwards as before for as long as packets match it
// ("dpif-netdev: Fix dpif_netdev_flow_put"). Such switches get invalidations beside their
// stamp. See docs/decisions/0036.

// fixesStale are the first versions of Open vSwitch's branches that modify the right
// flow. All later branches do.
func fixesStale(major, minor int) (patch int, known bool) {
	switch {
	case major == 2 && minor == 17:
		return 8, true
	case major == 2:
		return 1 << 30, true // never
	case major == 3 && minor == 0:
		return 5, true
	case major == 3 && minor == 1:
		return 3, true
	}
	return 0, false
}

// Stale reports whether the userspace datapath of a version of Open vSwitch, such as "3.1.0",
// may keep outdated cached flows.
func Stale(version string) bool { return OlderThan(version, fixesStale) }

// bandsOfUserspace is how many bands a meter of the userspace datapath has at most; a
// meter of the kernel's has one (OVS, lib/dpif-netdev.c, MAX_BANDS; Linux,
// net/openvswitch/meter.h, DP_MAX_BANDS). Nothing else in OpenFlow tells the two apart.
const bandsOfUserspace = 8

// askStale finds out whether the switch's datapath may keep outdated cached flows. A switch
// that does not report its datapath is treated as if it did.
func (w *Worker) askStale(ctx context.Context) error {
	version := w.sess.Desc().Software
	if !Stale(version) {
		return nil
	}
	w.stale.Store(true)
	err := w.sess.Multipart(ctx, openflow.MeterFeaturesRequest(), func(m *openflow.MultipartReply) error {
		f, err := m.MeterFeatures()
		w.stale.Store(err != nil || f.MaxBands == bandsOfUserspace)
		return err
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if w.stale.Load() {
		w.pool.cfg.Logger.Info("this version of Open vSwitch can keep cached flows that no longer hold: sdnd has it forget its cache with each change; 2.17.8, 3.0.5, 3.1.3 and later need not",
			"dpid", fmt.Sprintf("%016x", w.sess.Features().DatapathID), "ovs_version", version, "datapath_unknown", err != nil)
	}
	return nil
}

// addStamp appends the stamp and the invalidations that a node's switch needs to the node's
// other items, which have the digest d.
func (w *Worker) addStamp(c *pipeline.Compiler, s *pipeline.ItemSet, v *pipeline.View, node string, d pipeline.Digest) {
	s.AddStamp(node, d)
	if w.stale.Load() {
		s.AddInvalidations(node, d, c.Entries(v, node))
	}
}

// invalidationRemoved returns the message that deletes an invalidation; the next deletion
// overwrites it.
func (w *Worker) invalidationRemoved(t openflow.TableID, c openflow.Cookie) itemMod {
	m := w.deletion(t, c)
	m.rule = pipeline.InvalidationRule
	return m
}

// entriesOf returns the tables that have invalidations by a View: none if the switch needs none.
func (w *Worker) entriesOf(v *pipeline.View) []openflow.TableID {
	if !w.stale.Load() {
		return nil
	}
	return w.compiler.Entries(v, w.node)
}

// invalidate yields the messages that replace the switch's invalidations by those of the
// digest d in the tables entries. Where a table keeps its invalidation, it yields nothing. The
// tables may change although the digest does not.
func (w *Worker) invalidate(entries []openflow.TableID, d pipeline.Digest, yield func(itemMod) bool) {
	gone, added := w.entries, entries
	if d == w.digest {
		gone, added = missingFrom(entries, w.entries), missingFrom(w.entries, entries)
	}
	w.set.Reset()
	for _, i := range w.set.AddInvalidations(w.node, w.digest, gone) {
		if !yield(w.invalidationRemoved(i.Table(), i.Cookie())) {
			return
		}
	}
	w.set.Reset()
	for _, i := range w.set.AddInvalidations(w.node, d, added) {
		if !yield(addition(&w.set, i)) {
			return
		}
	}
}

// missingFrom returns those of the tables that are not in set.
func missingFrom(set, tables []openflow.TableID) (missing []openflow.TableID) {
	for _, t := range tables {
		if !slices.Contains(set, t) {
			missing = append(missing, t)
		}
	}
	return missing
}
