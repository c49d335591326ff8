package simswitch_test

import (
	"bytes"
	"testing"

	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
)

// TestPackets: packets that come in together reach the controller in order, and PacketOut gets those
// of accepted PACKET_OUTs only.
func TestPackets(t *testing.T) {
	out := make(chan []byte, 4)
	s := simulate(t, simswitch.Config{PacketOut: func(packet []byte) { out <- bytes.Clone(packet) }})
	d := drive(t, s, 0)
	d.send() // the switch has read the hello
	s.PacketIn(packetIn("one"), packetIn("two"))
	for _, want := range []string{"one", "two"} {
		m, err := openflow.DecodeMessage(d.read())
		if in, ok := m.(*openflow.PacketIn); err != nil || !ok || string(in.Data) != want || in.Table != 3 {
			t.Fatalf("got %v, error %v, want the packet %s of table 3", m, err, want)
		}
	}
	d.send(encode(t, openflow.NewPacketOut([]byte("refused"), openflow.Actions(nil).Group(9))))
	d.send(encode(t, openflow.NewPacketOut([]byte("sent"), openflow.Actions(nil).Output(1))))
	if got := <-out; string(got) != "sent" || len(out) != 0 {
		t.Errorf("PacketOut got %q and %d more, want only the one that is sent", got, len(out))
	}
}

func packetIn(data string) openflow.PacketIn {
	return openflow.PacketIn{BufferID: openflow.NoBuffer, TotalLen: uint16(len(data)), Reason: openflow.ReasonAction, Table: 3, Data: []byte(data)}
}
