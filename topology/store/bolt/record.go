package bolt

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// The record of an object is the JSON of the object itself: its labels, revisions
// and spec, with defaults filled in, and what was allocated for it.

// blockRecord is a block; its network and node are the key.
type blockRecord struct {
	// Ranges has one of each family at most.
	Ranges     []rangeRecord `json:"ranges"`
	GatewayMAC topology.MAC  `json:"gatewayMAC"`
}

// rangeRecord is the addresses of one family that a block has.
type rangeRecord struct {
	CIDR    netip.Prefix `json:"cidr"`
	Gateway netip.Addr   `json:"gateway"`
}

// recordOf returns the record of a block.
func recordOf(b *topology.Block) blockRecord {
	r := blockRecord{GatewayMAC: b.GatewayMAC}
	for _, x := range b.Ranges() {
		r.Ranges = append(r.Ranges, rangeRecord{x.Prefix, x.Gateway})
	}
	return r
}

// block is the reverse of recordOf.
func (r blockRecord) block(network, node string) (*topology.Block, error) {
	b := &topology.Block{Network: network, Node: node, GatewayMAC: r.GatewayMAC}
	for _, x := range r.Ranges {
		if !x.CIDR.IsValid() {
			return nil, errors.New("a range has no CIDR")
		}
		b.ByFamily[model.FamilyOf(x.CIDR.Addr())] = topology.BlockRange{Prefix: x.CIDR, Gateway: x.Gateway}
	}
	return b, nil
}

// encode returns the record of an object.
func encode(o topology.Object) ([]byte, error) { return json.Marshal(o) }

// decode is the reverse of encode.
func decode(r topology.Ref, v []byte) (topology.Object, error) {
	o, ok := topology.New(r)
	if !ok {
		return nil, fmt.Errorf("%s: not a kind that can be stored", r)
	}
	return o, json.Unmarshal(v, o)
}
