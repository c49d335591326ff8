package reconcile

import (
	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// memory is what a node's switch is known to have confirmed last, kept while it is
// away. The zero memory knows nothing.
type memory struct {
	known  bool
	digest pipeline.Digest
	// guessed says that where ports are was not said by OVSDB since the start,
	// which had its time: what is wanted may not be what was.
	guessed bool
}

// recall returns what is known of the switch.
func (m *mailbox) recall() memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.memory
}

// remember notes what the switch has confirmed to have.
func (m *mailbox) remember(d pipeline.Digest) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.memory.known, m.memory.digest = true, d
}

// forget notes that it is not known any more what the switch has.
func (m *mailbox) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.memory.known = false
}

// verdict is what a comparison on connecting says of what others did while the
// switch was away.
type verdict string

const (
	// nothingWrong: the switch has what it is to have.
	nothingWrong verdict = "none"
	// changesMeanwhile: it has what it had confirmed, and something else is wanted
	// by now.
	changesMeanwhile verdict = "none, other flows are wanted by now"
	// freshSwitch: it has none of our flows, as after a reboot.
	freshSwitch verdict = "none, the switch was empty"
	// byOthers: what is wanted is what it had confirmed, and it has something else.
	byOthers verdict = "flows changed by others"
	// cannotTell: it is not known what it had confirmed, or something else is wanted
	// by now and it does not have what it had confirmed either.
	cannotTell verdict = "cannot tell"
)

// judge says what follows from what a switch had confirmed, what it has, and what
// it is to have. None says that not one of the flows it has is wanted.
func judge(before memory, has, wanted pipeline.Digest, differs, none bool) verdict {
	switch {
	case !differs:
		return nothingWrong
	case none:
		return freshSwitch
	case !before.known || before.guessed:
		return cannotTell
	case has == before.digest:
		return changesMeanwhile
	case wanted == before.digest:
		return byOthers
	}
	return cannotTell
}

// digestOf is the digest of what a switch has.
func digestOf(installed []had) pipeline.Digest {
	var d pipeline.Digest
	for _, h := range installed {
		if h.altered {
			h.cookie = ^h.cookie
		}
		d.Add(h.table, h.cookie)
	}
	return d
}
