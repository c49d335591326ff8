package integration

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// exposing has a service with an address on a bridge uplink of two nodes, and backends on three. A tenant
// with the same addresses leaves by the uplink, too.
const exposing = `
{kind: Node, name: node1, spec: {tunnelIP: 172.16.56.2}}
---
{kind: Node, name: node2, spec: {tunnelIP: 172.16.56.3, uplinkAddresses: [192.0.2.66]}}
---
{kind: Node, name: node3, spec: {tunnelIP: 172.16.56.4, uplinkAddresses: [192.0.2.67]}}
---
{kind: Uplink, name: ext, spec: {type: bridge, bridge: br-ex, subnet: 192.0.2.0/24, gateway: 192.0.2.1, addresses: [192.0.2.64/26]}}
---
{kind: Network, name: blue, spec: {subnets: [{cidr: 10.1.0.0/24}]}}
---
{kind: Network, name: pods, spec: {mode: segmented, subnets: [{cidr: 10.2.0.0/16}], containersPerNode: 250, maxNodes: 100}}
---
{kind: Network, name: red, spec: {subnets: [{cidr: 10.1.0.0/24}]}}
---
{kind: Router, name: r, spec: {networks: [blue, pods]}}
---
{kind: Router, name: q, spec: {networks: [red], egress: {uplink: ext}}}
---
{kind: Port, name: web1, labels: {app: web}, spec: {network: blue, node: node1, ips: [10.1.0.11]}}
---
{kind: Port, name: web2, labels: {app: web}, spec: {network: blue, node: node2, ips: [10.1.0.12]}}
---
{kind: Port, name: web3, labels: {app: web}, spec: {network: pods, node: node3}}
---
{kind: Port, name: red2, spec: {network: red, node: node2, ips: [10.1.0.12]}}
---
{kind: Port, name: red3, spec: {network: red, node: node3, ips: [10.1.0.13]}}
---
`

const onUplink = "192.0.2.90"

// exposedDual is exposing with both families.
func exposedDual() string {
	return strings.NewReplacer(
		"gateway: 192.0.2.1, addresses: [192.0.2.64/26]", `gateway: 192.0.2.1, subnet6: "2001:db8:0:2::/64", gateway6: "fe80::1", addresses: [192.0.2.64/26, "2001:db8:0:2::40/122"]`,
		"[192.0.2.66]", `[192.0.2.66, "2001:db8:0:2::66"]`, "[192.0.2.67]", `[192.0.2.67, "2001:db8:0:2::67"]`,
		"{cidr: 10.1.0.0/24}", `{cidr: 10.1.0.0/24}, {cidr: "fd00:1::/64"}`, "{cidr: 10.2.0.0/16}", `{cidr: 10.2.0.0/16}, {cidr: "fd00:2::/48"}`,
		"[10.1.0.11]", `[10.1.0.11, "fd00:1::11"]`, "[10.1.0.12]", `[10.1.0.12, "fd00:1::12"]`, "[10.1.0.13]", `[10.1.0.13, "fd00:1::13"]`,
	).Replace(exposing)
}

// exposed is the service, with backends and more of its spec as given.
func (b *serviceUplinkBed) exposed(backends, more string) string {
	return `{kind: Service, name: web, spec: {addresses: [10.96.0.10, "fd00:96::10"], routers: [r], uplink: {name: ext, addresses: ["` + strings.Join(b.on, `", "`) + `"]}, ` + more + `
  ports: [{name: http, port: 80, targetPort: 8080}, {name: dns, protocol: udp, port: 53, targetPort: 8080}], backends: ` + backends + `}}
`
}

// serviceUplinkBed is a bed with that service.
type serviceUplinkBed struct {
	*nodePortBed
	on []string // its addresses on the uplink
}

func newServiceUplinkBed(t *testing.T, objects string, on ...string) *serviceUplinkBed {
	t.Helper()
	b := &serviceUplinkBed{&nodePortBed{serviceBed: &serviceBed{newBed(t, 3), map[string]*lab.Container{}}}, on}
	var err error
	b.outside, err = b.AddExternal(b.ctx)
	b.must(err)
	up := &bridgeBed{outsideBed: &outsideBed{bed: b.bed}}
	b.join("node1")
	up.joinBridge("node2")
	up.joinBridge("node3")
	b.apply(objects + b.exposed(allWeb, ""))
	for name, node := range map[string]string{"web1": "node1", "web2": "node2", "web3": "node3", "red2": "node2", "red3": "node3"} {
		c := b.plug(name, node)
		b.hosts[name] = c
		b.serve(c)
	}
	b.bound("web1", "web2", "web3", "red2", "red3")
	return b
}

