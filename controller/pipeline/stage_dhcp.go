package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableDHCP sends DHCP requests of ports (RFC 2131) to sdnd. It also has the meters of all
// requests that ports may send to sdnd.
const TableDHCP openflow.TableID = 30

// UDP ports of DHCP (RFC 2131, 4.1) and DHCPv6 (RFC 8415, 7.2).
const (
	dhcpServer   = 67
	dhcpClient   = 68
	dhcpv6Client = 546
	dhcpv6Server = 547
)

func dhcpStage() stage {
	return stage{
		Table:   Table{TableDHCP, "dhcp", "DHCP requests of ports → sdnd, which answers out of the port", "network", "controller"},
		network: (*Compiler).dhcpNetwork,
		port:    (*Compiler).askMeter,
		groups:  true,
	}
}

func (c *Compiler) dhcpNetwork(n *topology.Network) {
	if c.local && n.Spec.DHCP.Enabled {
		c.toController("sends what ports of the network ask by DHCP to sdnd")
	}
}
