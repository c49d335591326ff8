package server

import (
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
)

const (
	exampleCSR   = "-----BEGIN CERTIFICATE REQUEST-----\nMIHo…\n-----END CERTIFICATE REQUEST-----\n"
	exampleCert  = "-----BEGIN CERTIFICATE-----\nMIIB…\n-----END CERTIFICATE-----\n"
	exampleToken = "SDNCTL-3q2-7w…"
)

func exampleInvitation() api.Invitation {
	return api.Invitation{
		Node: "node1", Token: exampleToken, Fingerprint: "sha256:deadbeef…", Expires: exampleTime().Add(time.Hour),
		Addresses: []string{"192.168.50.10"}, APIPort: 8453, OpenFlowPort: 6653, OVSDBPort: 6640, Bridge: "br-int",
	}
}

func exampleEnrollRequest() api.EnrollRequest {
	return api.EnrollRequest{Node: "node1", Token: exampleToken, Request: exampleCSR, TunnelIP: "192.168.50.11"}
}

func exampleEnrollment() api.Enrollment {
	return api.Enrollment{Node: exampleNode(), Certificate: exampleCert, CA: exampleCert, Expires: exampleTime().AddDate(2, 3, 0)}
}
