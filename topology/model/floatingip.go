package model

import (
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"
)

// FloatingIPSpec is the declared part of a floating address: an address on an uplink of the
// type bridge that leads to ports from outside.
type FloatingIPSpec struct {
	Uplink  string     `json:"uplink" doc:"Name of an uplink of the type bridge, on whose network the address is" example:"ext"`
	Address netip.Addr `json:"address" doc:"The address, IPv4 or IPv6: one of the uplink's addresses, that no node and no other object has. Packets of its family alone are led" example:"192.0.2.70"`
	// Port is "" if there are Forwards.
	Port string `json:"port,omitempty" doc:"Name of the port that gets all that is sent to the address, and whose own packets of the family leave with the address. Either port or forwards" example:"web1"`
	// Forwards is empty if there is a Port.
	Forwards []FloatingForward `json:"forwards,omitempty" doc:"What is sent to single ports of the address, and who gets it, at most 64; nothing else is let in. What these ports send leaves with the address only where it is an answer. Either port or forwards"`
}

// FloatingForward leads from a protocol and number at a floating address to a port.
type FloatingForward struct {
	// Protocol as stored is never empty.
	Protocol PolicyProtocol `json:"protocol" required:"false" doc:"Protocol" enum:"tcp,udp" default:"tcp" example:"tcp"`
	Port     uint16         `json:"port" doc:"Number of the port at the floating address" minimum:"1" maximum:"65535" example:"443"`
	To       string         `json:"to" doc:"Name of the port that gets it" example:"web1"`
	// TargetPort as stored is never 0.
	TargetPort uint16 `json:"targetPort" required:"false" doc:"Number of the port there; that at the floating address if left out" minimum:"1" maximum:"65535" example:"8443"`
}

// String writes the forward as the command line does: tcp/443:web1:8443.
func (f FloatingForward) String() string {
	text := fmt.Sprintf("%s/%d:%s", f.Protocol, f.Port, f.To)
	if f.TargetPort != 0 && f.TargetPort != f.Port {
		text += fmt.Sprintf(":%d", f.TargetPort)
	}
	return text
}

// MaxFloatingForwards is how many forwards a floating address may have.
const MaxFloatingForwards = 64

// vxlanPort is the UDP port of VXLAN (RFC 7348, 5).
const vxlanPort = 4789

// Kind returns KindFloatingIP.
func (FloatingIPSpec) Kind() Kind { return KindFloatingIP }

// Writer returns Operator: the admin says with the uplink which addresses there are.
func (FloatingIPSpec) Writer() Role { return Operator }

// References yields the uplink, and the ports that the address leads to.
func (s FloatingIPSpec) References() iter.Seq2[string, Ref] {
	return func(yield func(string, Ref) bool) {
		if !yield("spec.uplink", Ref{KindUplink, s.Uplink}) {
			return
		}
		if s.Port != "" && !yield("spec.port", Ref{KindPort, s.Port}) {
			return
		}
		for i, f := range s.Forwards {
			if !yield(fmt.Sprintf("spec.forwards[%d].to", i), Ref{KindPort, f.To}) {
				return
			}
		}
	}
}

// Ports returns the names of the ports that the address leads to, each once, in their order.
func (s FloatingIPSpec) Ports() []string {
	if s.Port != "" {
		return []string{s.Port}
	}
	var all []string
	for _, f := range s.Forwards {
		if !slices.Contains(all, f.To) {
			all = append(all, f.To)
		}
	}
	return all
}

// Normal implements Spec.
func (s FloatingIPSpec) Normal(bad Reporter) Spec {
	s.Forwards = cloned(s.Forwards)
	if s.Uplink == "" {
		bad(Invalid, "spec.uplink", "is missing", "name an uplink of the type bridge; 'sdnctl uplink list' shows those that there are")
	}
	s.Address = s.Address.Unmap()
	switch {
	case !s.Address.IsValid():
		bad(Invalid, "spec.address", "is missing", "give one of the uplink's addresses, such as 192.0.2.70")
	default:
		zoned(s.Address, "spec.address", bad)
	}
	switch {
	case s.Port == "" && len(s.Forwards) == 0:
		bad(Invalid, "spec.port", "the address leads to no port", "give port, or forwards")
	case s.Port != "" && len(s.Forwards) > 0:
		bad(Invalid, "spec.forwards", "all of the address leads to the port already", "give either port or forwards")
	case len(s.Forwards) > MaxFloatingForwards:
		bad(Invalid, "spec.forwards", fmt.Sprintf("%d forwards, at most %d are allowed", len(s.Forwards), MaxFloatingForwards), "use a second floating address")
	}
	type from struct {
		protocol PolicyProtocol
		port     uint16
	}
	seen := map[from]bool{}
	for i := range s.Forwards {
		f := &s.Forwards[i]
		f.normal(fmt.Sprintf("spec.forwards[%d]", i), bad)
		if at := (from{f.Protocol, f.Port}); seen[at] {
			bad(Invalid, fmt.Sprintf("spec.forwards[%d].port", i), fmt.Sprintf("%s/%d is forwarded twice", f.Protocol, f.Port), "list each port of the address once")
		} else {
			seen[at] = true
		}
	}
	return s
}

// normal checks a forward by itself.
func (f *FloatingForward) normal(at string, bad Reporter) {
	f.Protocol = PolicyProtocol(strings.ToLower(string(f.Protocol)))
	if f.Protocol == "" {
		f.Protocol = ProtocolTCP
	}
	if f.TargetPort == 0 {
		f.TargetPort = f.Port
	}
	switch {
	case f.Protocol != ProtocolTCP && f.Protocol != ProtocolUDP:
		bad(Invalid, at+".protocol", fmt.Sprintf("%q cannot be forwarded", f.Protocol), "write tcp or udp; a floating address with port, without forwards, leads all protocols to one port")
	case f.Protocol == ProtocolUDP && (f.Port == vxlanPort || f.TargetPort == vxlanPort):
		bad(Invalid, at+".port", "udp/4789 is VXLAN, which neither leaves nor comes in", "choose another port")
	}
	if f.Port == 0 {
		bad(Invalid, at+".port", "is missing", "give a number from 1 to 65535")
	}
	if f.To == "" {
		bad(Invalid, at+".to", "is missing", "name the port that gets it")
	}
}
