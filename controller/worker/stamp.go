package worker

import (
	"slices"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/workqueue"
)

// readStamp is the stamp that was read from a switch. It is zero for a switch without a stamp:
// a new or emptied one, or one last connected to a release before 0.2.0.
type readStamp struct {
	known  bool
	digest pipeline.Digest
	// altered says that the stamp's table contains something else.
	altered bool
}

// valid reports whether the stamp describes the other items.
func (s readStamp) valid() bool { return s.known && s.digest != pipeline.Digest{} }

// verdict is what the comparison on connecting concludes about changes by others while the
// switch was away.
type verdict string

const (
	// untouched: the switch has what it was last sent, and that is wanted.
	untouched verdict = "none"
	// changesMeanwhile: it has what it was last sent, but something else is wanted now.
	changesMeanwhile verdict = "none, other flows are wanted by now"
	// freshSwitch: it has none of sdnd's flows and no stamp, as after a reboot.
	freshSwitch verdict = "none, the switch was empty"
	// noStamp: it has no stamp, so what it was last sent is unknown.
	noStamp verdict = "unknown, the switch has no stamp"
	// byOthers: it was last sent what is wanted, but has something else.
	byOthers verdict = "flows changed by others"
	// byOthersAndUs: it does not have what it was last sent, and something else is wanted
	// now.
	byOthersAndUs verdict = "flows changed by others, and other flows are wanted by now"
	// stampByOthers: it has what is wanted, but its stamp is altered, or has another
	// digest.
	stampByOthers verdict = "the stamp changed by others"
)

// judge returns the verdict for flows and groups, given a switch's stamp, the digest of
// what it has and that of what it should have. none says that no item that it has is
// wanted.
func judge(stamp readStamp, has, wanted pipeline.Digest, none bool) verdict {
	says, is, want := stamp.digest.Bundled, has.Bundled, wanted.Bundled
	switch {
	case stamp.altered:
		return stampByOthers
	case stamp.valid() && says == is && is == want:
		return untouched
	case stamp.valid() && says == is:
		return changesMeanwhile
	case stamp.valid() && says == want:
		return byOthers
	case stamp.valid() && is == want:
		return stampByOthers
	case stamp.valid():
		return byOthersAndUs
	case none:
		return freshSwitch
	}
	return noStamp
}

// metersAreKnown reports whether others must have changed a meter that is missing or altered:
// sdnd cannot have been changing meters. A surplus meter proves nothing even then, because sdnd
// deletes meters after it has set the stamp.
func metersAreKnown(stamp readStamp, wanted pipeline.Digest) bool {
	return stamp.valid() && !stamp.altered && stamp.digest.Meters == wanted.Meters
}

// driftsWhileAway makes the drifts of a comparison on connecting, according to the verdict.
func (w *Worker) driftsWhileAway(v verdict, got found, stamp readStamp, has, wanted pipeline.Digest) []Drift {
	bundled, meters := got.split(func(k pipeline.ItemKind) bool { return k != pipeline.ItemMeter })
	var all []Drift
	switch v {
	case byOthers:
		all = w.driftsFound(bundled, byConnection)
	case stampByOthers:
		all = w.driftsFound(found{
			foreign: slices.DeleteFunc(bundled.foreign, func(h installedItem) bool { return h.table != pipeline.TableStamp }),
			missing: slices.DeleteFunc(bundled.missing, func(i pipeline.Item) bool { return i.Table() != pipeline.TableStamp }),
		}, byConnection)
	case byOthersAndUs:
		all = w.driftsGuessed(bundled, stamp.digest.Minus(has).Bundled)
	}
	if metersAreKnown(stamp, wanted) {
		again := w.replaced(meters.foreign, meters.missing)
		meters.foreign = slices.DeleteFunc(meters.foreign, func(h installedItem) bool { k, _ := h.numbered(); return !again[k] })
		all = append(all, w.driftsFound(meters, byConnection)...)
	}
	return all
}

// split splits what was found by the kind of items.
func (f found) split(first func(pipeline.ItemKind) bool) (a, b found) {
	for _, h := range f.foreign {
		to := &b
		if first(h.kind) {
			to = &a
		}
		to.foreign = append(to.foreign, h)
	}
	for _, i := range f.missing {
		to := &b
		if first(i.Kind()) {
			to = &a
		}
		to.missing = append(to.missing, i)
	}
	return a, b
}

// driftsGuessed makes the drifts of changes by others while sdnd changed flows, too. gone is
// the digest of what they removed, minus that of what they added. A flow whose content does not
// match its cookie is theirs. What they removed is known only if it was one flow that is still
// wanted.
func (w *Worker) driftsGuessed(got found, gone uint64) []Drift {
	var theirs found
	for _, h := range got.foreign {
		if h.altered {
			theirs.foreign = append(theirs.foreign, h)
			gone += h.digest().Bundled
		}
	}
	for _, e := range got.missing {
		if (installedItem{kind: e.Kind(), table: e.Table(), sum: e.Sum}).digest().Bundled == gone {
			theirs.missing, gone = append(theirs.missing, e), 0
			break
		}
	}
	all := w.driftsFound(theirs, byConnection)
	if gone != 0 {
		all = append(all, Drift{
			Time: w.pool.cfg.Now(), By: byConnection, What: "modified",
			After: "flows sent earlier; which ones is unknown, because sdnd wants other flows by now",
		})
	}
	return all
}

// stampAfter returns the stamp to set with a job after which the flows have this digest.
// While units wait that later changes have overtaken, a flow may belong to two units, and
// the digest counts it twice; the stamp is not valid until they are done.
func (w *Worker) stampAfter(j workqueue.Job, digest pipeline.Digest) pipeline.Digest {
	switch {
	case digest == w.digest && w.stamped != pipeline.Digest{}:
		return w.stamped // nothing changes
	case j.Partial:
		return pipeline.Digest{}
	}
	return digest
}
