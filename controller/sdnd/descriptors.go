package main

import (
	"fmt"
	"math"
	"syscall"

	"github.com/sdnctl/sdnctl/topology"
)

// descriptors is how many connections of each kind sdnd accepts. Together they leave the file
// descriptors that sdnd itself needs. Those that anybody can open leave enough for
// administrators and nodes.
type descriptors struct {
	limit uint64 // of the process

	socket  int // on the unix socket of the API
	api     int // to the API by TCP
	metrics int
	// Connections of name servers that fetch zones.
	transfers int
	// OpenFlow connections whose switch is not known yet, and those of switches that are no
	// node's. Nodes use what is left.
	openflowHandshakes, openflowUnassigned int
	ovsdbHandshakes, ovsdb                 int
}

// ownDescriptors is how many the daemon itself needs: for its data file, listeners,
// certificates and backups.
const ownDescriptors = 64

// shareDescriptors divides the file descriptors that the process may have among the kinds of
// connections. The Go runtime has raised the soft limit to the hard one.
func shareDescriptors(maxConnections int) (descriptors, error) {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return descriptors{}, fmt.Errorf("read the limit of file descriptors: %w", err)
	}
	return shareOf(l.Cur, maxConnections)
}

// shareOf gives each kind a part of the limit, up to what it can use. The parts
// add up to two thirds; the last third is for nodes' OpenFlow connections.
func shareOf(limit uint64, maxConnections int) (descriptors, error) {
	const least = 2 * ownDescriptors
	if limit < least {
		return descriptors{}, fmt.Errorf("sdnd may have only %d file descriptors; give it %d or more (ulimit -n, LimitNOFILE=): 65536 are good for 10,000 nodes", limit, least)
	}
	rest := int(min(limit, math.MaxInt32)) - ownDescriptors
	part := func(of, most int) int { return max(1, min(rest/of, most)) }
	return descriptors{
		limit:              limit,
		socket:             part(16, 256),
		api:                part(8, maxConnections),
		metrics:            part(32, 128),
		transfers:          part(64, 64),
		openflowHandshakes: part(8, 1024),
		openflowUnassigned: part(16, 1024),
		ovsdbHandshakes:    part(16, 1024),
		ovsdb:              part(4, 8192),
	}, nil
}

// nodes returns for how many nodes the descriptors suffice, with a connection by OpenFlow and
// one by OVSDB each.
func (d descriptors) nodes() int {
	others := d.socket + d.api + d.metrics + d.transfers + d.openflowHandshakes + d.openflowUnassigned + d.ovsdb
	openflow := int(min(d.limit, math.MaxInt32)) - ownDescriptors - others
	return max(0, min(openflow, d.ovsdb))
}

// tooFewFor returns a warning if the descriptors do not suffice for the nodes of a topology,
// or "".
func (d descriptors) tooFewFor(topo *topology.Snapshot) string {
	if n := topo.NumNodes(); n > d.nodes() {
		return fmt.Sprintf("%d file descriptors are good for %d nodes, and %d are declared: raise the limit (ulimit -n, LimitNOFILE=)", d.limit, d.nodes(), n)
	}
	return ""
}
