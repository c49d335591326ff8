package model

import (
	"fmt"
	"net/netip"
	"strings"
)

// DNS says whether ports of a network ask their gateway for names, and what their names
// are.
type DNS struct {
	Enabled bool `json:"enabled,omitempty" doc:"Whether the gateway answers the DNS questions of the network's ports, by UDP: names of ports and services of the networks that a router joins with this one" example:"true"`
	// Domain as stored "" is DefaultDomain of the network.
	Domain string `json:"domain,omitempty" doc:"Domain of the names of the network's ports, and of the services that they may use; NETWORK.internal when absent" example:"blue.example"`
	// Upstream servers are asked from the machine of sdnd.
	Upstream []netip.Addr `json:"upstream,omitempty" doc:"Name servers that sdnd asks for all other names, from its own machine, at port 53. Without them other names are refused. Only admins may set it or change the network then" example:"[\"192.0.2.53\"]"`
}

// MaxDNSDomain is the length of the domain of a network: that of a service's port in it is
// within the 253 characters of a name (RFC 1035, 2.3.4).
const MaxDNSDomain = 110

// DefaultDomain returns the domain of a network that is given none. The name "internal" is
// for such use (ICANN board resolution 2024.07.29.06).
func DefaultDomain(network string) string { return strings.ToLower(network) + ".internal" }

// normal returns the form that is stored.
func (d DNS) normal(bad Reporter) DNS {
	const field = "spec.dns.domain"
	d.Domain = normalDomain(d.Domain, field, bad)
	switch n := len(d.Domain); {
	case n > MaxDNSDomain:
		bad(Invalid, field, fmt.Sprintf("%d characters, at most %d are allowed", n, MaxDNSDomain), "choose a shorter domain")
	case IsSubdomain(d.Domain, "in-addr.arpa") || IsSubdomain(d.Domain, "ip6.arpa"):
		bad(Invalid, field, fmt.Sprintf("%q has the names of addresses, which sdnd makes itself", d.Domain), "choose another domain, such as blue.example")
	}
	d.Upstream = normalServers(d.Upstream, "spec.dns.upstream", bad)
	return d
}

// IsSubdomain reports whether a domain is the other one or in it. Both are in lower case,
// without a final dot.
func IsSubdomain(domain, of string) bool {
	return domain == of || strings.HasSuffix(domain, "."+of)
}
