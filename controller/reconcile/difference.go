package reconcile

import (
	"fmt"
	"slices"
	"sort"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// had is a flow that a switch has.
type had struct {
	cookie openflow.Cookie
	table  openflow.TableID
	// altered says that the flow's content is not what its cookie says.
	altered bool
}

// String tells what little is known of the flow.
func (h had) String() string {
	return fmt.Sprintf("table=%d, cookie=%#x", h.table, uint64(h.cookie))
}

// sortHad orders flows by cookie and table.
func sortHad(all []had) {
	pipeline.SortByCookie(all, func(h *had) openflow.Cookie { return h.cookie }, func(a, b *had) bool { return a.table < b.table })
}

// forgive finds, among the flows that seem altered, those that mean what they
// should: a switch may give a flow back in another form. Wanted is sorted.
func forgive(installed []had, odd map[openflow.Cookie]string, wanted *pipeline.FlowSet) error {
	if len(odd) == 0 {
		return nil
	}
	entries := wanted.Entries()
	for i := range installed {
		h := &installed[i]
		at := sort.Search(len(entries), func(i int) bool { return entries[i].Cookie >= h.cookie })
		if !h.altered || at == len(entries) || entries[at].Cookie != h.cookie {
			continue
		}
		mod, err := openflow.DecodeFlowMod(wanted.Message(entries[at]))
		if err != nil {
			return fmt.Errorf("%v: %w", wanted.Unit(entries[at]), err)
		}
		h.altered = mod.Flow.String() != odd[h.cookie]
	}
	return nil
}

// difference compares flows that are installed with flows that are wanted, both
// in order. A flow that is altered, or a cookie that is installed twice, is
// somebody else's work: it is foreign, and the flow is missing.
func difference(installed []had, wanted []pipeline.Entry) (foreign []had, missing []pipeline.Entry) {
	for len(installed) > 0 || len(wanted) > 0 {
		if len(installed) == 0 || len(wanted) > 0 && wanted[0].Cookie < installed[0].cookie {
			missing, wanted = append(missing, wanted[0]), wanted[1:]
			continue
		}
		same := 1
		for same < len(installed) && installed[same].cookie == installed[0].cookie {
			same++
		}
		h := installed[0]
		if len(wanted) > 0 && wanted[0].Cookie == h.cookie && same == 1 && h.table == wanted[0].Table() && !h.altered {
			wanted = wanted[1:]
		} else {
			foreign = append(foreign, slices.Compact(slices.Clone(installed[:same]))...)
		}
		installed = installed[same:]
	}
	return foreign, missing
}
