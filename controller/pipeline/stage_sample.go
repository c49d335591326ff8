package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// TableSample holds what is learned from packets that are dropped. No packet reaches it,
// and no flow stays in it.
const TableSample openflow.TableID = 99

func sampleStage() stage {
	return stage{
		Table: Table{TableSample, "sample", "senders learned for a moment", "–", "–"},
	}
}

// Samples are flows that are on a switch for a second or two when a port sends what it may
// not, to find out from which addresses. They belong to no unit and no View, and
// comparisons ignore them. Each learns one flow in TableSample, which no packet reaches;
// the match of that flow says what was sent. So nothing is sent to the controller, however
// much a port sends.
const (
	// sampleSeconds is the time after which the switch deletes a sample that nobody has
	// deleted.
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

// Samples returns the flows that find out what the port sends and may not. They cover IPv6
// only of a port that has it: ports without IPv6 send some, too, which is harmless.
func Samples(in openflow.PortNo, ipv6 bool) []openflow.Flow {
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
	samples := []openflow.Flow{
		sample(prioSampleOf, port.EthType(ethTypeIPv4), ip, openflow.FieldIPv4Src),
		sample(prioSampleOf, port.EthType(ethTypeARP), arp, openflow.FieldARPSpa),
		sample(prioSample, port, nil, openflow.FieldEthType),
	}
	if ipv6 {
		six := openflow.Match(nil).EthType(ethTypeIPv6)
		samples = append(samples, sample(prioSampleIPv6, port.EthType(ethTypeIPv6), six, openflow.FieldIPv6Src))
	}
	return samples
}

// maxSamples is how many senders are learned of a port at a time.
const maxSamples = 4

// IsSample reports whether a flow is one of Samples or DenialSamples, or learned by one.
func IsSample(f *openflow.Flow) bool {
	if isDenialSample(f) {
		return true
	}
	if uint64(f.Cookie)&SampleMask != sampleCookie {
		return false
	}
	if f.Table == TableSample {
		return true // where no packet gets
	}
	for _, s := range Samples(openflow.PortNo(f.Cookie&0xffff), true) {
		if s.Table == f.Table && s.Priority == f.Priority && string(s.Match) == string(f.Match) &&
			string(s.Instructions) == string(f.Instructions) {
			return true
		}
	}
	return false
}
