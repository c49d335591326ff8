package cli

import (
	"encoding/json"

	"github.com/sdnctl/sdnctl/controller/api"
)

// pinned returns an object's spec with what was allocated written into it.
func pinned(o api.Object) (json.RawMessage, error) {
	for _, k := range kinds() {
		if k.kind == o.Kind {
			return k.pin(o)
		}
	}
	return o.Spec, nil
}

func pinNetwork(s *api.NetworkSpec, t api.NetworkStatus) {
	s.VNI = &t.VNI
	s.GatewayMAC = t.GatewayMAC
	s.Blocks = nil
	for _, b := range t.Blocks {
		block := api.BlockSpec{Node: b.Node, CIDR: b.CIDR, Gateway: b.Gateway}
		if b.GatewayMAC != t.GatewayMAC {
			block.GatewayMAC = b.GatewayMAC
		}
		s.Blocks = append(s.Blocks, block)
	}
}

// pinning makes the pin function of a kind from what sets the fields of its spec.
func pinning[S, T any](set func(*S, T)) func(api.Object) (json.RawMessage, error) {
	return func(o api.Object) (json.RawMessage, error) {
		var spec S
		var status T
		if err := json.Unmarshal(o.Spec, &spec); err != nil {
			return nil, err
		}
		if len(o.Status) == 0 {
			return o.Spec, nil
		}
		if err := json.Unmarshal(o.Status, &status); err != nil {
			return nil, err
		}
		set(&spec, status)
		return json.Marshal(spec)
	}
}
