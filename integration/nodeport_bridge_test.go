package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// nodePortBridged are nodes with addresses of both families on a bridge uplink. The IPv6 of router pub is routed.
const nodePortBridged = `
{kind: Node, name: node1, spec: {tunnelIP: 172.16.56.2, uplinkAddresses: [192.0.2.65, "2001:db8:0:2::65"]}}
---
{kind: Node, name: node2, spec: {tunnelIP: 172.16.56.3, uplinkAddresses: [192.0.2.66, "2001:db8:0:2::66"]}}
---
{kind: Node, name: node3, spec: {tunnelIP: 172.16.56.4, uplinkAddresses: [192.0.2.67, "2001:db8:0:2::67"]}}
---
{kind: Uplink, name: wan, spec: {type: bridge, bridge: br-ex, subnet: 192.0.2.0/24, gateway: 192.0.2.1, subnet6: "2001:db8:0:2::/64", gateway6: "fe80::1", addresses: [192.0.2.64/26, "2001:db8:0:2::40/122"]}}
---
{kind: Network, name: pub, spec: {subnets: [{cidr: 10.5.0.0/24}, {cidr: "2001:db8:1:1::/64"}]}}
---
{kind: Router, name: pub, spec: {networks: [pub], egress: {uplink: wan, ipv6: routed}}}
---
{kind: Port, name: pub1, labels: {app: pub}, spec: {network: pub, node: node1, ips: [10.5.0.11, "2001:db8:1:1::11"]}}
---
{kind: Port, name: pub2, labels: {app: pub}, spec: {network: pub, node: node2, ips: [10.5.0.12, "2001:db8:1:1::12"]}}
`

// newBridgeNodePortBed is newNodePortBed with uplinks of the type bridge. The machine outside is the gateway
// of the network there.
func newBridgeNodePortBed(t *testing.T) *nodePortBed {
	t.Helper()
	b := &nodePortBed{serviceBed: &serviceBed{newBed(t, 3), map[string]*lab.Container{}}, own: map[string][2]netip.Addr{}}
	var err error
	b.outside, err = b.AddExternal(b.ctx)
	b.must(err)
	up := &bridgeBed{outsideBed: &outsideBed{bed: b.bed}}
	for i, name := range []string{"node1", "node2", "node3"} {
		up.joinBridge(name)
		b.own[name] = [2]netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(65 + i)}), netip.MustParseAddr(fmt.Sprintf("2001:db8:0:2::%d", 65+i))}
	}
	_, objects, _ := strings.Cut(nodePortObjects, "---\n") // without the uplink of the type host
	b.apply(nodePortBridged + "---\n" + objects + nodePortServices() + nodePortService("pub", "pub", "20", 30085, 30085, selecting("pub")))
	for name, node := range map[string]string{"web1": "node1", "web2": "node2", "pod1": "node1", "pod2": "node2", "other1": "node1", "pub1": "node1", "pub2": "node2"} {
		c := b.plug(name, node)
		b.hosts[name] = c
		b.serve(c)
	}
	b.bound("web1", "web2", "pod1", "pod2", "other1", "pub1", "pub2")
	for _, cmd := range []string{"sysctl -qw net.ipv6.conf.all.forwarding=1", "sysctl -qw net.ipv4.ip_forward=1", "ip -6 route add 2001:db8:1:1::/64 via 2001:db8:0:2::67"} {
		_, err := b.outside.Exec(b.ctx, strings.Fields(cmd)...)
		b.must(err)
	}
	return b
}

// TestBridgeNodePorts: a machine outside reaches services at the addresses of nodes on a bridge uplink, by both
// families, wherever their backends are, which see its true address.
func TestBridgeNodePorts(t *testing.T) {
	t.Parallel()
	b := newBridgeNodePortBed(t)
	b.part("any node, any backend, both families, both protocols, the true client", func(b *nodePortBed) {
		for _, node := range []string{"node1", "node2", "node3"} {
			b.each(node, 30080, func(network, to string) { b.answers(network, to, "web1", "web2") })
			b.each(node, 30081, func(network, to string) { b.answers(network, to, "pod1", "pod2") })
			b.each(node, 30082, func(network, to string) { b.answers(network, to, "other1") })
		}
	})
	b.part("pings, and what stays shut", (*nodePortBed).nodePortBridgeShut)
	b.part("P-SVC-06: without a backend, and to no node port: refused at once", (*nodePortBed).nodePortRefused)
	b.part("P-SVC-02, P-SVC-27: one client port to several nodes and node ports", (*nodePortBed).oneClientPort)
	b.part("P-SVC-08: what is no part of a connection does not leave", (*nodePortBed).nodePortWindow)
	b.part("P-SVC-11: external traffic policy Local", (*nodePortBed).externalLocal)
	b.part("P-SVC-13: the health port", (*nodePortBed).nodePortHealth)
	b.part("P-SVC-20: policies judge the client's own address", (*nodePortBed).nodePortPolicies)
	b.part("P-SVC-15, P-SVC-17: UDP when a node port or a backend goes", (*nodePortBed).nodePortUDP)
	b.part("P-SVC-19: ports ask their own node", (*nodePortBed).nodePortOwn)
	b.part("routers whose IPv6 is routed", (*nodePortBed).nodePortRouted)
	b.part("backends with an egress address", (*nodePortBed).nodePortEgress)
	b.part("without sdnd, and restarts", (*nodePortBed).nodePortRestart)
}

