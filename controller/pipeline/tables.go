package pipeline

import "github.com/sdnctl/sdnctl/openflow"

// The tables, in the order in which a packet meets them. Gaps are for stages to
// come: policy, service load balancing and address translation.
const (
	// TableClassify tells from the port or the tunnel key which network a
	// packet belongs to, and drops what a container may not send.
	TableClassify openflow.TableID = 0
	// TableSource admits from the tunnel what nodes send that have a part in the
	// packet's network, and drops the rest.
	TableSource openflow.TableID = 2
	// TableAdmitted leads on what was admitted from the tunnel: to the neighbour
	// what another node has routed, to the port what it has switched.
	TableAdmitted openflow.TableID = 3
	// TableARP answers ARP requests (RFC 826) on the spot.
	TableARP openflow.TableID = 10
	// TableBridge separates what is addressed to the gateway from what stays
	// within its layer-2 domain.
	TableBridge openflow.TableID = 40
	// TableRoute picks the network or node by longest prefix.
	TableRoute openflow.TableID = 50
	// TableGateway is the router's own addresses: it answers echo requests
	// (RFC 792), and takes one from the TTL of what it passes on.
	TableGateway openflow.TableID = 60
	// TableNeighbour gives a routed packet its new Ethernet addresses.
	TableNeighbour openflow.TableID = 70
	// TableForward sends to the port or the node that has the Ethernet address.
	TableForward openflow.TableID = 80
	// TableTunnel sends into the VXLAN tunnel (RFC 7348).
	TableTunnel openflow.TableID = 90
	// TableDrop counts what ports sent and may not send, port by port.
	TableDrop openflow.TableID = 98
	// TableSample holds what is learned of packets that are dropped; none gets
	// here, and no flow of ours is here for good.
	TableSample openflow.TableID = 99
	// TableStamp holds the digest of all other flows; no packet gets here.
	TableStamp openflow.TableID = 100
)

// Table describes one table of the pipeline.
type Table struct {
	ID   openflow.TableID
	Name string
	// Purpose in a few words.
	Purpose string
	// Match and Next say what its flows look at and where packets go from it;
	// what matches no flow is dropped.
	Match, Next string
}

// Tables returns all tables in order.
func Tables() []Table {
	return []Table{
		{TableClassify, "classify", "port or tunnel key → network; source addresses checked", "in_port, dl_src, nw_src or arp_spa+arp_sha; tun_id", "arp, bridge; from a tunnel source; else drop"},
		{TableSource, "source", "from the tunnel: does the sender have a part in the network?", "router, tun_src", "admitted"},
		{TableAdmitted, "admitted", "from the tunnel: routed by its sender?", "routed already", "neighbour, else forward"},
		{TableARP, "arp", "ARP requests answered here", "network, arp_tpa", "back out of the port it came from"},
		{TableBridge, "bridge", "addressed to the gateway?", "network, dl_dst", "route, else forward"},
		{TableRoute, "route", "longest prefix → network or remote node", "router, nw_dst/len", "gateway"},
		{TableGateway, "gateway", "echo reply of gateways; TTL", "network, nw_dst", "back out of the port it came from; neighbour; remote block: tunnel"},
		{TableNeighbour, "neighbour", "address → Ethernet addresses", "network, nw_dst", "forward"},
		{TableForward, "forward", "Ethernet address → port or remote node", "network, dl_dst", "output; remote port: tunnel"},
		{TableTunnel, "tunnel", "network → tunnel key; send", "–", "output to the tunnel port"},
		{TableDrop, "drop", "counts what ports may not send", "in_port", "–"},
		{TableSample, "sample", "senders learned for a moment", "–", "–"},
		{TableStamp, "stamp", "digest of all other flows; no packet gets here", "–", "–"},
	}
}

// TableName returns the table's name, or its number for one that is not ours.
func TableName(id openflow.TableID) string {
	for _, t := range Tables() {
		if t.ID == id {
			return t.Name
		}
	}
	return "table " + itoa(uint64(id))
}

// TunnelPort is the name of the VXLAN port that "sdnctl node join" makes on
// br-int: one for all peers (options:remote_ip=flow key=flow).
const TunnelPort = "vxlan-sdn"
