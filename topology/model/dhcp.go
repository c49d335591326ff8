package model

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// DHCP has the settings that the ports of a network get by DHCP, and by router
// advertisements as far as these can carry them. The address is always the port's, and the
// MTU the network's.
type DHCP struct {
	Enabled bool `json:"enabled,omitempty" doc:"Whether ports get their IPv4 address by DHCP. IPv6 addresses are for spec.ra to say" example:"true"`
	// LeaseTime of 0 means DefaultLeaseTime.
	LeaseTime Duration `json:"leaseTime,omitzero" doc:"How long an address may be used without asking again, 10s to 8760h; 24h when absent" example:"24h"`
	// DNS and NTP have addresses of either family. Each family's protocol sends its own.
	DNS    []netip.Addr `json:"dns,omitempty" doc:"Name servers, of either family" example:"[\"10.0.0.53\"]"`
	Domain string       `json:"domain,omitempty" doc:"Domain of the ports" example:"blue.example"`
	Search []string     `json:"search,omitempty" doc:"Domains in which names are looked up; the domain alone when absent" example:"[\"blue.example\"]"`
	NTP    []netip.Addr `json:"ntp,omitempty" doc:"Time servers, of either family" example:"[\"10.0.0.123\"]"`
	// Routes are sent beside the default route, which is sent if the gateway routes.
	Routes     []DHCPRoute  `json:"routes,omitempty" doc:"IPv4 routes beside the default route"`
	BootServer netip.Addr   `json:"bootServer,omitzero" doc:"Server from which machines boot by PXE" example:"10.0.0.5"`
	BootFile   string       `json:"bootFile,omitempty" doc:"File that they boot" example:"undionly.kpxe"`
	Options    []DHCPOption `json:"options,omitempty" doc:"Further IPv4 options, by number"`
}

// DHCPRoute is a route that DHCP gives to ports (RFC 3442).
type DHCPRoute struct {
	Prefix netip.Prefix `json:"cidr" doc:"Destinations" example:"192.168.0.0/16"`
	Via    netip.Addr   `json:"via" doc:"Next hop; 0.0.0.0 for destinations on the link itself" example:"10.0.0.9"`
}

// DHCPOption is an option of DHCP that no other field has.
type DHCPOption struct {
	Number int `json:"number" doc:"Number of the option, 1 to 254 (RFC 2132 and the registry of IANA)" example:"150"`
	// Value as stored is one that Bytes can read.
	Value string `json:"value" doc:"The value: ip:10.0.0.5,10.0.0.6 or text:abc or hex:0a000005" example:"ip:10.0.0.5"`
}

// Limits of a DHCP.
const (
	DefaultLeaseTime = 24 * time.Hour
	MinLeaseTime     = 10 * time.Second
	MaxLeaseTime     = 8760 * time.Hour // a year
	// MaxDHCPServers of one kind, MaxDHCPRoutes, MaxDHCPSearch and MaxDHCPOptions keep an
	// answer within one packet, together with MaxDHCPBytes.
	MaxDHCPServers, MaxDHCPRoutes, MaxDHCPSearch, MaxDHCPOptions = 8, 32, 8, 32
	// MaxDHCPBytes is the greatest total length of the options in the spec. Every client
	// accepts 308 bytes of options (RFC 2131, 2), of which sdnd's own options take the
	// rest.
	MaxDHCPBytes = 190
	// maxDomain is the length of a domain name as text (RFC 1035, 2.3.4).
	maxDomain = 253
	// maxBootFile is the length of the field for it (RFC 2131, 2).
	maxBootFile = 127
)

// Lease returns how long a lease is.
func (d *DHCP) Lease() time.Duration { return cmp.Or(time.Duration(d.LeaseTime), DefaultLeaseTime) }

// Servers returns those of a list that are of a family.
func Servers(all []netip.Addr, f Family) (of []netip.Addr) {
	for _, a := range all {
		if FamilyOf(a) == f {
			of = append(of, a)
		}
	}
	return of
}

