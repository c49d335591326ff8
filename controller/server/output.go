package server

import (
	"iter"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
)

// view converts the objects of one snapshot for the API, with their present status.
type view struct {
	snap   *topology.Snapshot
	fabric Fabric
	// only is the name of the node that reads the view and sees little but itself; "" if a
	// user reads it.
	only string
}

// metaOf converts the metadata of an object for the API.
func metaOf(m *topology.Meta) *api.Meta {
	return &api.Meta{
		Revision:  api.Revision(m.Modified),
		Created:   api.Revision(m.Created),
		CreatedAt: m.CreatedAt.UTC(),
	}
}

// blockStatus returns the ranges of a node's block of a network, one for each family.
func blockStatus(b *topology.Block) (all []api.BlockStatus) {
	for _, r := range b.Ranges() {
		all = append(all, api.BlockStatus{
			Network:    b.Network,
			Node:       b.Node,
			CIDR:       r.Prefix.String(),
			Gateway:    addrText(r.Gateway),
			GatewayMAC: macText(b.GatewayMAC),
		})
	}
	return all
}

// addrText returns an address as text, "" for the zero Addr.
func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// macText returns a MAC as text, "" for the zero MAC.
func macText(m topology.MAC) string {
	if m.IsZero() {
		return ""
	}
	return m.String()
}

// show returns an object as an api.Resource.
func (v view) show(o topology.Object) api.Shown {
	k, _ := kinds.Of(o.Ref().Kind) // a snapshot has objects of these kinds only
	return k.show(v, o)
}

// object returns an object in its general form, nil for nil.
func (v view) object(o topology.Object) (*api.Object, error) {
	if o == nil {
		return nil, nil
	}
	out, err := v.show(o).Object()
	return &out, err
}

// changes converts changes one by one, while they are sent. v must be the view of the
// snapshot after the changes, before that of the one before them.
func (v view) changes(before view, changes []topology.Change) iter.Seq2[any, error] {
	return each(slices.Values(changes), func(c topology.Change) (any, error) {
		was, err := before.object(c.Before)
		if err != nil {
			return nil, err
		}
		is, err := v.object(c.After)
		return api.Change{Object: c.Ref.String(), Verb: verbOf(c), Before: was, After: is}, err
	})
}

// verbOf returns the API's verb of a change.
func verbOf(c topology.Change) string {
	switch c.Verb() {
	case topology.Create:
		return api.VerbCreate
	case topology.Delete:
		return api.VerbDelete
	}
	return api.VerbUpdate
}