func (b *nodePortBed) nodePortBridgeShut() {
	for _, own := range b.own {
		if out, err := b.outside.Exec(b.ctx, "ping", "-n", "-c", "3", "-i", "0.2", "-W", "5", own[1].String()); err != nil {
			b.t.Errorf("ping of %s: %v: %s", own[1], err, out)
		}
		// VXLAN is no node port.
		b.refused("udp", netip.AddrPortFrom(own[1], 4789).String())
	}
}

// nodePortRouted: what enters by node ports is answered by them, also where all else leaves with the ports' own
// addresses; ports of the networks reach the node ports, too.
func (b *nodePortBed) nodePortRouted() {
	for _, node := range []string{"node1", "node2", "node3"} {
		b.each(node, 30085, func(network, to string) { b.answers(network, to, "pub1", "pub2") })
	}
	// Straight to the port, by node3.
	b.answers("tcp", "[2001:db8:1:1::11]:8080", "pub1")
	b.answers("udp", "[2001:db8:1:1::12]:8080", "pub2")
	for _, node := range []string{"node1", "node2", "node3"} {
		for _, network := range []string{"tcp", "udp"} {
			// Translated to the address of the port's node, or with the port's own address.
			if node != "node1" {
				b.reachesAs("web1", network, b.at(node, 30085, false), b.own["node1"][0].String())
				b.reachesAs("web1", network, b.at(node, 30085, true), b.own["node1"][1].String())
			}
			if node != "node2" {
				b.reachesAs("pub2", network, b.at(node, 30080, true), "2001:db8:1:1::12")
				b.reachesAs("pub2", network, b.at(node, 30080, false), b.own["node2"][0].String())
				// Of its own router: by the service's address, as a backend would answer straight.
				b.reachesAs("pub2", network, b.at(node, 30085, false), b.own["node2"][0].String())
				b.refusedBy("pub2", network, b.at(node, 30085, true))
			}
		}
	}
	b.reachesAs("pub2", "tcp", "[fd00:96::20]:80", "2001:db8:1:1::12")
	// At an address of the service on the uplink it is the same, and ports of the router reach that as well.
	b.apply(`{kind: Service, name: onwan, spec: {addresses: [10.96.0.21, "fd00:96::21"], routers: [pub], uplink: {name: wan, addresses: ["2001:db8:0:2::5b"]}, ports: [{port: 80, targetPort: 8080}], backends: {selector: {matchLabels: {app: pub}}}}}`)
	b.answers("tcp", "[2001:db8:0:2::5b]:80", "pub1", "pub2")
	b.reachesAs("pub2", "tcp", "[2001:db8:0:2::5b]:80", "2001:db8:1:1::12")
	b.sdnctl("service", "delete", "onwan", "--wait=20s")
}

