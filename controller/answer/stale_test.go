package answer

import (
	"encoding/hex"
	"testing"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/openflow"
)

// datagram is one of UDP from 10.0.0.1:40000 to 10.96.0.10:53; cut is its first fragment.
const (
	datagram = "0200000000020200000000010800" + "450000200000" + "0000" + "40110000" + "0a0000010a60000a" + "9c400035000c0000" + "00000000"
	cut      = "0200000000020200000000010800" + "450000200000" + "2000" + "40110000" + "0a0000010a60000a" + "9c400035000c0000" + "00000000"
)

// TestStale: the entry of the packet's own connection is deleted, in the zone of its network,
// and the packet is taken from the port once more. What cannot be read is left alone.
func TestStale(t *testing.T) {
	for _, text := range []string{datagram, cut} {
		frame, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		m := &openflow.PacketIn{Match: openflow.Match(nil).InPort(7).Reg(10, 5), Data: frame}
		got := Stale(nil, packetin.Port{Node: "node1", No: 7}, m)
		if f := got.Flush; f == nil || f.Zone != 5 || f.Protocol != 17 || f.Source.String() != "10.0.0.1:40000" || f.Destination.String() != "10.96.0.10:53" {
			t.Errorf("deletes %+v", f)
		}
		if got.Out == nil || got.Out.InPort != 7 || got.Out.Actions.String() != "resubmit(,0)" || string(got.Out.Data) != string(frame) {
			t.Errorf("sends %+v", got.Out)
		}
		m.Match = openflow.Match(nil).InPort(7)
		if got := Stale(nil, packetin.Port{Node: "node1", No: 7}, m); got.Flush != nil || got.Out != nil {
			t.Errorf("without a zone: %+v", got)
		}
		m.Match, m.Data = openflow.Match(nil).InPort(7).Reg(10, 5), frame[:30]
		if got := Stale(nil, packetin.Port{Node: "node1", No: 7}, m); got.Flush != nil || got.Out != nil {
			t.Errorf("half a frame: %+v", got)
		}
	}
}