func (b *serviceUplinkBed) part(name string, f func(b *serviceUplinkBed)) {
	b.nodePortBed.part(name, func(inner *nodePortBed) { f(&serviceUplinkBed{inner, b.on}) })
}

// holder returns the node that answers for the address.
func (b *serviceUplinkBed) holder() string {
	b.t.Helper()
	o, err := b.api.Service(b.ctx, "web")
	b.must(err)
	return o.Status.UplinkNode
}

// held waits until a node answers for the address.
func (b *serviceUplinkBed) held(node string) {
	b.t.Helper()
	b.must(lab.PollFor(b.ctx, 20*time.Second, node+" to have the address", func(context.Context) error {
		if at := b.holder(); at != node {
			return fmt.Errorf("it is on %q", at)
		}
		return nil
	}))
}

// neighbour returns the MAC that the machine outside has for the address.
func (b *serviceUplinkBed) neighbour() string {
	b.t.Helper()
	out, err := b.outside.Exec(b.ctx, "ip", "neigh", "show", onUplink)
	b.must(err)
	return out
}

// TestServiceOnUplink: machines outside reach a service at its address on a bridge uplink, wherever its
// backends are, which see their true address.
func TestServiceOnUplink(t *testing.T) {
	b := newServiceUplinkBed(t, exposing, onUplink)
	b.part("any backend, both protocols, the true client", (*serviceUplinkBed).reached)
	b.part("P-SVC-07: a port that it does not offer, and pings", (*serviceUplinkBed).otherPorts)
	b.part("P-SVC-12: from ports, of its own and of other routers", (*serviceUplinkBed).fromPorts)
	b.part("P-SVC-06: without backends: refused at once", (*serviceUplinkBed).withoutBackends)
	b.part("P-SVC-20: policies judge the client's own address", (*serviceUplinkBed).policies)
	b.part("P-SVC-17: a socket of UDP whose backend goes", (*serviceUplinkBed).stream)
	b.part("P-SVC-27: one client port to the address and a node port", (*serviceUplinkBed).oneClientPort)
	b.part("P-SVC-11: external traffic policy Local: the address goes where backends are", (*serviceUplinkBed).local)
	b.part("an address is of one object", (*serviceUplinkBed).taken)
	b.part("without sdnd, and restarts", (*serviceUplinkBed).restart)
	b.part("a restart while a node is away", (*serviceUplinkBed).restartAlone)
	b.part("a node without the bridge, and no node", (*serviceUplinkBed).nowhere)
	b.part("the node dies", (*serviceUplinkBed).nodeDies)
}

// at calls f with each of the addresses, and a port.
func (b *serviceUplinkBed) at(port string, f func(to string)) {
	for _, a := range b.on {
		f(net.JoinHostPort(a, port))
	}
}

// allAnswer waits until backends answer at all of the addresses.
func (b *serviceUplinkBed) allAnswer(want ...string) {
	b.t.Helper()
	b.at("80", func(to string) { b.answers("tcp", to, want...) })
}

func (b *serviceUplinkBed) reached() {
	b.allAnswer("web1", "web2", "web3")
	b.at("53", func(to string) { b.answers("udp", to, "web1", "web2", "web3") })
	if got := b.neighbour(); !strings.Contains(got, "0e:73:c0:00:02:5a") {
		b.t.Errorf("the machine outside has the neighbour %q", got)
	}
	if out, at := b.sdnctl("service", "show", "web"), b.holder(); !strings.Contains(out, strings.Join(b.on, ",")+", on "+at) {
		b.t.Errorf("service show does not say that %s has %s:\n%s", at, onUplink, out)
	}
}

func (b *serviceUplinkBed) otherPorts() {
	b.at("81", func(to string) { b.refused("tcp", to) })
	b.at("54", func(to string) { b.refused("udp", to) })
	for _, a := range b.on {
		if out, err := b.outside.Exec(b.ctx, "ping", "-n", "-c", "3", "-i", "0.2", "-W", "5", a); err != nil {
			b.t.Errorf("ping of %s: %v: %s", a, err, out)
		}
	}
}

