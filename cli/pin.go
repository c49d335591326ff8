package cli

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// pinned returns an object's spec with the allocated values written into it.
func pinned(o api.Object) (json.RawMessage, error) {
	for _, k := range kinds() {
		if k.kind == o.Kind {
			return k.pin(o)
		}
	}
	return o.Spec, nil
}

func pinNetwork(s *model.NetworkSpec, t api.NetworkStatus) error {
	s.VNI = model.VNI(t.VNI)
	err := model.SetText(&s.GatewayMAC, t.GatewayMAC)
	s.Blocks = nil
	for _, b := range t.Blocks {
		block := model.BlockSpec{Node: b.Node}
		err = errors.Join(err, model.SetText(&block.Prefix, b.CIDR), model.SetText(&block.Gateway, b.Gateway))
		if b.GatewayMAC != t.GatewayMAC {
			err = errors.Join(err, model.SetText(&block.GatewayMAC, b.GatewayMAC))
		}
		s.Blocks = append(s.Blocks, block)
	}
	return err
}

// pinning makes the pin function of a kind from a function that sets the fields of its
// spec.
func pinning[S, T any](set func(*S, T) error) func(api.Object) (json.RawMessage, error) {
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
		if err := set(&spec, status); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Ref(), err)
		}
		return json.Marshal(spec)
	}
}
