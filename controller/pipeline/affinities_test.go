package pipeline_test

import (
	"net/netip"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// TestAffinityOf: what Open vSwitch learns is read, and no flow that does anything else
// passes for it.
func TestAffinityOf(t *testing.T) {
	learned := func() openflow.Flow {
		return openflow.Flow{
			Table: pipeline.TableAffinity, Priority: 100, IdleTimeout: 600,
			Match: openflow.Match(nil).EthType(0x0800).IPProto(6).Reg(11, 1<<31|7).Metadata(100).IPv4Src(netip.MustParsePrefix("10.0.0.9/32")).TCPDst(80),
			Instructions: openflow.Instructions(nil).ApplyActions(openflow.Actions(nil).
				Load(openflow.FieldReg(3), 0, 32, 8080).Load(openflow.FieldReg(12), 0, 32, 0x0a000002)),
		}
	}
	f := learned()
	got, ok := pipeline.AffinityOf(&f)
	want := pipeline.Affinity{Service: 7, Client: netip.MustParseAddr("10.0.0.9"), Backend: netip.MustParseAddrPort("10.0.0.2:8080")}
	if !ok || got != want || !pipeline.IsTransient(&f) {
		t.Errorf("%+v, %v, want %+v", got, ok, want)
	}
	for name, change := range map[string]func(*openflow.Flow){
		"another table":    func(f *openflow.Flow) { f.Table = pipeline.TableService },
		"another priority": func(f *openflow.Flow) { f.Priority = 101 },
		"no timeout":       func(f *openflow.Flow) { f.IdleTimeout = 0 },
		"all clients":      func(f *openflow.Flow) { f.Match = openflow.Match(nil).EthType(0x0800).IPProto(6).Reg(11, 1<<31|7) },
		"no service": func(f *openflow.Flow) {
			f.Match = openflow.Match(nil).EthType(0x0800).IPProto(6).Metadata(100).IPv4Src(netip.MustParsePrefix("10.0.0.9/32")).TCPDst(80).TCPSrc(1)
		},
		"an output": func(f *openflow.Flow) {
			f.Instructions = openflow.Instructions(nil).ApplyActions(openflow.Actions(nil).Output(1))
		},
		"another register": func(f *openflow.Flow) {
			f.Instructions = openflow.Instructions(nil).ApplyActions(openflow.Actions(nil).
				Load(openflow.FieldReg(3), 0, 32, 8080).Load(openflow.FieldReg(7), 0, 32, 0x0a000002))
		},
		"an action more": func(f *openflow.Flow) {
			f.Instructions = openflow.Instructions(nil).ApplyActions(openflow.Actions(nil).
				Load(openflow.FieldReg(3), 0, 32, 8080).Load(openflow.FieldReg(12), 0, 32, 0x0a000002).Output(1))
		},
	} {
		f := learned()
		if change(&f); pipeline.IsTransient(&f) {
			t.Errorf("%s passes for a learned flow", name)
		}
	}
}
