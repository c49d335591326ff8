package cli

import (
	"encoding/json"

	"github.com/sdnctl/sdnctl/controller/api"
)

// pinned returns an object's spec with what was allocated written into it.
func pinned(o api.Object) (json.RawMessage, error) {
	switch o.Kind {
	case api.KindNode:
		return pin(o, func(s *api.NodeSpec, t api.NodeStatus) { s.DatapathID = t.DatapathID })
	case api.KindNetwork:
		return pin(o, pinNetwork)
	case api.KindPort:
		return pin(o, func(s *api.PortSpec, t api.PortStatus) { s.IP, s.MAC = t.IP, t.MAC })
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

func pin[S, T any](o api.Object, set func(*S, T)) (json.RawMessage, error) {
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
