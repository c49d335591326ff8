package api

import (
	"errors"
	"testing"

	"github.com/sdnctl/sdnctl/topology/model"
)

func TestGatewayFor(t *testing.T) {
	subnet := func(cidr, gateway string) (s model.Subnet) {
		if err := errors.Join(model.SetText(&s.Prefix, cidr), model.SetText(&s.Gateway, gateway)); err != nil {
			t.Fatal(err)
		}
		return s
	}
	n := Network{Spec: model.NetworkSpec{Subnets: []model.Subnet{subnet("10.0.0.0/24", "10.0.0.1"), subnet("10.0.1.0/24", "10.0.1.254"), subnet("10.0.2.0/24", "")}}}
	for _, tt := range []struct{ ip, status, want string }{
		{"10.0.0.7", "", "10.0.0.1"},
		{"10.0.1.7", "", "10.0.1.254"},
		{"10.0.1.7", "10.0.1.9", "10.0.1.9"},
		{"10.0.2.7", "", "invalid IP"},
	} {
		got, err := GatewayFor(PortLink{IP: tt.ip, Gateway: tt.status}, n)
		if err != nil || got.String() != tt.want {
			t.Errorf("%+v: %v, %v", tt, got, err)
		}
	}
}