func (b *serviceUplinkBed) fromPorts() {
	for name, sees := range map[string]string{"web1": "10.1.0.11", "web2": "10.1.0.12", "red2": "192.0.2.66", "red3": "192.0.2.67"} {
		for network, port := range map[string]string{"tcp": "80", "udp": "53"} {
			b.must(lab.PollFor(b.ctx, 20*time.Second, name+" to reach the service by "+network, func(context.Context) error {
				who, saw, err := b.whoAnswers(b.hosts[name], network, net.JoinHostPort(onUplink, port))
				if err != nil {
					return err
				}
				if who != name && saw != sees { // to itself by its own service it has the service's address
					b.t.Errorf("%s sees %s by %s as %s, want %s", who, name, network, saw, sees)
				}
				return nil
			}))
		}
	}
}

func (b *serviceUplinkBed) withoutBackends() {
	b.apply(b.exposed("{selector: {matchLabels: {app: none}}}", ""))
	b.at("80", func(to string) { b.refused("tcp", to) })
	b.at("53", func(to string) { b.refused("udp", to) })
	b.apply(b.exposed(allWeb, ""))
	b.allAnswer("web1", "web2", "web3")
}

func (b *serviceUplinkBed) policies() {
	from := func(cidr string) {
		b.apply(`{kind: Policy, name: from, spec: {subject: {selector: {matchLabels: {app: web}}}, ingress: [{peers: [{cidr: ` + cidr + `}], ports: [tcp/8080]}]}}`)
	}
	from("203.0.113.0/24")
	b.at("80", b.shut)
	from(`192.0.2.1/32}, {cidr: "2001:db8:0:2::1/128"`)
	b.allAnswer("web1", "web2", "web3")
	b.sdnctl("policy", "delete", "from", "--wait=20s")
}

func (b *serviceUplinkBed) stream() {
	b.at("53", func(to string) {
		b.apply(b.exposed("{endpoints: [{port: web1}]}", ""))
		b.answers("udp", to, "web1")
		conn, err := b.enter("udp", to, 0)
		b.must(err)
		defer conn.Close()
		b.live("a socket", conn, "web1")
		b.apply(b.exposed("{endpoints: [{port: web3}]}", ""))
		b.must(lab.PollFor(b.ctx, 20*time.Second, "the socket to reach web3", func(context.Context) error {
			if who, _, err := ask(conn); err != nil || who != "web3" {
				return fmt.Errorf("%q answers: %w", who, errors.Join(err, errors.New("not yet")))
			}
			return nil
		}))
	})
	b.apply(b.exposed(allWeb, ""))
}

func (b *serviceUplinkBed) oneClientPort() {
	node := `{kind: Service, name: node, spec: {addresses: [10.96.0.11], routers: [r], ports: [{port: 80, targetPort: 8080, nodePort: 30080}], backends: {endpoints: [{port: web1}]}}}`
	b.apply(b.exposed("{endpoints: [{port: web1}]}", "") + "---\n" + node)
	at := map[string]string{"node2": "192.0.2.66:30080", "node3": "192.0.2.67:30080"}[b.holder()]
	b.answers("tcp", onUplink+":80", "web1")
	b.answers("tcp", at, "web1")
	one, err := b.enter("tcp", onUplink+":80", 7011)
	b.must(err)
	b.live("the first", one, "web1")
	two, err := b.enter("tcp", at, 7011)
	b.must(err)
	b.live("the second", two, "web1")
	b.live("the first, after the second", one, "web1")
	b.must(errors.Join(one.Close(), two.Close()))
	b.sdnctl("service", "delete", "node", "--wait=20s")
	b.apply(b.exposed(allWeb, ""))
}

func (b *serviceUplinkBed) local() {
	const local = "externalTrafficPolicy: Local, "
	for range 2 {
		for node, port := range map[string]string{"node2": "web2", "node3": "web3"} {
			b.apply(b.exposed("{endpoints: [{port: web1}, {port: "+port+"}]}", local))
			b.held(node)
			b.allAnswer(port)
		}
	}
	b.apply(b.exposed("{endpoints: [{port: web1}]}", local)) // on a node without uplink
	b.at("80", func(to string) { b.refused("tcp", to) })
	b.apply(b.exposed(allWeb, ""))
	b.allAnswer("web1", "web2", "web3")
}

