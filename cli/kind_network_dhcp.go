package cli

import (
	"encoding"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/sdnctl/sdnctl/topology/model"
)

// dhcpFlags are the flags for DHCP and router advertisements.
func dhcpFlags() []specFlag[model.NetworkSpec] {
	type spec = model.NetworkSpec
	ra := valueFlag("ra", "router advertisements of an IPv6 network, by `kind`: managed (ports get their address by DHCPv6), slaac (ports with a /64 of their own make addresses of it) or off (default off)", func(s *spec) encoding.TextUnmarshaler { return &s.RA })
	ra.fixed = []string{string(model.RAManaged), string(model.RASLAAC), string(model.RAOff)}
	return []specFlag[spec]{
		boolFlag("dhcp", "whether ports get their IPv4 address by DHCP: true or false (default false)", func(s *spec) *bool { return &s.DHCP.Enabled }),
		valueFlag("dhcp-lease", "lease `time` of addresses, such as 24h (default 24h)", func(s *spec) encoding.TextUnmarshaler { return &s.DHCP.LeaseTime }),
		serversFlag("dhcp-dns", "`addresses` of name servers, of either family; may be repeated", func(s *spec) *[]netip.Addr { return &s.DHCP.DNS }),
		serversFlag("dhcp-ntp", "`addresses` of time servers, of either family; may be repeated", func(s *spec) *[]netip.Addr { return &s.DHCP.NTP }),
		textFlag("dhcp-domain", "`domain` of the ports", func(s *spec) *string { return &s.DHCP.Domain }),
		{name: "dhcp-search", usage: "`domains` in which names are looked up; may be repeated", many: true, set: setDHCPSearch},
		{name: "dhcp-route", usage: "a route beside the default route, as `CIDR=VIA`; may be repeated", many: true, set: setDHCPRoute},
		valueFlag("dhcp-boot-server", "`address` of the server that machines boot from", func(s *spec) encoding.TextUnmarshaler { return &s.DHCP.BootServer }),
		textFlag("dhcp-boot-file", "`file` that machines boot", func(s *spec) *string { return &s.DHCP.BootFile }),
		{name: "dhcp-option", usage: "a further option, as `NUMBER=VALUE` with a value such as ip:10.0.0.5, text:abc or hex:0a000005; may be repeated", many: true, set: setDHCPOption},
		ra,
	}
}

// serversFlag sets a list of addresses.
func serversFlag(name, usage string, field func(*model.NetworkSpec) *[]netip.Addr) specFlag[model.NetworkSpec] {
	return specFlag[model.NetworkSpec]{name: name, usage: usage, many: true, set: func(s *model.NetworkSpec, text string, first bool) error {
		list := field(s)
		if first {
			*list = nil
		}
		if text == "" {
			return nil
		}
		for one := range strings.SplitSeq(text, ",") {
			var a netip.Addr
			if err := model.SetText(&a, one); err != nil {
				return err
			}
			*list = append(*list, a)
		}
		return nil
	}}
}

func setDHCPSearch(s *model.NetworkSpec, text string, first bool) error {
	if first {
		s.DHCP.Search = nil
	}
	if text != "" {
		s.DHCP.Search = append(s.DHCP.Search, strings.Split(text, ",")...)
	}
	return nil
}

func setDHCPRoute(s *model.NetworkSpec, text string, first bool) error {
	if first {
		s.DHCP.Routes = nil
	}
	if text == "" {
		return nil
	}
	cidr, via, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("want CIDR=VIA, such as 192.168.0.0/16=10.0.0.9, got %q", text)
	}
	var r model.DHCPRoute
	if err := model.SetText(&r.Prefix, cidr); err != nil {
		return err
	}
	if err := model.SetText(&r.Via, via); err != nil {
		return err
	}
	s.DHCP.Routes = append(s.DHCP.Routes, r)
	return nil
}

func setDHCPOption(s *model.NetworkSpec, text string, first bool) error {
	if first {
		s.DHCP.Options = nil
	}
	if text == "" {
		return nil
	}
	number, value, ok := strings.Cut(text, "=")
	n, err := strconv.Atoi(number)
	if !ok || err != nil {
		return fmt.Errorf("want NUMBER=VALUE, such as 150=ip:10.0.0.5, got %q", text)
	}
	s.DHCP.Options = append(s.DHCP.Options, model.DHCPOption{Number: n, Value: value})
	return nil
}

// dhcpLines returns the details of a network's DHCP and router advertisements.
func dhcpLines(s *model.NetworkSpec) (lines [][2]string) {
	d := &s.DHCP
	add := func(name, value string) {
		if value != "" {
			lines = append(lines, [2]string{name, value})
		}
	}
	if d.Enabled {
		add("dhcp", "leases of "+model.Duration(d.Lease()).String())
	}
	add("router advertisements", string(s.RA))
	add("name servers", addressList(d.DNS))
	add("time servers", addressList(d.NTP))
	add("domain", d.Domain)
	add("search domains", strings.Join(d.Search, ", "))
	for _, r := range d.Routes {
		add("dhcp route", r.Prefix.String()+" via "+r.Via.String())
	}
	if d.BootServer.IsValid() {
		add("boot server", d.BootServer.String())
	}
	add("boot file", d.BootFile)
	for _, o := range d.Options {
		add("dhcp option "+strconv.Itoa(o.Number), o.Value)
	}
	return lines
}

// addressList lists addresses.
func addressList(all []netip.Addr) string {
	var texts []string
	for _, a := range all {
		texts = append(texts, a.String())
	}
	return strings.Join(texts, ", ")
}