// dhcpFields are the options that sdnd makes of other fields, or of the port.
var dhcpFields = map[int]string{
	1: "it is made of the subnet", 3: "it is made of the gateway", 6: "use spec.dhcp.dns", 12: "it is the port's name",
	15: "use spec.dhcp.domain", 26: "use spec.mtu", 28: "it is made of the subnet", 42: "use spec.dhcp.ntp",
	50: "clients send it", 51: "use spec.dhcp.leaseTime", 52: "sdnd sets it", 53: "sdnd sets it", 54: "sdnd sets it", 55: "clients send it",
	56: "sdnd sets it", 57: "clients send it", 58: "use spec.dhcp.leaseTime", 59: "use spec.dhcp.leaseTime", 61: "clients send it", 66: "use spec.dhcp.bootServer",
	67: "use spec.dhcp.bootFile", 82: "relays send it", 119: "use spec.dhcp.search", 121: "use spec.dhcp.routes",
}

// Bytes returns the value as it is on the wire. The error is a *ValueError.
func (o DHCPOption) Bytes() ([]byte, error) {
	const fix = "write ip:10.0.0.5, text:abc or hex:0a000005"
	kind, value, ok := strings.Cut(o.Value, ":")
	var b []byte
	switch {
	case !ok:
		return nil, &ValueError{fmt.Sprintf("%q does not say what kind of value it is", o.Value), fix}
	case kind == "ip":
		for text := range strings.SplitSeq(value, ",") {
			a, err := netip.ParseAddr(text)
			if err != nil || !a.Is4() {
				return nil, &ValueError{fmt.Sprintf("%q is not an IPv4 address", text), fix}
			}
			b = append(b, a.AsSlice()...)
		}
	case kind == "text":
		b = []byte(value)
	case kind == "hex":
		var err error
		if b, err = hex.DecodeString(value); err != nil {
			return nil, &ValueError{fmt.Sprintf("%q is not hexadecimal", value), fix}
		}
	default:
		return nil, &ValueError{fmt.Sprintf("%q is not a kind of value", kind), fix}
	}
	if len(b) == 0 || len(b) > 255 {
		return nil, &ValueError{fmt.Sprintf("a value of %d bytes is out of range", len(b)), "give 1 to 255 bytes"}
	}
	return b, nil
}

// normal returns the form that is stored.
func (d DHCP) normal(bad Reporter) DHCP {
	if t := time.Duration(d.LeaseTime); t != 0 && (t < MinLeaseTime || t > MaxLeaseTime) {
		bad(Invalid, "spec.dhcp.leaseTime", d.LeaseTime.String()+" is out of range", fmt.Sprintf("give %v to %v, or leave it out for %v", Duration(MinLeaseTime), Duration(MaxLeaseTime), Duration(DefaultLeaseTime)))
	}
	d.DNS = normalServers(d.DNS, "spec.dhcp.dns", bad)
	d.NTP = normalServers(d.NTP, "spec.dhcp.ntp", bad)
	d.Domain = normalDomain(d.Domain, "spec.dhcp.domain", bad)
	d.Search = cloned(d.Search)
	if n := len(d.Search); n > MaxDHCPSearch {
		bad(Invalid, "spec.dhcp.search", fmt.Sprintf("%d domains, at most %d are allowed", n, MaxDHCPSearch), "leave some out")
	}
	for i := range d.Search {
		field := fmt.Sprintf("spec.dhcp.search[%d]", i)
		if d.Search[i] = normalDomain(d.Search[i], field, bad); d.Search[i] == "" {
			bad(Invalid, field, "the domain is missing", "give a domain or remove the entry")
		}
	}
	d.normalRoutes(bad)
	d.normalBoot(bad)
	d.normalOptions(bad)
	if n := d.size(); n > MaxDHCPBytes {
		bad(Invalid, "spec.dhcp", fmt.Sprintf("the options take %d bytes together, at most %d fit into the smallest message that every client accepts", n, MaxDHCPBytes), "leave some out")
	}
	return d
}

func (d *DHCP) normalRoutes(bad Reporter) {
	d.Routes = cloned(d.Routes)
	if n := len(d.Routes); n > MaxDHCPRoutes {
		bad(Invalid, "spec.dhcp.routes", fmt.Sprintf("%d routes, at most %d are allowed", n, MaxDHCPRoutes), "join them into shorter prefixes")
	}
	for i := range d.Routes {
		r, field := &d.Routes[i], fmt.Sprintf("spec.dhcp.routes[%d]", i)
		r.Prefix, r.Via = r.Prefix.Masked(), r.Via.Unmap()
		if !r.Prefix.IsValid() || !r.Prefix.Addr().Is4() {
			bad(Invalid, field+".cidr", "not a range of IPv4 addresses", "write it as 192.168.0.0/16")
		} else if r.Prefix.Bits() == 0 {
			bad(Invalid, field+".cidr", "the default route is no further route", "leave it out: it leads to the gateway where a router joins the network")
		}
		if !r.Via.Is4() {
			bad(Invalid, field+".via", "not an IPv4 address", "give the next hop, or 0.0.0.0 for destinations on the link")
		}
	}
}

