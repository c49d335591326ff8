package cli

import (
	"net/netip"

	"github.com/sdnctl/sdnctl/topology/model"
)

// dnsFlags are the flags for the names of ports and services.
func dnsFlags() []specFlag[model.NetworkSpec] {
	type spec = model.NetworkSpec
	return []specFlag[spec]{
		boolFlag("dns", "whether the gateway answers the DNS questions of the network's ports: true or false (default false)", func(s *spec) *bool { return &s.DNS.Enabled }),
		textFlag("dns-domain", "`domain` of the names of the network's ports and services (default NETWORK.internal)", func(s *spec) *string { return &s.DNS.Domain }),
		serversFlag("dns-upstream", "`addresses` of name servers that sdnd asks for all other names; may be repeated (default: other names are refused)", func(s *spec) *[]netip.Addr { return &s.DNS.Upstream }),
	}
}

// dnsLines say what names the ports of a network have.
func dnsLines(v networkView) (lines [][2]string) {
	if !v.spec.DNS.Enabled {
		return nil
	}
	lines = append(lines, [2]string{"dns", "names in " + v.status.Domain})
	if up := v.spec.DNS.Upstream; len(up) > 0 {
		lines = append(lines, [2]string{"dns upstream", addressList(up)})
	}
	return lines
}
