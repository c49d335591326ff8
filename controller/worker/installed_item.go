package worker

import (
	"fmt"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// installedItem is an item that a switch has.
type installedItem struct {
	// sum is a flow's cookie, or the hash of a group's or meter's content.
	sum  pipeline.Sum
	kind pipeline.ItemKind
	// table is set for a flow, number for a group or meter.
	table  openflow.TableID
	number uint32
	// altered says that the content of a flow does not match its cookie.
	altered bool
	// stamp says that the item is a stamp.
	stamp bool
	// invalidation says that the item is an invalidation, with whatever digest.
	invalidation bool
}

// numbered identifies a group or meter.
type numbered struct {
	kind   pipeline.ItemKind
	number uint32
}

// numbered returns the key of a group or meter, and false for a flow.
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

// tableName returns the name of the place where the item is.
func (h installedItem) tableName() string { return tableName(h.kind, h.table) }

// tableName returns where an item is: the name of the flow's table, "groups" or "meters".
func tableName(k pipeline.ItemKind, t openflow.TableID) string {
	if k == pipeline.ItemFlow {
		return pipeline.TableName(t)
	}
	return k.String() + "s"
}

// digest returns the digest of this item alone.
func (h installedItem) digest() (d pipeline.Digest) {
	if h.altered {
		h.sum = ^h.sum
	}
	d.Add(h.kind, h.table, h.sum)
	return d
}

// digestOf returns the digest of a switch's items without its stamp and its invalidations.
func digestOf(installed []installedItem) (d pipeline.Digest) {
	for _, h := range installed {
		if !h.stamp && !h.invalidation {
			d = d.Plus(h.digest())
		}
	}
	return d
}

// sortInstalled sorts items by sum and table.
func sortInstalled(all []installedItem) {
	pipeline.SortBySum(all, func(h *installedItem) pipeline.Sum { return h.sum }, func(a, b *installedItem) bool { return a.table < b.table })
}
