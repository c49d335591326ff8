package pipeline

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Denial samples are flows that are on a switch while somebody watches what policies deny
// there. They drop what verdict drops anyway, and learn a flow in TableSample of each
// connection that is denied: who sends what to whom, and by which rule it is denied. Like
// Samples they belong to no unit, and comparisons ignore them. The switch deletes them by
// itself. Nothing is sent to the controller.
const (
	// DenialsKept is for how many seconds the switch keeps what was learned.
	DenialsKept = 60
	// MaxDenials is how many denied connections of each protocol and family the switch keeps.
	MaxDenials = 64
	// denialCookie, with the number of the sample in its low 8 bits, is that of samples and
	// of what they learn.
	denialCookie = 0x7361_6d70_6465_6e00
	denialMask   = ^uint64(0xff)
	// Where denied packets are dropped, above the flow that drops them and below those that
	// do anything else with them: within the networks, and on the way out of them.
	prioDenial        = prioDrop + 1
	prioDenialOutside = prioDeniedOutside + 1
	// denialMark is compared with the packet's mark, which is 0: versions of Open vSwitch that
	// can keep cached flows forget those of denied packets, as with AddInvalidations.
	denialMark = 1<<32 - 1
)

// DenialCookie and DenialMask select by cookie what all denial samples have learned.
const (
	DenialCookie openflow.Cookie = denialCookie
	DenialMask                   = denialMask
)

// denialKind is a protocol whose denied packets are sampled.
type denialKind struct {
	family   topology.Family
	protocol model.PolicyProtocol
	number   uint8
	// port is the field of the destination's port or of the type of ICMP.
	port openflow.Field
}

func denialKinds() (all []denialKind) {
	for _, f := range model.Families() {
		all = append(all,
			denialKind{f, model.ProtocolTCP, protoTCP, openflow.FieldTCPDst}, denialKind{f, model.ProtocolUDP, protoUDP, openflow.FieldUDPDst},
			denialKind{f, model.ProtocolSCTP, protoSCTP, openflow.FieldSCTPDst})
	}
	return append(all,
		denialKind{topology.IPv4, model.ProtocolICMP, protoICMP, openflow.FieldICMPType},
		denialKind{topology.IPv6, model.ProtocolICMPv6, protoICMPv6, openflow.FieldICMPv6Type})
}

// DenialSamples returns the flows that find out what policies deny on a node. The switch
// deletes them after so many seconds.
func DenialSamples(seconds uint16) (all []openflow.Flow) {
	const outside = flagOutside | flagDenied
	for i, k := range denialKinds() {
		ends := [2][2]openflow.Field{{openflow.FieldIPv4Src, openflow.FieldIPv4Dst}, {openflow.FieldIPv6Src, openflow.FieldIPv6Dst}}[k.family]
		cookie := openflow.Cookie(denialCookie | uint64(i))
		match := openflow.Match(nil).EthType(ethTypes[k.family]).IPProto(k.number)
		learn := openflow.Learning{
			Table: TableSample, Priority: prioDenial, Cookie: cookie, HardTimeout: DenialsKept, Limit: MaxDenials, Match: match,
			Copy: []openflow.Field{
				openflow.FieldReg(regSource), openflow.FieldReg(regDestination), openflow.FieldReg(regEgressRule), openflow.FieldReg(regIngressRule), ends[0], ends[1], k.port,
			},
		}
		for _, where := range []struct {
			priority uint16
			flags    uint32
		}{{prioDenial, flagDenied}, {prioDenialOutside, outside}} {
			all = append(all, openflow.Flow{
				Table: TableVerdict, Priority: where.priority, Cookie: cookie, HardTimeout: seconds,
				Match:        slices.Clone(match).RegMasked(regFlags, where.flags, where.flags).PktMarkMasked(0, denialMark),
				Instructions: openflow.Instructions(nil).ApplyActions(openflow.Actions(nil).Learn(learn)),
			})
		}
	}
	return all
}

// isDenialSample reports whether a flow is one of DenialSamples, or learned by one.
func isDenialSample(f *openflow.Flow) bool {
	if uint64(f.Cookie)&denialMask != denialCookie {
		return false
	}
	if f.Table == TableSample {
		return true // where no packet gets
	}
	return f.HardTimeout > 0 && slices.ContainsFunc(DenialSamples(0), func(s openflow.Flow) bool {
		return s.Cookie == f.Cookie && s.Table == f.Table && s.Priority == f.Priority && string(s.Match) == string(f.Match) && string(s.Instructions) == string(f.Instructions)
	})
}

