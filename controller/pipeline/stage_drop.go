package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// classifyNone takes what no port may send to where it is counted. The packets of
// this one flow tell whether any were, so that the counters of thousands of ports
// need not be read.
func (c *Compiler) classifyNone() {
	c.match = c.match[:0]
	c.instr = c.instr[:0].GotoTable(TableDrop)
	c.emit(TableClassify, prioDefault, "counts and drops what nothing may send")
}

// classifyIPv6 drops IPv6, which no network carries. Every container's kernel
// sends some as soon as its interface is up (RFC 4861, 6.3.7; RFC 3810), so it is
// no sign of anything wrong with a port, and counted for the node.
func (c *Compiler) classifyIPv6() {
	c.match = c.match[:0].EthType(ethTypeIPv6)
	c.instr = c.instr[:0]
	c.emit(TableClassify, prioIPv6, "drops IPv6, which no network carries")
}

// dropFrom counts what the port sent and may not send.
func (c *Compiler) dropFrom(in openflow.PortNo) {
	c.match = c.match[:0].InPort(in)
	c.instr = c.instr[:0]
	c.emit(TableDrop, prioNormal, "counts what the port sent from other addresses than its own")
}

// DroppedCookie returns the cookie of the one flow, the same on every node, that
// counts all packets which no port may send, IPv6 apart, and IPv6Cookie that of
// the flow which counts IPv6. Both are in TableClassify.
func DroppedCookie() openflow.Cookie { return fixedCookie((*Compiler).classifyNone) }

// IPv6Cookie is explained at DroppedCookie.
func IPv6Cookie() openflow.Cookie { return fixedCookie((*Compiler).classifyIPv6) }

// fixedCookie returns the cookie of a flow that is the same on every node.
func fixedCookie(emit func(*Compiler)) openflow.Cookie {
	var set FlowSet
	emit(&Compiler{out: &set})
	return set.entries[0].Cookie
}

// Samples are flows that are on a switch for a second or two when a port sends
// what it may not, to find out from which addresses. They are of no unit and of
// no View; comparisons leave them alone. Each learns one flow in TableSample,
// which no packet ever reaches: its match says what was sent. So nothing is sent
// to the controller, however much a port sends.
const (
	// sampleSeconds is how long a sample stays if nobody takes it away.
	sampleSeconds = 5
	// sampleCookie, with the port's number in its low 16 bits, is that of samples
	// and of what they learn.
	sampleCookie = 0x7361_6d70_6c65_0000
)

// SampleCookie returns the cookie of the port's samples, and SampleMask the bits
// that all samples have in common.
func SampleCookie(in openflow.PortNo) openflow.Cookie {
	return sampleCookie | openflow.Cookie(in&0xffff)
}

// SampleMask selects by SampleCookie the samples of all ports.
const SampleMask = ^uint64(0xffff)

// Samples returns the flows that find out what the port sends and may not.
func Samples(in openflow.PortNo) []openflow.Flow {
	port := openflow.Match(nil).InPort(in)
	sample := func(priority uint16, match, learned openflow.Match, fields ...openflow.Field) openflow.Flow {
		learn := openflow.Learning{
			Table: TableSample, Priority: priority, Cookie: SampleCookie(in), HardTimeout: sampleSeconds, Limit: maxSamples,
			Match: learned, Copy: append([]openflow.Field{openflow.FieldInPort, openflow.FieldEthSrc, openflow.FieldVLANTCI}, fields...),
		}
		return openflow.Flow{
			Table: TableClassify, Priority: priority, Cookie: SampleCookie(in), HardTimeout: sampleSeconds, Match: match,
			Instructions: openflow.Instructions(nil).ApplyActions(openflow.Actions(nil).Learn(learn)).GotoTable(TableDrop),
		}
	}
	ip, arp := openflow.Match(nil).EthType(ethTypeIPv4), openflow.Match(nil).EthType(ethTypeARP)
	return []openflow.Flow{
		sample(prioSampleOf, port.EthType(ethTypeIPv4), ip, openflow.FieldIPv4Src),
		sample(prioSampleOf, port.EthType(ethTypeARP), arp, openflow.FieldARPSpa),
		sample(prioSample, port, nil, openflow.FieldEthType),
	}
}

// maxSamples is how many senders are learned of a port at a time.
const maxSamples = 4

// IsSample reports whether a flow is one of Samples, or learned by one.
func IsSample(f *openflow.Flow) bool {
	if uint64(f.Cookie)&SampleMask != sampleCookie {
		return false
	}
	if f.Table == TableSample {
		return true // where no packet gets
	}
	for _, s := range Samples(openflow.PortNo(f.Cookie & 0xffff)) {
		if s.Table == f.Table && s.Priority == f.Priority && string(s.Match) == string(f.Match) &&
			string(s.Instructions) == string(f.Instructions) {
			return true
		}
	}
	return false
}
