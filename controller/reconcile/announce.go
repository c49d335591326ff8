package reconcile

import (
	"net/netip"
	"time"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// announced are objects whose addresses nodes announce on uplinks, by name.
type announced struct{ floating, egress, services []string }

// announce has nodes say on the uplink which addresses they have, once they have confirmed the flows:
// machines that remember another MAC, and switches that send to another port, learn where the addresses
// are. They say so again when the node that had an address before forwards nothing by cached flows any
// more, as such a packet teaches switches the way back.
func (d *dispatcher) announce(a announced) {
	for _, name := range a.floating {
		d.announceFloating(name, announceAgain{floating: []string{name}})
	}
	for _, name := range a.egress {
		d.announceEgress(name, announceAgain{egress: []string{name}})
	}
	for _, name := range a.services {
		d.announceService(name, announceAgain{services: []string{name}})
	}
}

// announceAgain is the second announcement, from where the addresses are by then.
type announceAgain announced

func (e announceAgain) happen(d *dispatcher) {
	for _, name := range e.floating {
		d.announceFloating(name, nil)
	}
	for _, name := range e.egress {
		d.announceEgress(name, nil)
	}
	for _, name := range e.services {
		d.announceService(name, nil)
	}
}

// announceAt has a node announce addresses out of a port of its switch. The event then, if there is one,
// happens when that is to be done again.
func (d *dispatcher) announceAt(node string, out openflow.PortNo, then event, addresses ...netip.Addr) {
	n := d.nodes[node]
	if n == nil || n.peer == nil {
		return
	}
	f := d.f
	n.queue.WhenDone(d.view.Seq, func() {
		for _, a := range addresses {
			f.PacketOut(node, openflow.NewPacketOut(pipeline.Announcement(model.OutsideMAC(a), a), openflow.Actions(nil).Output(out)))
		}
		if then != nil {
			time.AfterFunc(revalidated, func() { f.post(then) })
		}
	})
}
