package answer

import (
	"time"

	"github.com/sdnctl/sdnctl/controller/nameserver"
	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
)

// Causes are those that this package answers. Names that are not declared are asked of
// upstream.
func Causes(upstream nameserver.Upstream) []packetin.Cause {
	cause := packetin.Cause{
		PerPort: packetin.Budget{Packets: 16, Bytes: 32 << 10}, Total: packetin.Budget{Packets: 8192, Bytes: 8 << 20}, Deadline: time.Second,
	}
	dhcp := cause
	dhcp.Name, dhcp.Table, dhcp.Answer = "dhcp", pipeline.TableDHCP, DHCP
	ra, dhcpv6 := cause, cause
	ra.Name, ra.Table, ra.Answer = "router-solicitation", pipeline.TableRA, RouterSolicitation
	dhcpv6.Name, dhcpv6.Table, dhcpv6.Answer = "dhcpv6", pipeline.TableDHCPv6, DHCPv6
	rejected := packetin.Cause{
		Name: "reject", Table: pipeline.TableReject, Answer: Rejected, Deadline: time.Second,
		PerPort: packetin.Budget{Packets: 128, Bytes: 128 * pipeline.RejectBytes}, Total: packetin.Budget{Packets: 4096, Bytes: 4096 * pipeline.RejectBytes},
	}
	refused := rejected
	refused.Name, refused.Table, refused.Answer = "refuse", pipeline.TableRefuse, Refused
	taken := rejected
	taken.Name, taken.Table, taken.Answer = "node-port-taken", pipeline.TableEntered, Taken
	health := cause
	health.Name, health.Table, health.Answer = "health-port", pipeline.TableNodePort, HealthPort
	health.PerPort = packetin.Budget{Packets: 512, Bytes: 512 << 10} // one port of the switch for all machines outside
	stale := cause
	stale.Name, stale.Table, stale.Answer = "stale-udp", pipeline.TableServing, Stale
	names := packetin.Cause{
		Name: "dns", Table: pipeline.TableDNS, Answer: DNS(upstream), Deadline: time.Second,
		PerPort: packetin.Budget{Packets: 128, Bytes: 128 << 10}, Total: packetin.Budget{Packets: 8192, Bytes: 8 << 20},
		MaxLater: 1024, MaxLaterPerPort: 32,
	}
	expired, noRoute, noNeighbour := rejected, rejected, rejected
	expired.Name, expired.Table, expired.Answer = "ttl-expired", pipeline.TableGateway, Expired
	noRoute.Name, noRoute.Table, noRoute.Answer = "no-route", pipeline.TableRoute, NoRoute
	noNeighbour.Name, noNeighbour.Table, noNeighbour.Answer = "no-neighbour", pipeline.TableNeighbour, NoNeighbour
	tooLarge := rejected
	tooLarge.Name, tooLarge.Table, tooLarge.Answer = "too-large", pipeline.TableTooLarge, TooLarge
	tooBig := cause
	tooBig.Name, tooBig.Table, tooBig.Answer = "too-big", pipeline.TableTooBig, TooBig
	tooBig.PerPort = packetin.Budget{Packets: 512, Bytes: 1 << 20} // one port of the switch for all machines outside
	hop := cause
	hop.Name, hop.Table, hop.Answer = "next-hop", pipeline.TableOutside, NextHop
	return []packetin.Cause{hop, dhcp, ra, dhcpv6, rejected, refused, taken, health, stale, names, expired, noRoute, noNeighbour, tooLarge, tooBig}
}
