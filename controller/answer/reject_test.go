package answer

import (
	"encoding/hex"
	"testing"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/openflow"
)

// syn is a first segment of TCP from 10.0.0.1 to 10.0.0.2.
const syn = "0200000000020200000000010800450000280000000040060000" + "0a0000010a000002" + "9c40005000000001000000005002ffff00000000"

// TestRejected: an answer has the network and the identity of the packet's destination; what
// cannot be answered is not.
func TestRejected(t *testing.T) {
	frame, err := hex.DecodeString(syn)
	if err != nil {
		t.Fatal(err)
	}
	m := &openflow.PacketIn{Match: openflow.Match(nil).InPort(7).Reg(5, 0x10002).Metadata(100), Data: frame}
	got := Rejected(nil, packetin.Port{Node: "node1", No: 7}, m).Out
	const want = "set_field:0x200->reg0,set_field:0x10002->reg4,set_field:0x64->metadata,resubmit(,40)"
	if got == nil || got.Actions.String() != want || got.InPort != openflow.PortController {
		t.Fatalf("answered by %+v, want %s", got, want)
	}
	if len(got.Data) < 54 || got.Data[47] != 0x14 {
		t.Errorf("answered with %x", got.Data)
	}
	m.Data = frame[:20]
	if got := Rejected(nil, packetin.Port{Node: "node1", No: 7}, m).Out; got != nil {
		t.Errorf("half a frame is answered by %+v", got)
	}
}

// TestRefused: the answer is sent out of the port that asked, and nowhere else.
func TestRefused(t *testing.T) {
	frame, err := hex.DecodeString(syn)
	if err != nil {
		t.Fatal(err)
	}
	m := &openflow.PacketIn{Match: openflow.Match(nil).InPort(7), Data: frame}
	if got := Refused(nil, packetin.Port{Node: "node1", No: 7}, m).Out; got == nil || got.Actions.String() != "output:7" || got.Data[47] != 0x14 {
		t.Errorf("answered by %+v", got)
	}
	if got := Refused(nil, packetin.Port{Node: "node1"}, m).Out; got != nil {
		t.Errorf("a packet of no port is answered by %+v", got)
	}
}
