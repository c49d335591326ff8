package reconcile

import (
	"fmt"
	"slices"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// had is a flow that a switch has.
type had struct {
	cookie openflow.Cookie
	table  openflow.TableID
	// altered says that the flow's content is not what its cookie says.
	altered bool
	// stamp says that it is a stamp.
	stamp bool
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
// should: a switch may give a flow back in another form.
func (c *compilation) forgive(r *readback) error {
	if len(r.odd) == 0 {
		return nil
	}
	w := c.w
	var ours []pipeline.Entry
	for _, e := range w.bare.Entries() {
		if _, ok := r.odd[e.Cookie]; ok {
			ours = append(ours, e)
		}
	}
	meant := make(map[openflow.Cookie]string, len(ours))
	for _, e := range c.spell(ours) {
		mod, err := openflow.DecodeFlowMod(w.set.Message(e))
		if err != nil {
			return fmt.Errorf("%v: %w", w.set.Unit(e), err)
		}
		meant[e.Cookie] = mod.Flow.String()
	}
	for i := range r.flows {
		if h := &r.flows[i]; h.altered {
			text, ok := meant[h.cookie]
			h.altered = !ok || text != r.odd[h.cookie]
		}
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
