package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Table describes one table of the pipeline.
type Table struct {
	ID   openflow.TableID
	Name string
	// Purpose in a few words.
	Purpose string
	// Match and Next say what its flows match and where packets go from it. A packet that
	// matches no flow is dropped.
	Match, Next string
}

// Tables returns all tables in order.
func Tables() []Table {
	var tables []Table
	for _, s := range stages() {
		tables = append(tables, s.Table)
	}
	return tables
}

// TableName returns the table's name, or its number if it is not in the pipeline.
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

// UplinkPort is the name of the port of br-int that leads to the node's kernel, which
// "sdnctl node join --uplink host" makes.
const UplinkPort = model.UplinkPort

// HostPort is the name of the port of br-int by which the node itself and ports of networks
// with host access reach each other, which "sdnctl node join --host-access" makes.
const HostPort = model.HostPort