// nodePortOwn: ports reach node ports of their own router at the address of their own node, wherever the backend is,
// with their own address. They are refused at once where there is none, and a socket of UDP moves with the backend.
func (b *nodePortBed) nodePortOwn() {
	as := func(from, to string) string {
		if strings.HasPrefix(to, "[") {
			return b.hosts[from].IP6.Addr().String()
		}
		return b.hosts[from].IP.Addr().String()
	}
	for from, ports := range map[string][]int{"web1": {30080, 30081}, "pod1": {30080, 30081}, "pub1": {30085}} {
		for _, port := range ports {
			b.each("node1", port, func(network, to string) {
				for range 4 { // backends on both nodes, and by TCP itself
					b.reachesAs(from, network, to, as(from, to))
				}
			})
		}
	}
	own := func(backends string) {
		b.apply(nodePortService("own", "r", "13", 30083, 30083, "backends: "+backends+","))
		b.settle()
		b.revalidated()
	}
	own("{}")
	b.each("node1", 30083, func(network, to string) { b.refusedBy("pod1", network, to) })
	for _, six := range []bool{false, true} {
		own("{endpoints: [{port: web1}]}")
		conn, err := b.connect(b.hosts["pod1"], "udp", b.at("node1", 30083, six), 0)
		b.must(err)
		b.live("a socket at its own node", conn, "web1")
		own("{endpoints: [{port: web2}]}")
		b.must(lab.PollFor(b.ctx, 10*time.Second, "the socket to reach web2", func(context.Context) error {
			if who, _, err := ask(conn); err != nil || who != "web2" {
				return fmt.Errorf("%q answers: %w", who, errors.Join(err, errors.New("not yet")))
			}
			return nil
		}))
		conn.Close()
	}
	b.sdnctl("service", "delete", "own", "--wait=20s")
}

// refusedBy waits until a port is refused at once.
func (b *nodePortBed) refusedBy(from, network, to string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 20*time.Second, from+" to be refused at "+to+" by "+network, func(context.Context) error {
		who, _, err := b.whoAnswers(b.hosts[from], network, to)
		if err == nil {
			b.t.Errorf("%s answers %s at %s", who, from, to)
		} else if !errors.Is(err, syscall.ECONNREFUSED) {
			return err
		}
		return nil
	}))
}

// reachesAs checks that a port reaches a service, and as which address the backend sees it.
func (b *nodePortBed) reachesAs(from, network, to, want string) {
	b.t.Helper()
	c := b.hosts[from]
	b.must(lab.PollFor(b.ctx, 20*time.Second, from+" to reach "+to+" by "+network, func(context.Context) error {
		who, saw, err := b.whoAnswers(c, network, to)
		if err == nil && who != from && saw != want { // what reaches itself by a service has the service's address
			err = fmt.Errorf("%s sees %s, want %s", who, saw, want)
		}
		return err
	}))
}

// nodePortEgress: the answers of a backend leave by the node that was entered and with its address, and what
// the backend begins leaves by its gateway, which is entered by others.
func (b *nodePortBed) nodePortEgress() {
	b.apply(`{kind: EgressIP, name: web, spec: {uplink: wan, addresses: [192.0.2.80, "2001:db8:0:2::5c"], ports: {selector: {matchLabels: {app: web}}}, nodes: [node3]}}`)
	b.sdnctl("wait", "--for", "ready", "egressip/web")
	l, err := b.outside.Listen("tcp", ":8088")
	b.must(err)
	p, err := b.outside.ListenPacket("udp", ":8088")
	b.must(err)
	b.t.Cleanup(func() { b.must(errors.Join(l.Close(), p.Close())) })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answerLines(conn, "outside")
		}
	}()
	go func() {
		buf := make([]byte, 64)
		for {
			_, from, err := p.ReadFrom(buf)
			if err != nil {
				return
			}
			if _, err := p.WriteTo([]byte("outside "+from.String()+"\n"), from); err != nil {
				return
			}
		}
	}()
	for range 2 {
		for _, node := range []string{"node1", "node2", "node3"} {
			b.each(node, 30080, func(network, to string) { b.answers(network, to, "web1", "web2") })
		}
		for _, from := range []string{"web1", "web2"} {
			for _, network := range []string{"tcp", "udp"} {
				b.beginsByEgress(from, network, b.outside.Addr, "192.0.2.80")
				b.beginsByEgress(from, network, b.outside.Addr6, "2001:db8:0:2::5c")
			}
		}
	}
	b.sdnctl("egressip", "delete", "web", "--wait=20s")
}

// beginsByEgress checks that a port reaches the machine outside with an egress address.
func (b *nodePortBed) beginsByEgress(from, network string, to netip.Addr, as string) {
	b.t.Helper()
	var conn net.Conn
	b.must(lab.PollFor(b.ctx, 20*time.Second, from+" to reach "+to.String()+" by "+network, func(context.Context) error {
		var err error
		if conn, err = b.connect(b.hosts[from], network, netip.AddrPortFrom(to, 8088).String(), 0); err != nil {
			return err
		}
		_, saw, err := ask(conn)
		if err == nil && saw != as {
			err = fmt.Errorf("it sees %s", saw)
		}
		if err != nil {
			conn.Close()
		}
		return err
	}))
	for range 3 { // packets of both directions come and go
		b.live(from+" by its egress address "+as+" and "+network, conn, "outside")
	}
	conn.Close()
}