// Denial is a connection that a policy denies on a node.
type Denial struct {
	Policy    string
	Direction model.PolicyDirection
	// Rule is the place of the rule among those of the direction, from 0; -1 for what no
	// rule decides and the tier denies.
	Rule int
	// Source and Destination are the addresses, as they are where policies judge; SourcePort
	// and DestinationPort the ports of the topology that have them, nil if none has.
	Source, Destination         netip.Addr
	SourcePort, DestinationPort *topology.Port
	// What is the protocol with the destination's port or the type of ICMP.
	What model.PolicyPort
}

// DenialReader reads what denial samples have learned on the nodes about some policies.
type DenialReader struct {
	view     *View
	policies []*topology.Policy
	// domains are those of identities, by their zone.
	domains map[topology.Zone]domain
}

// NewDenialReader returns a reader for policies.
func (v *View) NewDenialReader(policies []*topology.Policy) *DenialReader {
	r := &DenialReader{view: v, policies: policies, domains: map[topology.Zone]domain{}}
	for n := range v.Topo.Numberings() {
		r.domains[n.Zone] = n.Of
	}
	return r
}

// Read reads a learned flow. It returns a denial for each of the policies that denied it:
// one whose rule did, or all that isolate the port if none decided. It returns none if the
// policies are not what they were then.
func (r *DenialReader) Read(f *openflow.Flow) (all []Denial) {
	d, ok := readDenied(f)
	if !ok {
		return nil
	}
	reg := func(n int) uint32 { return register(f.Match, openflow.FieldReg(n)) }
	source, destination := reg(regSource), reg(regDestination)
	// What the egress of the source denies never gets to the ingress of the destination.
	by, subject := reg(regIngressRule), destination
	if by == 0 {
		by, subject = reg(regEgressRule), source
	}
	d.Direction, d.Rule = directionOf(by), int(by&0x7f)
	if by>>8 == 0 {
		d.Rule = -1
	}
	for _, p := range r.policies {
		if r.denied(p, d, by, subject) {
			d.Policy = p.Name
			all = append(all, d)
		}
	}
	in := []domain{r.domains[topology.Zone(source>>16)], r.domains[topology.Zone(destination>>16)]}
	for i := range all {
		all[i].SourcePort, all[i].DestinationPort = r.portAt(in, d.Source), r.portAt(in, d.Destination)
	}
	return all
}

// readDenied reads the addresses and the protocol of a learned flow.
func readDenied(f *openflow.Flow) (d Denial, ok bool) {
	kind := int(uint64(f.Cookie) &^ denialMask)
	if kind >= len(denialKinds()) {
		return d, false
	}
	k := denialKinds()[kind]
	d.What.Protocol = k.protocol
	for o := range f.Match.All() {
		switch o.Field {
		case openflow.FieldIPv4Src, openflow.FieldIPv6Src:
			d.Source, _ = netip.AddrFromSlice(o.Value)
		case openflow.FieldIPv4Dst, openflow.FieldIPv6Dst:
			d.Destination, _ = netip.AddrFromSlice(o.Value)
		case k.port:
			var b [2]byte
			copy(b[2-min(2, len(o.Value)):], o.Value)
			d.What.First = binary.BigEndian.Uint16(b[:])
			d.What.Last = d.What.First
		}
	}
	return d, true
}

// denied reports whether a policy as it is denied d. by is the number of the rule or of the
// default that decided, subject the number of the identity that it was decided for.
func (r *DenialReader) denied(p *topology.Policy, d Denial, by, subject uint32) bool {
	if d.Rule >= 0 {
		return by>>8 == p.ID && d.Rule < len(p.Spec.Rules(d.Direction))
	}
	return by != 0 && p.Spec.Mode != model.ModeShadow && by == defaultNumber(policyTable{direction: d.Direction, tier: p.Spec.Tier}) &&
		p.Spec.IsolatesIn(d.Direction) && r.picks(p, subject)
}

// picks reports whether the identity that has a number is a subject of the policy.
func (r *DenialReader) picks(p *topology.Policy, number uint32) bool {
	i, ok := r.view.Topo.Identity(r.domains[topology.Zone(number>>16)], uint16(number))
	return ok && slices.Contains(i.Selections, p.Spec.Subject.Key())
}

// portAt returns the port that has an address in one of some domains, nil if none has.
func (r *DenialReader) portAt(domains []domain, a netip.Addr) *topology.Port {
	for _, d := range domains {
		for n := range r.view.networksIn(d) {
			if p, ok := r.view.Topo.PortByAddress(n, a); ok {
				return p
			}
		}
	}
	return nil
}
