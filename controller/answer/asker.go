package answer

import (
	"encoding/binary"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// asker is a port that sent a packet to sdnd, with the packet.
type asker struct {
	network *topology.Network
	port    *topology.Port
	links   [2]pipeline.Link // by family; the zero Link if the port has no address of it
	in      openflow.PortNo
	frame   frame
}

// askerOf returns the port that sent a packet. If it returns nil, why is the reason for which
// the packet gets no answer.
func askerOf(v *pipeline.View, p packetin.Port, m *openflow.PacketIn) (a *asker, why string) {
	f, err := read(m.Data)
	if err != nil {
		return nil, "cannot be read: " + err.Error()
	}
	network, ok := v.Topo.NetworkByVNI(topology.VNI(metadataOf(m)))
	if !ok {
		return nil, "its network is gone"
	}
	port, ok := v.Topo.PortByMAC(network.Name, f.src)
	if !ok {
		return nil, "no port has the MAC " + f.src.String()
	}
	if at := v.Place(port.Name); at.Node != p.Node || at.OFPort != p.No {
		return nil, "came in elsewhere than at port " + port.Name + ", which has the MAC"
	}
	a = &asker{network: network, port: port, in: p.No, frame: f}
	for _, family := range model.Families() {
		a.links[family] = v.LinkOf(port, p.Node, family)
	}
	return a, ""
}

// metadataOf returns the metadata of a packet-in, 0 if the message has none.
func metadataOf(m *openflow.PacketIn) uint64 {
	for o := range m.Match.All() {
		if o.Field == openflow.FieldMetadata && len(o.Value) == 8 {
			return binary.BigEndian.Uint64(o.Value)
		}
	}
	return 0
}

// out returns the reply that sends a frame out of the asking port, past the flow tables. what
// describes the reply for the log.
func (a *asker) out(frame []byte, err error, what string) packetin.Reply {
	r := packetin.Reply{Port: a.port.Name, What: what}
	if err != nil {
		r.What = what + ": the answer cannot be built: " + err.Error()
		return r
	}
	r.Out = openflow.NewPacketOut(frame, openflow.Actions(nil).Output(a.in))
	return r
}

// no returns the reply that sends nothing, for a reason.
func (a *asker) no(what string) packetin.Reply {
	return packetin.Reply{Port: a.port.Name, What: what}
}

// broadcast is the address of all stations (IEEE 802).
func broadcast() topology.MAC { return topology.MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} }
