package worker

import (
	"fmt"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// had is an item that a switch has.
type installedItem struct {
	// sum is a flow's cookie, and of groups and meters the hash of what they are.
	sum  pipeline.Sum
	kind pipeline.ItemKind
	// table is a flow's, number that of a group or meter.
	table  openflow.TableID
	number uint32
	// altered says that a flow's content is not what its cookie says.
	altered bool
	// stamp says that it is a stamp.
	stamp bool
	// invalidation says that it is an invalidation, of any digest.
	invalidation bool
}

// numbered identifies a group or meter.
type numbered struct {
	kind   pipeline.ItemKind
	number uint32
}

// numbered returns what the item is, if it is a group or a meter.
func (h installedItem) numbered() (numbered, bool) {
	return numbered{h.kind, h.number}, h.kind != pipeline.ItemFlow
}

// cookie returns the cookie of a flow.
func (h installedItem) cookie() openflow.Cookie { return openflow.Cookie(h.sum) }

// String describes the item for a message.
func (h installedItem) String() string {
	if h.kind != pipeline.ItemFlow {
		return fmt.Sprintf("%v %d", h.kind, h.number)
	}
	return fmt.Sprintf("table=%d, cookie=%#x", h.table, uint64(h.sum))
}

// tableName names the table that the item is in.
func (h installedItem) tableName() string { return tableName(h.kind, h.table) }

// tableName names where an item is: a flow table by its name, "groups" or "meters".
func tableName(k pipeline.ItemKind, t openflow.TableID) string {
	if k == pipeline.ItemFlow {
		return pipeline.TableName(t)
	}
	return k.String() + "s"
}

// digest is that of the one item.
func (h installedItem) digest() (d pipeline.Digest) {
	if h.altered {
		h.sum = ^h.sum
	}
	d.Add(h.kind, h.table, h.sum)
	return d
}

// digestOf is the digest of what a switch has beside its stamp and its invalidations.
func digestOf(installed []installedItem) (d pipeline.Digest) {
	for _, h := range installed {
		if !h.stamp && !h.invalidation {
			d = d.Plus(h.digest())
		}
	}
	return d
}

// sortHad orders items by sum and table.
func sortInstalled(all []installedItem) {
	pipeline.SortBySum(all, func(h *installedItem) pipeline.Sum { return h.sum }, func(a, b *installedItem) bool { return a.table < b.table })
}
