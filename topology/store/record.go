package store

import (
	"encoding/json"
	"fmt"
	"net/netip"

	"github.com/sdnctl/sdnctl/topology"
)

// The record of an object is the JSON of the object itself: its labels, revisions
// and spec, with defaults filled in, and what was allocated for it.

// blockRecord is a block; its network and node are the key.
type blockRecord struct {
	CIDR       netip.Prefix `json:"cidr"`
	Gateway    netip.Addr   `json:"gateway"`
	GatewayMAC topology.MAC `json:"gatewayMAC"`
}

// encode returns the record of an object.
func encode(o topology.Object) ([]byte, error) { return json.Marshal(o) }

// encodeSpec returns an object's spec as in its record.
func encodeSpec(o topology.Object) (json.RawMessage, error) {
	return json.Marshal(topology.SpecOf(o))
}

// decode is the reverse of encode.
func decode(r topology.Ref, v []byte) (topology.Object, error) {
	o, ok := topology.New(r)
	if !ok {
		return nil, fmt.Errorf("%s: not a kind that can be stored", r)
	}
	return o, json.Unmarshal(v, o)
}
