package reconcile

import (
	"slices"

	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// readStamp is the stamp that a switch was found to have; the zero readStamp is
// of one that has none, as a switch that is new, was emptied, or was last served
// by a release before 0.2.0.
type readStamp struct {
	known  bool
	digest pipeline.Digest
	// altered says that something else is in the stamp's table.
	altered bool
}

// says reports whether the stamp says anything about the other flows.
func (s readStamp) says() bool { return s.known && s.digest != 0 }

// verdict is what a comparison on connecting says of what others did while the
// switch was away.
type verdict string

const (
	// untouched: the switch has what it was last given, and that is wanted.
	untouched verdict = "none"
	// changesMeanwhile: it has what it was last given, and something else is
	// wanted by now.
	changesMeanwhile verdict = "none, other flows are wanted by now"
	// freshSwitch: it has none of our flows and no stamp, as after a reboot.
	freshSwitch verdict = "none, the switch was empty"
	// noStamp: it has no stamp, so it is not known what it was last given.
	noStamp verdict = "unknown, the switch has no stamp"
	// byOthers: what is wanted is what it was last given, and it has something
	// else.
	byOthers verdict = "flows changed by others"
	// byOthersAndUs: it does not have what it was last given, and something else is
	// wanted by now.
	byOthersAndUs verdict = "flows changed by others, and other flows are wanted by now"
	// stampByOthers: its stamp is altered, or says otherwise though it has what is
	// wanted.
	stampByOthers verdict = "the stamp changed by others"
)

// judge says what follows from a switch's stamp, from what it has and from what it
// is to have. None says that not one of the flows it has is wanted.
func judge(stamp readStamp, has, wanted pipeline.Digest, none bool) verdict {
	switch {
	case stamp.altered:
		return stampByOthers
	case stamp.says() && stamp.digest == has && has == wanted:
		return untouched
	case stamp.says() && stamp.digest == has:
		return changesMeanwhile
	case stamp.says() && stamp.digest == wanted:
		return byOthers
	case stamp.says() && has == wanted:
		return stampByOthers
	case stamp.says():
		return byOthersAndUs
	case none:
		return freshSwitch
	}
	return noStamp
}

// digestOf is the digest of what a switch has beside its stamp.
func digestOf(installed []had) (d pipeline.Digest) {
	for _, h := range installed {
		if !h.stamp {
			d += h.digest()
		}
	}
	return d
}

// digest is that of the one flow.
func (h had) digest() (d pipeline.Digest) {
	if h.altered {
		h.cookie = ^h.cookie
	}
	d.Add(h.table, h.cookie)
	return d
}

// driftsWhileAway makes drifts of what a comparison on connecting found, as the
// verdict says.
func (w *worker) driftsWhileAway(v verdict, got found, stamp readStamp, has pipeline.Digest) []Drift {
	switch v {
	case byOthers:
		return w.driftsFound(got, byConnection)
	case stampByOthers:
		return w.driftsFound(found{
			foreign: slices.DeleteFunc(slices.Clone(got.foreign), func(h had) bool { return h.table != pipeline.TableStamp }),
			missing: slices.DeleteFunc(slices.Clone(got.missing), func(e pipeline.Entry) bool { return e.Table() != pipeline.TableStamp }),
		}, byConnection)
	case byOthersAndUs:
		return w.driftsGuessed(got, stamp.digest-has)
	}
	return nil
}

// driftsGuessed makes drifts of what others did while something else came to be
// wanted; gone is the digest of what they removed, less that of what they added.
// A flow whose content is not what its cookie says is theirs. What they removed
// is known if it was one flow, and that is still wanted.
func (w *worker) driftsGuessed(got found, gone pipeline.Digest) []Drift {
	var theirs found
	for _, h := range got.foreign {
		if h.altered {
			theirs.foreign = append(theirs.foreign, h)
			gone += h.digest()
		}
	}
	for _, e := range got.missing {
		if (had{table: e.Table(), cookie: e.Cookie}).digest() == gone {
			theirs.missing, gone = append(theirs.missing, e), 0
			break
		}
	}
	all := w.driftsFound(theirs, byConnection)
	if gone != 0 {
		all = append(all, Drift{
			Time: w.f.cfg.Now(), By: byConnection, What: "modified",
			After: "flows of earlier; which ones cannot be told, since sdnd wants other flows by now",
		})
	}
	return all
}

// stampAfter is what the stamp is to say when a job is done that brings the flows
// to a digest. While units wait that later changes have overtaken, a flow may
// belong to two units, and the digest counts it twice: until then the stamp says
// nothing.
func (w *worker) stampAfter(j job, digest pipeline.Digest) pipeline.Digest {
	switch {
	case digest == w.digest && w.stamped != 0:
		return w.stamped // nothing changes
	case j.partial:
		return 0
	}
	return digest
}