func (d *DHCP) normalBoot(bad Reporter) {
	if d.BootServer = d.BootServer.Unmap(); d.BootServer.IsValid() && !d.BootServer.Is4() {
		bad(Invalid, "spec.dhcp.bootServer", d.BootServer.String()+" is not an IPv4 address", "give the IPv4 address of the server")
	}
	if n := len(d.BootFile); n > maxBootFile {
		bad(Invalid, "spec.dhcp.bootFile", fmt.Sprintf("%d characters, at most %d are allowed", n, maxBootFile), "shorten it")
	} else if !printable(d.BootFile, false) {
		bad(Invalid, "spec.dhcp.bootFile", fmt.Sprintf("%q has characters that a file name cannot have", d.BootFile), "use printable ASCII without spaces")
	}
}

func (d *DHCP) normalOptions(bad Reporter) {
	d.Options = cloned(d.Options)
	if n := len(d.Options); n > MaxDHCPOptions {
		bad(Invalid, "spec.dhcp.options", fmt.Sprintf("%d options, at most %d are allowed", n, MaxDHCPOptions), "leave some out")
	}
	seen := map[int]bool{}
	for i, o := range d.Options {
		field := fmt.Sprintf("spec.dhcp.options[%d]", i)
		switch why, ours := dhcpFields[o.Number]; {
		case o.Number < 1 || o.Number > 254:
			bad(Invalid, field+".number", fmt.Sprintf("%d is not the number of an option", o.Number), "give a number from 1 to 254")
		case ours:
			bad(Invalid, field+".number", fmt.Sprintf("option %d cannot be given by number", o.Number), why)
		case seen[o.Number]:
			bad(Invalid, field+".number", fmt.Sprintf("option %d is listed twice", o.Number), "list it once")
		}
		seen[o.Number] = true
		if _, err := o.Bytes(); err != nil {
			v := err.(*ValueError)
			bad(Invalid, field+".value", v.Message, v.Fix)
		}
	}
}

// size returns about how many bytes the options of the spec take.
func (d *DHCP) size() (n int) {
	n += 4*len(Servers(d.DNS, IPv4)) + 4*len(Servers(d.NTP, IPv4)) + len(d.Domain) + len(d.BootFile)
	for _, s := range d.Search {
		n += len(s) + 2
	}
	n += 9 * len(d.Routes)
	for _, o := range d.Options {
		b, _ := o.Bytes() // reported already
		n += 2 + len(b)
	}
	return n
}

func normalServers(all []netip.Addr, field string, bad Reporter) []netip.Addr {
	all = cloned(all)
	for i := range all {
		at := fmt.Sprintf("%s[%d]", field, i)
		if all[i] = all[i].Unmap(); !all[i].IsValid() || all[i].IsUnspecified() || all[i].IsMulticast() {
			bad(Invalid, at, "not the address of a server", "give an address such as 10.0.0.53")
		} else if !zoned(all[i], at, bad) && slices.Contains(all[:i], all[i]) {
			bad(Invalid, at, all[i].String()+" is listed twice", "list it once")
		}
	}
	for _, f := range Families() {
		if n := len(Servers(all, f)); n > MaxDHCPServers {
			bad(Invalid, field, fmt.Sprintf("%d servers of %s, at most %d are allowed", n, f, MaxDHCPServers), "leave some out")
		}
	}
	return all
}

// normalDomain checks a domain name, and returns it in lower case without the final dot.
func normalDomain(s, field string, bad Reporter) string {
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if s == "" {
		return ""
	}
	const fix = "write labels of at most 63 letters, digits and dashes, such as blue.example"
	if len(s) > maxDomain {
		bad(Invalid, field, fmt.Sprintf("%d characters, at most %d are allowed", len(s), maxDomain), fix)
		return s
	}
	for label := range strings.SplitSeq(s, ".") {
		if len(label) > 63 || !word(label, "-_") || strings.HasSuffix(label, "-") {
			bad(Invalid, field, fmt.Sprintf("%q is not a domain name", s), fix)
			return s
		}
	}
	return s
}
