package model

import (
	"fmt"
	"strconv"
	"strings"
)

// PolicyProtocol is a protocol that rules of policies can name.
type PolicyProtocol string

// The protocols.
const (
	ProtocolTCP  PolicyProtocol = "tcp"
	ProtocolUDP  PolicyProtocol = "udp"
	ProtocolSCTP PolicyProtocol = "sctp"
	// ProtocolICMP is ICMP of both families where no type is given, and ICMPv4 where
	// one is: the types of ICMPv6 have other numbers.
	ProtocolICMP PolicyProtocol = "icmp"
	// ProtocolICMPv6 is ICMPv6 alone.
	ProtocolICMPv6 PolicyProtocol = "icmpv6"
)

// PolicyPort is a protocol, and destination ports of it or a type of ICMP. Its text form
// is "tcp", "tcp/80", "tcp/8000-8010", "tcp/http", "icmp" or "icmp/8". The zero value is
// none.
type PolicyPort struct {
	Protocol PolicyProtocol
	// Any: all ports, or all types of ICMP. First and Last are 0 then.
	Any bool
	// First..Last, both included, are ports, 1 to 65535. Of ICMP both are the type, 0 to
	// 255.
	First, Last uint16
	// Name is one of the destination's named ports: each opens its own number. First and
	// Last are 0 then.
	Name string
}

// HasPorts reports whether the protocol has port numbers; ICMP has types instead.
func (p PolicyProtocol) HasPorts() bool {
	return p == ProtocolTCP || p == ProtocolUDP || p == ProtocolSCTP
}

// String returns the text form; "" for the zero value.
func (p PolicyPort) String() string {
	switch {
	case p.Any || p.Protocol == "":
		return string(p.Protocol)
	case p.Name != "":
		return fmt.Sprintf("%s/%s", p.Protocol, p.Name)
	case p.First == p.Last:
		return fmt.Sprintf("%s/%d", p.Protocol, p.First)
	}
	return fmt.Sprintf("%s/%d-%d", p.Protocol, p.First, p.Last)
}

// MarshalText writes the port as String does.
func (p PolicyPort) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the text form, in any case. The error is a *ValueError.
func (p *PolicyPort) UnmarshalText(b []byte) error {
	*p = PolicyPort{}
	text := strings.ToLower(strings.TrimSpace(string(b)))
	if text == "" {
		return nil
	}
	name, number, given := strings.Cut(text, "/")
	protocol := PolicyProtocol(name)
	switch {
	case !protocol.HasPorts() && protocol != ProtocolICMP && protocol != ProtocolICMPv6:
		return &ValueError{fmt.Sprintf("%q begins with no protocol that a rule can name", b), "write tcp/80, udp/5000-5010, sctp/3868, icmp, icmp/8 or icmpv6/128"}
	case !given:
		*p = PolicyPort{Protocol: protocol, Any: true}
		return nil
	case protocol.HasPorts():
		return p.readPorts(protocol, number)
	}
	n, err := strconv.ParseUint(number, 10, 8)
	if err != nil {
		return &ValueError{fmt.Sprintf("%q is not a type of %s", number, protocol), fmt.Sprintf("give a number from 0 to 255, or %s for all types", protocol)}
	}
	*p = PolicyPort{Protocol: protocol, First: uint16(n), Last: uint16(n)}
	return nil
}

// readPorts reads "80" or "8000-8010".
func (p *PolicyPort) readPorts(protocol PolicyProtocol, text string) error {
	from, to, ranged := strings.Cut(text, "-")
	if !ranged {
		to = from
	}
	first, errFirst := strconv.ParseUint(from, 10, 16)
	last, errLast := strconv.ParseUint(to, 10, 16)
	var all = fmt.Sprintf("give a number from 1 to 65535, or %s for all ports", protocol)
	switch {
	case text == "":
		return &ValueError{"the port is missing", all}
	case strings.Trim(text, "0123456789-") != "":
		if err := checkPortName(text); err != nil {
			return err
		}
		*p = PolicyPort{Protocol: protocol, Name: text}
		return nil
	case errFirst != nil || errLast != nil:
		return &ValueError{fmt.Sprintf("%q is neither a port nor a range of ports", text), all}
	case first == 0:
		return &ValueError{"port 0 is no port that a connection can have", all}
	case last < first:
		return &ValueError{fmt.Sprintf("the range %s ends before it begins", text), fmt.Sprintf("write it as %s/%d-%d", protocol, last, first)}
	}
	*p = PolicyPort{Protocol: protocol, First: uint16(first), Last: uint16(last)}
	return nil
}

// MaxPortNameLength is how many characters the name of a port may have (RFC 6335, 5.1).
const MaxPortNameLength = 15

// checkPortName checks a name by the rules for service names (RFC 6335, 5.1), in lower
// case. The error is a *ValueError.
func checkPortName(name string) error {
	valid := len(name) <= MaxPortNameLength && !strings.HasPrefix(name, "-") && !strings.HasSuffix(name, "-") && !strings.Contains(name, "--") &&
		strings.Trim(name, "0123456789-") != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
	if !valid {
		return &ValueError{fmt.Sprintf("%.70q is not the name of a port", name), fmt.Sprintf("use at most %d letters, digits and single hyphens between them, with at least one letter, such as http", MaxPortNameLength)}
	}
	return nil
}
