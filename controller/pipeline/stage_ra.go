package pipeline

import (
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
)

// TableRA sends router solicitations of ports (RFC 4861, 4.1) to sdnd, and TableDHCPv6
// their DHCPv6 requests (RFC 8415).
const (
	TableRA     openflow.TableID = 31
	TableDHCPv6 openflow.TableID = 32
)

func raStage() stage {
	return stage{
		Table:   Table{TableRA, "ra", "router solicitations of ports → sdnd, which answers out of the port", "network", "controller"},
		network: (*Compiler).raNetwork,
	}
}

func (c *Compiler) raNetwork(n *topology.Network) {
	if c.local && answersOf(n).ra {
		c.toController("sends router solicitations of ports of the network to sdnd")
	}
}

func dhcpv6Stage() stage {
	return stage{
		Table:   Table{TableDHCPv6, "dhcpv6", "DHCPv6 requests of ports → sdnd, which answers out of the port", "network", "controller"},
		network: (*Compiler).dhcpv6Network,
	}
}

func (c *Compiler) dhcpv6Network(n *topology.Network) {
	if c.local && answersOf(n).ra {
		c.toController("sends what ports of the network ask by DHCPv6 to sdnd")
	}
}