func (b *serviceUplinkBed) taken() {
	for _, args := range [][]string{
		{"floatingip", "create", "other", "--uplink", "ext", "--address", onUplink, "--port", "web1"},
		{"egressip", "create", "other", "--uplink", "ext", "--address", onUplink, "--ports", "app=web", "--node", "node2"},
		{"service", "create", "other", "--address", "10.96.0.12", "--router", "r", "--ports", "tcp/81", "--uplink", "ext:" + onUplink},
		{"node", "set", "node2", "--uplink-address", onUplink},
	} {
		if out, err := b.Controller.SDNCtl(b.ctx, args...); err == nil || !strings.Contains(out+err.Error(), "belongs to service/web") {
			b.t.Errorf("sdnctl %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

func (b *serviceUplinkBed) restart() {
	conn, err := b.enter("tcp", onUplink+":80", 0)
	b.must(err)
	defer conn.Close()
	who, _, err := ask(conn)
	b.must(err)
	at := b.holder()
	b.settle()
	sent := b.changes(func() {
		b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
		b.live("without sdnd", conn, who)
		b.allAnswer("web1", "web2", "web3")
		b.must(b.Controller.Start(b.ctx))
	}, "node1", "node2", "node3")
	if sent["node1"]+sent["node2"]+sent["node3"] != 0 {
		b.t.Errorf("a restart sends changes: %v", sent)
	}
	if now := b.holder(); now != at {
		b.t.Errorf("after a restart %s has the address, before it was %s", now, at)
	}
	b.live("with sdnd again", conn, who)
	b.verify()
}

// restartAlone: after a restart of sdnd, nodes keep what leads from and to a node that has yet to connect.
func (b *serviceUplinkBed) restartAlone() {
	b.settle()
	log, err := b.node("node1").WatchControl(b.ctx)
	b.must(err)
	b.must(b.Controller.Stop(b.ctx, syscall.SIGTERM))
	b.signal("node2", syscall.SIGSTOP)
	b.must(b.Controller.Start(b.ctx))
	b.must(lab.PollFor(b.ctx, 30*time.Second, "node1 to be in sync", func(ctx context.Context) error {
		n, err := b.api.Node(ctx, "node1")
		if err == nil && (!n.Status.Connected || !n.Status.InSync) {
			err = fmt.Errorf("%+v", n.Status)
		}
		return err
	}))
	if n, err := b.api.Node(b.ctx, "node2"); err != nil || n.Status.Connected {
		b.t.Errorf("node2 is connected: %v", err)
	}
	if n, err := log.Changes(b.ctx); err != nil || n != 0 {
		b.t.Errorf("node1 gets %d changes, want none: %v", n, err)
	}
	b.signal("node2", syscall.SIGCONT)
	b.settle()
	b.verify()
}

func (b *serviceUplinkBed) nowhere() {
	b.held(b.holder())
	b.sdnctl("node", "set", "node2", "--uplink-address=", "--wait=20s")
	b.held("node3")
	b.allAnswer("web1", "web2", "web3")
	b.sdnctl("node", "set", "node3", "--uplink-address=", "--wait=20s")
	b.serviceHas("web", "ServiceUplinkNowhere", "no node has an uplinkAddress on uplink ext", true)
	b.shut(onUplink + ":80")
	b.sdnctl("node", "set", "node2", "--uplink-address", "192.0.2.66", "--wait=20s")
	b.held("node2")
	b.allAnswer("web1", "web2", "web3")
	b.sdnctl("node", "set", "node3", "--uplink-address", "192.0.2.67", "--wait=20s")
	b.serviceHas("web", "ServiceUplinkNowhere", "", false)
}

// nodeDies: the other node answers, and machines outside that remember the MAC find it.
func (b *serviceUplinkBed) nodeDies() {
	at := b.holder()
	other := map[string]string{"node2": "node3", "node3": "node2"}[at]
	b.allAnswer("web1")
	b.must(b.node(at).FreezeVSwitchd())
	thawed := false
	thaw := func() {
		if !thawed {
			thawed = true
			b.must(b.node(at).ThawVSwitchd())
		}
	}
	defer thaw()
	b.must(lab.PollFor(b.ctx, 60*time.Second, other+" to have the address", func(context.Context) error {
		if now := b.holder(); now != other {
			return fmt.Errorf("it is on %q", now)
		}
		return nil
	}))
	b.at("80", func(to string) {
		b.must(lab.PollFor(b.ctx, 20*time.Second, "web1 to answer at "+to+" by "+other, func(context.Context) error {
			who, _, err := b.who("tcp", to)
			if err == nil && who != "web1" {
				err = fmt.Errorf("%s answers", who)
			}
			return err
		}))
	})
	thaw()
	b.held(at)
	b.allAnswer("web1", "web2", "web3")
}

const onUplink6 = "2001:db8:0:2::5a"

// TestServiceOnUplinkIPv6: a service has addresses of both families on a bridge uplink. One node answers for both.
func TestServiceOnUplinkIPv6(t *testing.T) {
	t.Parallel()
	b := newServiceUplinkBed(t, exposedDual(), onUplink, onUplink6)
	b.part("any backend, both protocols, the true client", (*serviceUplinkBed).reached)
	b.part("P-SVC-07: a port that it does not offer, and pings", (*serviceUplinkBed).otherPorts)
	b.part("P-SVC-12: from ports, of its own and of other routers", (*serviceUplinkBed).fromPorts6)
	b.part("P-SVC-06: without backends: refused at once", (*serviceUplinkBed).withoutBackends)
	b.part("P-SVC-20: policies judge the client's own address", (*serviceUplinkBed).policies)
	b.part("P-SVC-17: a socket of UDP whose backend goes", (*serviceUplinkBed).stream)
	b.part("P-SVC-11: external traffic policy Local: the addresses go where backends are", (*serviceUplinkBed).local)
	b.part("nobody else takes the address", (*serviceUplinkBed).duplicate6)
	b.part("a node without an IPv6 address does not answer", (*serviceUplinkBed).oneFamily)
	b.part("without sdnd, and restarts", (*serviceUplinkBed).restart)
	b.part("the node dies", (*serviceUplinkBed).nodeDies)
}

func (b *serviceUplinkBed) fromPorts6() {
	for name, sees := range map[string]string{"web1": "fd00:1::11", "web2": "fd00:1::12", "red2": "2001:db8:0:2::66", "red3": "2001:db8:0:2::67"} {
		for network, port := range map[string]string{"tcp": "80", "udp": "53"} {
			b.must(lab.PollFor(b.ctx, 20*time.Second, name+" to reach the service by "+network, func(context.Context) error {
				who, saw, err := b.whoAnswers(b.hosts[name], network, net.JoinHostPort(onUplink6, port))
				if err == nil && who != name && saw != sees {
					err = fmt.Errorf("%s sees %s", who, saw)
				}
				return err
			}))
		}
	}
}

// duplicate6: a machine outside that asks whether the address is taken learns it, and who the neighbour is.
func (b *serviceUplinkBed) duplicate6() {
	_, err := b.outside.Exec(b.ctx, "ip", "addr", "add", onUplink6+"/64", "dev", "lan")
	b.must(err)
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the machine to notice that the address is taken", func(ctx context.Context) error {
		out, err := b.outside.Exec(ctx, "ip", "addr", "show", "dev", "lan")
		if err == nil && !strings.Contains(out, "dadfailed") {
			err = fmt.Errorf("%s", out)
		}
		return err
	}))
	_, err = b.outside.Exec(b.ctx, "ip", "addr", "del", onUplink6+"/64", "dev", "lan")
	b.must(err)
	b.allAnswer("web1", "web2", "web3")
}

// oneFamily: which node answers follows its addresses, and without any of IPv6 a condition says so.
func (b *serviceUplinkBed) oneFamily() {
	b.sdnctl("node", "set", "node2", "--uplink-address", "192.0.2.66", "--wait=20s")
	b.held("node3")
	b.allAnswer("web1", "web2", "web3")
	b.sdnctl("node", "set", "node3", "--uplink-address", "192.0.2.67", "--wait=20s")
	b.serviceHas("web", "ServiceUplinkNowhere", "node2 has no uplinkAddress of IPv6 on uplink ext", true)
	b.sdnctl("node", "set", "node2", "--uplink-address", "192.0.2.66,2001:db8:0:2::66", "--wait=20s")
	b.held("node2")
	b.sdnctl("node", "set", "node3", "--uplink-address", "192.0.2.67,2001:db8:0:2::67", "--wait=20s")
	b.serviceHas("web", "ServiceUplinkNowhere", "", false)
	b.allAnswer("web1", "web2", "web3")
}
