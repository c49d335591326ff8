package reconcile_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestPacketInsAreAnswered: a packet that a flow of a node's switch sends reaches who
// answers its cause; that of a switch which is no node's, or of no cause, does not.
func TestPacketInsAreAnswered(t *testing.T) {
	var mu sync.Mutex
	var answered []string
	queues, err := packetin.New(nil, packetin.Cause{Name: "test", Table: 15, PerPort: packetin.Budget{Packets: 8, Bytes: 8 << 10}, Total: packetin.Budget{Packets: 8, Bytes: 8 << 10}, Deadline: time.Minute, Answer: func(_ *pipeline.View, p packetin.Port, m *openflow.PacketIn) packetin.Reply {
		mu.Lock()
		defer mu.Unlock()
		answered = append(answered, p.Node+" "+string(m.Data))
		return packetin.Reply{}
	}})
	if err != nil {
		t.Fatal(err)
	}
	b := newIdentityBed(t, reconcile.Config{PacketIns: queues})
	b.declare("node1")
	send := func(s *simswitch.Switch, table openflow.TableID, data string) {
		s.PacketIn(openflow.PacketIn{BufferID: openflow.NoBuffer, TotalLen: uint16(len(data)), Reason: openflow.ReasonAction, Table: table, Data: []byte(data)})
	}
	connect := func(name, from string) *simswitch.Switch {
		s := simswitch.New(simswitch.Config{DatapathID: openflow.DatapathID(model.DatapathIDFor(name))})
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		dial := b.dial(from, name)
		running.Go(func() { s.Run(ctx, dial) })
		t.Cleanup(func() { cancel(); running.Wait() })
		return s
	}
	foreign := connect("foreign", "127.0.0.3")
	b.await("the foreign switch waits", func() bool { return b.listed("127.0.0.3", "no declared node") })
	send(foreign, 15, "from a foreign switch")
	node := connect("node1", "127.0.0.2")
	b.await("node1 is connected", func() bool { return b.at("node1", "127.0.0.2") })
	send(node, 16, "of no cause")
	send(node, 15, "asked for")
	b.await("it is answered", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(answered) > 0
	})
	mu.Lock()
	defer mu.Unlock()
	if len(answered) != 1 || answered[0] != "node1 asked for" {
		t.Errorf("answered %q", answered)
	}
}
