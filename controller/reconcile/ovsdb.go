package reconcile

import (
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/sdnctl/sdnctl/controller/binding"
	"github.com/sdnctl/sdnctl/controller/connlimit"
	"github.com/sdnctl/sdnctl/controller/facts"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// interfacesReported: OVSDB has reported the interfaces of a bridge.
type interfacesReported struct {
	dpid   topology.DatapathID
	ifaces []*ovsdb.Interface
}

func (e interfacesReported) happen(d *dispatcher) {
	differ := d.f.facts.UpdateInterfaces(e.dpid, e.ifaces)
	claims := facts.Claims(e.ifaces)
	before, known := d.reported[e.dpid]
	d.reported[e.dpid] = claims
	n := d.nodeOf(e.dpid)
	if n == nil || !d.acceptsOVSDB(e.dpid, n) {
		return
	}
	if !known || !slices.Equal(before, claims) { // otherwise only the state of a link has changed, for example
		d.f.board.Update(n.name, func(s *status.Node) { s.OVSDB = true })
		d.places(func(t *binding.Table) binding.Outcome { return t.SetInterfaces(d.view.Topo, n.name, claims) }, pipeline.Update{})
		n.queue.Unguard()
		d.assessUnmatched(n)
	}
	d.updateBridge(n)
	d.localReported(n)
	for _, i := range differ {
		if i.Name == pipeline.HostPort {
			d.assessHost(n.name)
		}
		if strings.HasPrefix(i.Name, model.BridgeUplinkPrefix) {
			d.assessBridges(n.name)
		}
		if i.Name == pipeline.UplinkPort {
			d.assessOutside()
		}
		d.assessInterface(n, i.Name, i)
	}
}

// assessBridges evaluates again what leaves or comes in by bridges of a node.
func (d *dispatcher) assessBridges(node string) {
	networks := map[string]bool{}
	d.throughKernel(node, networks)
	for name := range networks {
		d.assessNetwork(name)
	}
	for name := range d.view.FloatingOn(node) {
		d.assessFloatingIP(name)
	}
	for e := range d.view.Topo.EgressIPsNaming(topology.Ref{Kind: topology.KindNode, Name: node}) {
		d.assessEgressIP(e.Name)
	}
}

// ovsdbConnected: an OVSDB connection that reports a bridge's interfaces has opened.
type ovsdbConnected struct {
	dpid topology.DatapathID
	ovsdbConn
}

func (e ovsdbConnected) happen(d *dispatcher) {
	delete(d.reported, e.dpid)
	d.ovsdbConns[e.dpid] = e.ovsdbConn
	if n := d.nodeOf(e.dpid); n != nil {
		n.configured = nil
		d.f.board.Update(n.name, (*status.Node).ForgetDatabase)
	}
	d.f.identities.reportedFrom(e.dpid, e.remote)
	d.keepBackoff(e.dpid)
}

// ovsdbDisconnected: the connection to a node's OVSDB has closed. Ports stay where it last
// reported their interfaces until it reports again.
type ovsdbDisconnected struct{ dpid topology.DatapathID }

func (e ovsdbDisconnected) happen(d *dispatcher) {
	delete(d.reported, e.dpid)
	delete(d.ovsdbConns, e.dpid)
	d.f.facts.OVSDBDisconnected(e.dpid)
	n := d.nodeOf(e.dpid)
	if n == nil {
		d.f.facts.Forget(e.dpid)
		return
	}
	d.f.board.Update(n.name, func(s *status.Node) { s.ForgetDatabase(); s.OVSDB = false })
	d.updateBridge(n)
	d.assessUnmatched(n)
}

// OVSDBConnected implements ovsdb.Handler.
func (f *Fabric) OVSDBConnected(c ovsdb.Conn) {
	f.post(ovsdbConnected{topology.DatapathID(c.DatapathID), ovsdbConn{c.Remote, c.Node, c.Reconfigure, c.Write}})
}

// InterfacesChanged implements ovsdb.Handler: the interfaces of the bridge with the datapath id
// have changed.
func (f *Fabric) InterfacesChanged(datapathID uint64, ifaces []*ovsdb.Interface) {
	f.post(interfacesReported{topology.DatapathID(datapathID), ifaces})
}

// OVSDBDisconnected implements ovsdb.Handler.
func (f *Fabric) OVSDBDisconnected(datapathID uint64, reason error) {
	f.log.Info("ovsdb disconnected", "dpid", topology.DatapathID(datapathID), "err", reason)
	f.post(ovsdbDisconnected{topology.DatapathID(datapathID)})
}

// AdmitOVSDB returns an error if the reports of a connection must be ignored because its
// certificate is for another node than the bridge's. It is for ovsdb.Config.
func (f *Fabric) AdmitOVSDB(c ovsdb.Conn) error {
	id := topology.DatapathID(c.DatapathID)
	n, ok := f.View().Topo.NodeByDatapath(id)
	if !ok || c.Node == "" || c.Node == n.Name {
		return nil
	}
	return fmt.Errorf("the bridge's datapath id %v is that of node %s, but the certificate is for node %s", id, n.Name, c.Node)
}

// OVSDBStanding ranks an OVSDB connection among those that report the same datapath id. The
// address of the node's OpenFlow session ranks highest, then the node's other known addresses,
// then unknown addresses, because a machine may have several. The address of another switch
// that presents the datapath id ranks lowest. Its reports do not count (-1) once a better
// connection has reported. It is for ovsdb.Config.
func (f *Fabric) OVSDBStanding(c ovsdb.Conn) int {
	id, a := topology.DatapathID(c.DatapathID), addrIn(c.Remote)
	f.identities.mu.Lock()
	defer f.identities.mu.Unlock()
	is := f.identities.byID[id]
	switch {
	case a.IsValid() && a == is.session:
		return 3
	case is.known[a]:
		return 2
	case !is.others[a]:
		return 1
	case !f.identities.reported[id]:
		return 0
	}
	return -1
}

// OVSDBReconsider returns the datapath ids for which the result of OVSDBStanding may have
// changed. It is for ovsdb.Config.
func (f *Fabric) OVSDBReconsider() *ovsdb.Reconsider { return f.identities.reconsider }

// KnownAddress reports whether a node's switch is, or was last, connected from an address. It
// is for ovsdb.Config.
func (f *Fabric) KnownAddress(a net.Addr) bool { return f.board.KnownHost(connlimit.Host(a)) }
