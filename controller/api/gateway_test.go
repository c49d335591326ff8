package api

import "testing"

func TestGatewayFor(t *testing.T) {
	n := Network{Spec: NetworkSpec{Subnets: []Subnet{{CIDR: "10.0.0.0/24", Gateway: "10.0.0.1"}, {CIDR: "10.0.1.0/24", Gateway: "10.0.1.254"}, {CIDR: "10.0.2.0/24"}}}}
	for _, tt := range []struct{ ip, status, want string }{
		{"10.0.0.7", "", "10.0.0.1"},
		{"10.0.1.7", "", "10.0.1.254"},
		{"10.0.1.7", "10.0.1.9", "10.0.1.9"},
		{"10.0.2.7", "", "invalid IP"},
	} {
		got, err := GatewayFor(Port{Status: &PortStatus{IP: tt.ip, Gateway: tt.status}}, n)
		if err != nil || got.String() != tt.want {
			t.Errorf("%+v: %v, %v", tt, got, err)
		}
	}
}
