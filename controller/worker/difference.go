package worker

import (
	"fmt"
	"slices"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// acceptEquivalent finds, among the flows that seem altered, those that are equivalent to the
// wanted flow. A switch may return a flow in a form that differs from the one that was sent.
func (c *compilation) acceptEquivalent(r *readback) error {
	if len(r.altered) == 0 {
		return nil
	}
	w := c.w
	var ours []pipeline.Item
	for _, e := range w.bare.Items() {
		if _, ok := r.altered[e.Cookie()]; ok && e.Kind() == pipeline.ItemFlow {
			ours = append(ours, e)
		}
	}
	meant := make(map[openflow.Cookie]string, len(ours))
	for _, e := range c.withMessages(ours) {
		mod, err := openflow.DecodeFlowMod(w.set.Message(e))
		if err != nil {
			return fmt.Errorf("%v: %w", w.set.Unit(e), err)
		}
		meant[e.Cookie()] = mod.Flow.String()
	}
	for i := range r.items {
		if h := &r.items[i]; h.altered {
			text, ok := meant[h.cookie()]
			h.altered = !ok || text != r.altered[h.cookie()]
		}
	}
	return nil
}

// acceptEquivalentNumbered drops from foreign and missing the groups and meters that are
// equivalent to the wanted ones. Missing must have their messages in w.set.
func (c *compilation) acceptEquivalentNumbered(r *readback, foreign []installedItem, missing []pipeline.Item) ([]installedItem, []pipeline.Item) {
	if len(r.numbered) == 0 {
		return foreign, missing
	}
	fine := map[numbered]bool{}
	for _, i := range missing {
		if i.Kind() == pipeline.ItemFlow {
			continue
		}
		k := numbered{i.Kind(), openflow.ModNumber(c.w.set.Message(i))}
		if text, ok := r.numbered[k]; ok && text == describe(c.w.set.Message(i)) {
			fine[k] = true
		}
	}
	if len(fine) == 0 {
		return foreign, missing
	}
	foreign = slices.DeleteFunc(foreign, func(h installedItem) bool { k, ok := h.numbered(); return ok && fine[k] })
	missing = slices.DeleteFunc(missing, func(i pipeline.Item) bool {
		return i.Kind() != pipeline.ItemFlow && fine[numbered{i.Kind(), openflow.ModNumber(c.w.set.Message(i))}]
	})
	return foreign, missing
}

// replaced returns the groups and meters that are both foreign and missing. One message that
// modifies such an item is enough. The missing ones must have their messages in w.set.
func (w *Worker) replaced(foreign []installedItem, missing []pipeline.Item) map[numbered]bool {
	both := map[numbered]bool{}
	for _, h := range foreign {
		if k, ok := h.numbered(); ok {
			both[k] = false
		}
	}
	if len(both) == 0 {
		return nil
	}
	for _, i := range missing {
		if i.Kind() == pipeline.ItemFlow {
			continue
		}
		k := numbered{i.Kind(), openflow.ModNumber(w.set.Message(i))}
		if _, ok := both[k]; ok {
			both[k] = true
		}
	}
	return both
}

// difference compares installed items with wanted items, both sorted. A flow that is
// altered, or whose cookie is installed twice, was changed by others: it is foreign, and
// the wanted flow is missing.
func difference(installed []installedItem, wanted []pipeline.Item) (foreign []installedItem, missing []pipeline.Item) {
	for len(installed) > 0 || len(wanted) > 0 {
		if len(installed) == 0 || len(wanted) > 0 && wanted[0].Sum < installed[0].sum {
			missing, wanted = append(missing, wanted[0]), wanted[1:]
			continue
		}
		same := 1
		for same < len(installed) && installed[same].sum == installed[0].sum {
			same++
		}
		h := installed[0]
		if len(wanted) > 0 && wanted[0].Sum == h.sum && same == 1 &&
			h.kind == wanted[0].Kind() && h.table == wanted[0].Table() && !h.altered {
			wanted = wanted[1:]
		} else {
			foreign = append(foreign, slices.Compact(slices.Clone(installed[:same]))...)
		}
		installed = installed[same:]
	}
	return foreign, missing
}
