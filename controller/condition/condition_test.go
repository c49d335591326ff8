package condition

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/topology"
)

var update = flag.Bool("update", false, "write docs/conditions.md anew")

// healthyNode returns the facts of a node without conditions.
func healthyNode() NodeFacts {
	underlay := netip.MustParseAddr("192.168.50.11")
	return NodeFacts{Name: "node1", Connected: true, Seen: true, InSync: true, OVSDB: true, NeedsOVSDB: true, Bridge: "br-int", WantBridge: "br-int", TunnelPort: true, Tunnel: healthyTunnel(), TunnelIP: underlay, LocalIP: underlay}
}

func healthyTunnel() *Tunnel { return &Tunnel{Type: "vxlan", RemoteIP: "flow", Key: "flow"} }

func node(change func(*NodeFacts)) []Condition {
	f := healthyNode()
	change(&f)
	return Node(f)
}

// healthyPort returns the facts of a port without conditions.
func healthyPort() PortFacts {
	return PortFacts{Name: "web", Node: "node1", Bridge: "br-int", WantBridge: "br-int", InterfaceID: "web", Bound: true, Interface: "veth0", MAC: "02:64:0a:00:00:07"}
}

func port(change func(*PortFacts)) []Condition {
	f := healthyPort()
	change(&f)
	return Port(f)
}

func hostAccessCase(h HostAccess) []Condition {
	h.Subnets = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}
	return Network(NetworkFacts{Name: "blue", MTU: 1450, Host: h})
}

// cases has for each reason facts that produce it.
func cases() map[Reason][]Condition {
	return map[Reason][]Condition{
		NotConnected: node(func(f *NodeFacts) { f.Connected = false }),
		SwitchRefused: node(func(f *NodeFacts) {
			f.Connected, f.Refused = false, &Refused{"192.168.50.11:4711", "switch offers OpenFlow 1.0, but not OpenFlow 1.3", "ovs-vsctl set bridge br-int protocols=OpenFlow13"}
		}),
		BridgeNameWrong:  node(func(f *NodeFacts) { f.OVSDB, f.Bridge = false, "ovs-br1" }),
		FlowsRefused:     node(func(f *NodeFacts) { f.LastError = "table full" }),
		NotInSync:        node(func(f *NodeFacts) { f.InSync = false }),
		IdentityConflict: node(func(f *NodeFacts) { f.IdentityConflict = "a switch at 192.0.2.9 presents its datapath id too" }),
		SourcePortsExhausted: node(func(f *NodeFacts) {
			f.NoSourcePort = NoSourcePort{Packets: 12, Routers: "main, other", Node: true}
		}),
		OVSDBNotConnected:  node(func(f *NodeFacts) { f.OVSDB = false }),
		TunnelPortMissing:  node(func(f *NodeFacts) { f.TunnelPort = false }),
		TunnelPortFailed:   node(func(f *NodeFacts) { f.TunnelPort, f.Tunnel = false, &Tunnel{Error: "Address in use"} }),
		TunnelPortDisabled: node(func(f *NodeFacts) { f.TunnelDisabled.NoForward = true }),
		TunnelOptionsWrong: node(func(f *NodeFacts) { f.Tunnel.RemoteIP = "10.0.0.9" }),
		TunnelBlocked: node(func(f *NodeFacts) {
			f.TunnelFaults = []TunnelFault{{Peer: "node2", Addr: netip.MustParseAddr("192.0.2.2"), Out: true}, {Peer: "node3", In: true}, {Peer: "node4", In: true, Out: true}}
		}),
		TunnelMTUTooSmall: node(func(f *NodeFacts) {
			f.TunnelFaults = []TunnelFault{{Peer: "node2", Addr: netip.MustParseAddr("192.0.2.2"), Out: true, Network: "blue", Size: 1450}}
		}),
		FragmentsWrong:     node(func(f *NodeFacts) { f.Fragments = "drop" }),
		FailModeStandalone: node(func(f *NodeFacts) { f.Standalone = true }),
		TunnelSourceWrong:  node(func(f *NodeFacts) { f.LocalIP = netip.MustParseAddr("192.168.50.99") }),
		TunnelSourceUnchecked: node(func(f *NodeFacts) {
			f.LocalIP, f.Exempt = netip.Addr{}, true
		}),
		OVSDBWriteFailed:      node(func(f *NodeFacts) { f.WriteError = "transaction refused: permission error" }),
		OVSDBRowMissing:       node(func(f *NodeFacts) { f.MissingRows = "QoS web egress (there is no Port veth1)" }),
		ConnectionsNotLimited: node(func(f *NodeFacts) { f.Unlimited, f.OVSVersion = 2, "3.1.0" }),
		OVSDBReadOnly:         node(func(f *NodeFacts) { f.ReadOnly, f.ForgetsBackoff = true, true }),
		CertificateExpiring: node(func(f *NodeFacts) {
			f.Now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			f.CertificateExpires = f.Now.Add(24 * time.Hour)
		}),
		UnknownInterfaceID: node(func(f *NodeFacts) {
			f.Unmatched = Unmatched{[]UnmatchedInterface{{Interface: "veth9", ID: "nosuch"}}, 1}
		}),
		InterfaceFailed: port(func(f *PortFacts) {
			f.Bound, f.Failed = false, &Failed{Place: Place{"node1", "veth0"}, Error: "could not open network device veth0 (No such device)"}
		}),
		TunnelFamilyMismatch: Network(NetworkFacts{Name: "blue", MTU: 1450, Tunnels: [2]TunnelNodes{
			{Names: []string{"node3"}, Count: 1}, {Names: []string{"node1", "node2"}, Count: 2},
		}}),
		UplinkMissing:        Network(NetworkFacts{Name: "blue", MTU: 1450, Uplink: Uplink{Name: "wan", Missing: []string{"node1", "node2"}}}),
		UplinkAddressMissing: Network(NetworkFacts{Name: "blue", MTU: 1450, Uplink: Uplink{Name: "ext", Bridge: "br-ex", NoAddress: [2][]string{{"node1"}, {"node1", "node2"}}}}),
		UplinkSevered:        Network(NetworkFacts{Name: "blue", MTU: 1450, Uplink: Uplink{Name: "ext", Bridge: "br-ex", Severed: []string{"node1"}}}),
		UplinkDown:           Network(NetworkFacts{Name: "blue", MTU: 1450, Uplink: Uplink{Name: "wan", Down: []string{"node1"}}}),
		HostAccessNoGateway:  Network(NetworkFacts{Name: "blue", MTU: 1450, Host: HostAccess{NoGateway: true}}),
		HostAccessMissing:    hostAccessCase(HostAccess{Missing: []string{"node1", "node2"}}),
		HostAccessDown:       hostAccessCase(HostAccess{Down: []string{"node1"}}),
		HostAccessDiffers:    hostAccessCase(HostAccess{Other: []string{"node1"}}),
		HostAccessNoAddress:  hostAccessCase(HostAccess{NoAddress: []string{"node1"}}),
		UpstreamsUnreachable: Network(NetworkFacts{Name: "blue", MTU: 1450, Upstream: []NameServer{{"192.0.2.53", "no answer"}, {"192.0.2.54", "network is unreachable"}}}),
		UpstreamUnreachable:  Network(NetworkFacts{Name: "blue", MTU: 1450, Upstream: []NameServer{{"192.0.2.53", ""}, {"192.0.2.54", "connection refused"}}}),
		MulticastGroupsFull:  Network(NetworkFacts{Name: "blue", MTU: 1450, FullPorts: []string{"web"}, GroupsFull: true, JoinsFull: true, MaxPortGroups: 256, MaxGroups: 1024, MaxJoins: 65536}),
		MulticastIncomplete:  Network(NetworkFacts{Name: "blue", MTU: 1450, Overfull: []string{"node1"}, MaxMembers: 1000}),
		RouteUnusable:        Router(RouterFacts{Name: "main", Routes: []RouteFacts{{To: "10.51.0.0/24", Free: []string{"10.0.0.9 in network blue"}}}}),
		RouteHopMissing:      Router(RouterFacts{Name: "main", Routes: []RouteFacts{{To: "10.51.0.0/24", Works: 1, Unplugged: []string{"vm1"}}}}),
		RouteHopRestricted:   Router(RouterFacts{Name: "main", Routes: []RouteFacts{{To: "10.51.0.0/24", Works: 1, Restricted: []string{"vm1"}}}}),
		NoGateway:            Service(ServiceFacts{Name: "web", Selected: 1, Max: 512, NoGateway: []string{"blue"}}),
		NoBackends:           Service(ServiceFacts{Name: "web", Max: 512}),
		BackendUnhealthy:     Service(ServiceFacts{Name: "web", Selected: 2, Unhealthy: 1, Failing: "web1", Why: "port 8080 of TCP refuses connections", Max: 512}),
		BackendUnchecked:     Service(ServiceFacts{Name: "web", Selected: 2, Unhealthy: 1, Unchecked: 1, NotChecked: "web1", Obstacle: Obstacle{Away: "node2"}, Max: 512}),
		TooManyBackends:      Service(ServiceFacts{Name: "web", Selected: 513, Max: 512}),
		NodePortNowhere:      Service(ServiceFacts{Name: "web", Selected: 1, Max: 512, NoEntry: true}),
		NodePortTaken:        Service(ServiceFacts{Name: "web", Selected: 1, Max: 512, Taken: []TakenPort{{"node1", "tcp/30080"}, {"node2", "tcp/30080"}}}),
		NodePortUplinkOld:    Service(ServiceFacts{Name: "web", Selected: 1, Max: 512, OldEntries: []string{"node2"}}),
		NodePortsNotReserved: Service(ServiceFacts{Name: "web", Selected: 1, Max: 512, Unreserved: []string{"node1"}}),
		ServiceUplinkNowhere: Service(ServiceFacts{Name: "web", Selected: 1, Max: 512, Uplink: "ext", Bridge: "br-ex", Unfit: []EgressNode{{Name: "node1", Reached: true, Addressed: true}}}),
		NoNames:              Service(ServiceFacts{Name: "web", Headless: true, Selected: 1, Nameless: "blue"}),
		NoLocalBackends:      Service(ServiceFacts{Name: "web", Selected: 1, Max: 512, Without: []string{"node2", "node3"}}),
		FloatingIPNotPlaced:  floatingCase(func(f *FloatingFacts) { f.Node, f.Port = "", "" }),
		FloatingIPNoRouter:   floatingCase(func(f *FloatingFacts) { f.Leaves = false }),
		FloatingIPNoBridge:   floatingCase(func(f *FloatingFacts) { f.HasBridge = false }),
		FloatingIPPartial:    floatingCase(func(f *FloatingFacts) { f.Elsewhere = []string{"web2"} }),
		EgressIPNoNode:       egressCase(func(f *EgressFacts) { f.Holder, f.Nodes[0].Reached, f.Nodes[1].Bridge = "", false, false }),
		EgressIPNoRouter:     egressCase(func(f *EgressFacts) { f.Networks = []EgressNetwork{{Name: "blue", Router: "main", Ports: 2}} }),
		EgressIPRouted:       egressCase(func(f *EgressFacts) { f.Routed = []EgressNetwork{{Name: "blue", Router: "main", Ports: 2}} }),
		EgressIPNodeUnfit:    egressCase(func(f *EgressFacts) { f.Nodes[1].Addressed = false }),
		EgressIPUnattended:   egressCase(func(f *EgressFacts) { f.Nodes[1].Blind = []string{"node3"} }),
		UnderlayMTUTooSmall:  Network(NetworkFacts{Name: "blue", MTU: 9000, Small: []Underlay{{"node1", 1500, 50}}}),
		NotBound:             port(func(f *PortFacts) { f.Bound, f.Unbound = false, "no interface has its id" }),
		ClaimConflict:        port(func(f *PortFacts) { f.Interface, f.Conflicts = "veth1", []Place{{"node2", "veth2"}} }),
		InterfaceDisabled:    port(func(f *PortFacts) { f.Disabled.Down = true }),
		LinkDown:             port(func(f *PortFacts) { f.LinkDown = true }),
		MACMismatch:          port(func(f *PortFacts) { f.OtherMAC = "92:5f:00:00:00:01" }),
		SourceMACMismatch: port(func(f *PortFacts) {
			f.Dropped = &Dropped{Packets: 3, MAC: "92:5f:00:00:00:01", WantMAC: "02:10:00:00:00:01", IP: "10.0.0.9", WantIP: "10.0.0.7"}
		}),
		SourceAddressMismatch: port(func(f *PortFacts) { f.Dropped = &Dropped{Packets: 3, IP: "10.0.0.9", WantIP: "10.0.0.7"} }),
		FloodLimited:          port(func(f *PortFacts) { f.Flooded = &Flooded{Packets: 12, Network: "blue", Limit: 1000, Most: 100_000} }),
		SourceTagged:          port(func(f *PortFacts) { f.Dropped = &Dropped{Packets: 3, Tagged: true} }),
	}
}

// floatingCase returns the conditions of a floating address that works but for a change.
func floatingCase(change func(*FloatingFacts)) []Condition {
	f := FloatingFacts{
		Name: "web", Address: "192.0.2.70", Uplink: "ext", Bridge: "br-ex", Ports: []string{"web1"},
		Port: "web1", Node: "node1", Network: "blue", Router: "main", Leaves: true, HasBridge: true,
	}
	change(&f)
	return FloatingIP(f)
}

// egressCase returns the conditions of an egress address that works, but for one change.
func egressCase(change func(*EgressFacts)) []Condition {
	f := EgressFacts{Name: "jobs", Uplink: "ext", Bridge: "br-ex", Holder: "node1", Nodes: []EgressNode{
		{Name: "node1", Reached: true, Bridge: true, Addressed: true}, {Name: "node2", Reached: true, Bridge: true, Addressed: true},
	}}
	change(&f)
	return EgressIP(f)
}

// TestReasons: every reason is produced alone by the facts that it is about, and says what is
// wrong and what to do.
func TestReasons(t *testing.T) {
	for _, all := range [][]Condition{node(func(*NodeFacts) {}), port(func(*PortFacts) {}), Network(NetworkFacts{Name: "blue", MTU: 1450}), Service(ServiceFacts{Name: "web", Selected: 1, Max: 512}), floatingCase(func(*FloatingFacts) {}), egressCase(func(*EgressFacts) {}), Router(RouterFacts{Name: "main", Routes: []RouteFacts{{To: "10.51.0.0/24", Works: 1}}})} {
		if len(all) != 0 {
			t.Errorf("a healthy object has %+v", all)
		}
	}
	produced := cases()
	for _, d := range Reasons() {
		all, ok := produced[d.Reason]
		if !ok {
			t.Errorf("no case produces %s", d.Reason)
			continue
		}
		if len(all) != 1 || all[0].Reason != d.Reason || all[0].Severity != d.Severity {
			t.Errorf("%s: produced %+v", d.Reason, all)
			continue
		}
		if c := all[0]; c.Message == "" || c.Action == "" || strings.HasSuffix(c.Message, ".") {
			t.Errorf("%s: message %q, action %q", d.Reason, c.Message, c.Action)
		}
		if Ready(all) != (d.Severity == Warning) {
			t.Errorf("%s is %s, and ready is %v", d.Reason, d.Severity, Ready(all))
		}
		delete(produced, d.Reason)
	}
	for r := range produced {
		t.Errorf("%s is not in the table", r)
	}
}

// TestOrder: an object's conditions come in the order of the table, so that they can be
// compared.
func TestOrder(t *testing.T) {
	rank := map[Reason]int{}
	for i, d := range Reasons() {
		if _, twice := rank[d.Reason]; twice {
			t.Errorf("%s is in the table twice", d.Reason)
		}
		rank[d.Reason] = i
	}
	worst := healthyNode()
	worst.InSync, worst.OVSDB, worst.LastError, worst.Standalone = false, false, "table full", true
	worst.TunnelDisabled.Down, worst.Tunnel.Key = true, "7"
	port := healthyPort()
	port.LinkDown, port.OtherMAC = true, "92:5f:00:00:00:01"
	all := append(Node(worst), Port(port)...)
	for i := 1; i < len(all); i++ {
		if rank[all[i-1].Reason] >= rank[all[i].Reason] {
			t.Errorf("%s comes before %s", all[i-1].Reason, all[i].Reason)
		}
	}
}

// TestMACMismatch: the bridge's own interface gets its MAC by another command.
func TestMACMismatch(t *testing.T) {
	for iface, want := range map[string]string{
		"veth0":  `on node1: ovs-vsctl set interface veth0 mac=\"02:64:0a:00:00:07\"`,
		"br-int": `on node1: ovs-vsctl set bridge br-int other_config:hwaddr=\"02:64:0a:00:00:07\"`,
	} {
		got := port(func(f *PortFacts) { f.Interface, f.OtherMAC = iface, "92:5f:00:00:00:01" })
		if len(got) != 1 || got[0].Action != want {
			t.Errorf("%s: %+v", iface, got)
		}
	}
}

// TestObstacleText: each reason why a backend cannot be checked has words and a remedy.
func TestObstacleText(t *testing.T) {
	for _, c := range []struct {
		o        Obstacle
		why, fix string
	}{
		{Obstacle{}, "", ""},
		{Obstacle{Away: "node2"}, "its node node2 is not connected", "sdnctl node show node2"},
		{Obstacle{NamedPort: "http", Away: "node2"}, "it has no port of TCP named http", "sdnctl port set web1 --named-port http=tcp/NUMBER"},
		{Obstacle{NoFamily: "pods"}, "its network pods has no addresses of the service's family", "give the service an address of the other family: sdnctl service set web --address"},
		{Obstacle{NoGateway: "pods"}, "its network pods has no gateway", "sdnctl router create NAME --network pods"},
	} {
		why, fix := c.o.Text("web", "web1")
		if !strings.HasPrefix(why, c.why) || !strings.HasPrefix(fix, c.fix) || (c.why == "") != (why == "") {
			t.Errorf("%+v: %q, %q, want %q, %q", c.o, why, fix, c.why, c.fix)
		}
	}
	all := Service(ServiceFacts{Name: "web", Selected: 5, Unhealthy: 4, Unchecked: 3, NotChecked: "web1", Failing: "web2", Why: "port 80 of TCP refuses connections", Obstacle: Obstacle{Away: "node2"}, Max: 512})
	if len(all) != 2 || !strings.HasPrefix(all[0].Message, "web2 gets no new connections") || !strings.HasPrefix(all[1].Message, "3 backends get no new connections, because sdnd cannot check them, the first of them web1: its node node2") {
		t.Errorf("%+v", all)
	}
}

// TestNotConnected: the messages for a node that never connected, and for one that was
// connected.
func TestNotConnected(t *testing.T) {
	never := node(func(f *NodeFacts) { f.Connected, f.Seen, f.TunnelPort = false, false, false })
	if len(never) != 1 || never[0].Action != "on that machine run: sdnctl node join node1 --controller ADDRESS" {
		t.Errorf("never connected: %+v", never)
	}
	secure := node(func(f *NodeFacts) { f.Connected, f.Seen, f.Secure = false, false, true })
	if len(secure) != 1 || secure[0].Action != "on that machine run the line that this prints: sdnctl node invite node1" {
		t.Errorf("never connected, where nodes need a certificate: %+v", secure)
	}
	gone := node(func(f *NodeFacts) { f.Connected, f.LastError = false, "disconnected: EOF" })
	if len(gone) != 1 || gone[0].Message != "its switch is not connected: disconnected: EOF" {
		t.Errorf("gone: %+v", gone)
	}
}

// TestLongBridgeName: a bridge whose name OpenFlow truncates is the expected one.
func TestLongBridgeName(t *testing.T) {
	got := node(func(f *NodeFacts) {
		f.OVSDB, f.Bridge, f.WantBridge = false, "br-integration-", "br-integration-1"
	})
	if len(got) != 1 || got[0].Reason != OVSDBNotConnected {
		t.Errorf("%+v", got)
	}
}

// TestTunnelOptions: each wrong option is named, and one command fixes all of them.
func TestTunnelOptions(t *testing.T) {
	tests := []struct {
		name          string
		tunnel        Tunnel
		message, cure string
	}{
		{"another address", Tunnel{Type: "vxlan", RemoteIP: "10.0.0.9", Key: "flow"},
			"remote_ip=10.0.0.9 where flow is needed", "ovs-vsctl set interface vxlan-sdn options:remote_ip=flow"},
		{"no options", Tunnel{Type: "vxlan"},
			"no remote_ip where flow is needed, no key where flow is needed", "ovs-vsctl set interface vxlan-sdn options:remote_ip=flow options:key=flow"},
		{"another type", Tunnel{Type: "geneve", RemoteIP: "flow", Key: "flow"},
			"type=geneve where vxlan is needed", "ovs-vsctl set interface vxlan-sdn type=vxlan"},
		{"another UDP port", Tunnel{Type: "vxlan", RemoteIP: "flow", Key: "7", DstPort: "8472"},
			"key=7 where flow is needed, dst_port=8472 where other nodes use 4789",
			"ovs-vsctl set interface vxlan-sdn options:key=flow -- remove interface vxlan-sdn options dst_port"},
		{"the usual UDP port among others", Tunnel{Type: "vxlan", RemoteIP: "flow", Key: "flow", WantDstPort: "8472"},
			"no dst_port where 8472 is needed", "ovs-vsctl set interface vxlan-sdn options:dst_port=8472"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			all := node(func(f *NodeFacts) { f.Tunnel = &test.tunnel })
			if len(all) != 1 || !strings.Contains(all[0].Message, test.message) || all[0].Action != "on node1: "+test.cure {
				t.Errorf("%+v", all)
			}
		})
	}
}

// TestTunnelRenamed: a VXLAN port with another name is named, with the command that replaces
// it.
func TestTunnelRenamed(t *testing.T) {
	all := node(func(f *NodeFacts) { f.TunnelPort, f.Tunnel, f.OtherTunnel = false, nil, "vx0" })
	const cure = "on node1: ovs-vsctl del-port br-int vx0 -- add-port br-int vxlan-sdn -- set interface vxlan-sdn type=vxlan options:remote_ip=flow options:key=flow options:local_ip=192.168.50.11"
	if len(all) != 1 || all[0].Reason != TunnelPortMissing || all[0].Action != cure {
		t.Errorf("%+v", all)
	}
}

// TestNoBackends: the message says why the backends get no connections.
func TestNoBackends(t *testing.T) {
	for _, tt := range []struct {
		facts ServiceFacts
		want  string
	}{
		{ServiceFacts{Lists: true}, "it lists no backends; new connections to it fail"},
		{ServiceFacts{}, "no port is selected as its backend; new connections to it fail"},
		{ServiceFacts{Headless: true}, "no port is selected as its backend; its name has no addresses"},
		{ServiceFacts{Headless: true, NotReady: true, Selected: 1, Draining: 1}, "its name has no addresses, since none of its backends would get new connections: 1 draining"},
		{ServiceFacts{Selected: 3, LinkDown: 2, Draining: 1}, "none of its backends gets new connections, which therefore fail: 2 with their link down, 1 draining"},
		{ServiceFacts{Selected: 6, Draining: 3, Elsewhere: 2, Unbound: 1}, "none of its backends gets new connections, which therefore fail: 1 not bound, 3 draining, 2 in a network that no router joins with one whose ports may use the service"},
	} {
		tt.facts.Name, tt.facts.Max = "web", 512
		all := Service(tt.facts)
		if len(all) != 1 || all[0].Message != tt.want || tt.facts.Ready() != 0 {
			t.Errorf("%+v: %+v, %d ready", tt.facts, all, tt.facts.Ready())
		}
	}
	if n := (ServiceFacts{Selected: 700, Draining: 100, Max: 512}).Ready(); n != 512 {
		t.Errorf("%d of 600 are ready, want the 512 that the switches choose among", n)
	}
}

// TestLinkLocalOfAnotherMAC: the cure of a wrong link-local address is another than that of other addresses.
func TestLinkLocalOfAnotherMAC(t *testing.T) {
	for ip, want := range map[string]string{"fe80::1": "ip link set dev NAME down", "10.0.0.9": "sdnctl port set web --ip 10.0.0.9", "fd00::9": "sdnctl port set web --ip fd00::9"} {
		all := port(func(f *PortFacts) { f.Dropped = &Dropped{Packets: 1, IP: ip, WantIP: "fe80::2"} })
		if len(all) != 1 || all[0].Reason != SourceAddressMismatch || !strings.Contains(all[0].Action, want) {
			t.Errorf("from %s: %+v", ip, all)
		}
	}
}

// TestUnderlayMTU: the message names the nodes, and the MTU that all of them carry.
func TestUnderlayMTU(t *testing.T) {
	small := []Underlay{{"n1", 1500, 50}, {"n2", 1400, 50}, {"n3", 1500, 70}, {"n4", 1500, 50}, {"n5", 1500, 50}, {"n6", 1500, 50}}
	all := Network(NetworkFacts{Name: "blue", MTU: 9000, Small: small})
	if len(all) != 1 || !strings.Contains(all[0].Message, "n1 (1500), n2 (1400), n3 (1500), n4 (1500), n5 (1500), 1 more; packets above 1350 bytes") ||
		!strings.HasPrefix(all[0].Action, "sdnctl network set blue --mtu 1350,") {
		t.Errorf("%+v", all)
	}
}

// TestNotBoundWithoutOVSDB: while OVSDB is not connected, the message says nothing of
// interfaces.
func TestNotBoundWithoutOVSDB(t *testing.T) {
	all := port(func(f *PortFacts) { f.Bound, f.Unbound, f.NoOVSDB = false, "no interface has its id", "node1" })
	if len(all) != 1 || all[0].Reason != NotBound || !strings.Contains(all[0].Message, "ovsdb-server of node1 is not connected") {
		t.Errorf("%+v", all)
	}
}

// TestUnmatched: the message names a bounded number of interfaces, and how to fix the first.
func TestUnmatched(t *testing.T) {
	all := node(func(f *NodeFacts) {
		f.Unmatched = Unmatched{[]UnmatchedInterface{{"1a_l", "c1/eth0", true}, {"veth9", "nosuch", false}}, 7}
	})
	if len(all) != 1 || !strings.Contains(all[0].Message, "1a_l (container_id=c1/eth0), veth9 (iface-id=nosuch), 5 more") ||
		!strings.Contains(all[0].Action, "--interface-id c1/eth0") || !strings.HasSuffix(all[0].Action, "ovs-vsctl remove interface 1a_l external_ids container_id") {
		t.Errorf("%+v", all)
	}
}

// TestInterfaceFailed: the message says how to plug in again an interface that lost its device,
// depending on what plugged it in.
func TestInterfaceFailed(t *testing.T) {
	const where = "on node1, when what the interface is for runs: "
	for _, test := range []struct {
		failed Failed
		cure   string
	}{
		{Failed{Target: "docker/0123456789abcdef"}, "sdnctl attach --again"},
		{Failed{Target: "netns/red"}, "sdnctl attach web --netns red"},
		{Failed{Target: "pid/42"}, "sdnctl attach web --pid 42"},
		{Failed{Container: "c1"}, "ovs-vsctl del-port br-int veth0, and ovs-docker add-port br-int DEVICE c1 with its options again"},
		{Failed{}, "make the device veth0 again, or remove the interface: ovs-vsctl del-port br-int veth0"},
	} {
		all := port(func(f *PortFacts) {
			test.failed.Place, test.failed.Error = Place{"node1", "veth0"}, "No such device"
			f.Bound, f.Failed = false, &test.failed
		})
		if len(all) != 1 || all[0].Message != "its interface veth0 on node1 has no device: No such device" || all[0].Action != where+test.cure {
			t.Errorf("%+v", all)
		}
	}
}

const document = "../../docs/conditions.md"

// TestDocument holds docs/conditions.md to the table of reasons.
func TestDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Conditions\n\n" +
		"A condition is something that is wrong with a node, a network, a router, a service, a floating address or a port. `sdnctl status`, `sdnctl KIND show` and " +
		"`status.conditions` in the API list conditions; `sdnctl watch` reports when they change. " +
		"An object is ready (`status.ready`) when none of its conditions is an error. Each condition has " +
		"a message with the facts, the command or step that fixes it, and the time since when it holds.\n\n" +
		"This page is generated from the table in `controller/condition/reasons.go`.\n")
	for _, kind := range []topology.Kind{topology.KindNode, topology.KindNetwork, topology.KindRouter, topology.KindService, topology.KindFloatingIP, topology.KindEgressIP, topology.KindPort} {
		rows := ""
		for _, d := range Reasons() {
			if d.Kind == kind {
				rows += fmt.Sprintf("| `%s` | %s | %s |\n", d.Reason, d.Severity, d.Text)
			}
		}
		if rows != "" {
			fmt.Fprintf(&b, "\n## Conditions of a %s\n\n| reason | severity | meaning |\n|---|---|---|\n%s", kind, rows)
		}
	}
	if *update {
		if err := os.WriteFile(document, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(have), b.String()); diff != "" {
		t.Errorf("%s is not current; run go test ./controller/condition -update (-have +want):\n%s", document, diff)
	}
}

// TestTunnelCures: who corrects wrong options, and with what command.
func TestTunnelCures(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*NodeFacts)
		want   string
	}{
		{"others'", func(f *NodeFacts) { f.Tunnel.Key = "7" }, "on node1: ovs-vsctl set interface vxlan-sdn options:key=flow"},
		{"read only", func(f *NodeFacts) { f.Tunnel.Key, f.ReadOnly = "7", true }, "on node1: ovs-vsctl set interface vxlan-sdn options:key=flow; sdnd does not do so, as the node joined with --ovsdb read"},
		{"sdnd's", func(f *NodeFacts) { f.Tunnel.Key, f.Tunnel.Own = "7", true }, "sdnd sets it right by itself; if it does not stay so, this shows who else sets it, on node1: ovsdb-tool -mm show-log | grep -C9 vxlan-sdn"},
		{"joined with another UDP port", func(f *NodeFacts) { f.Tunnel.DstPort, f.Tunnel.OwnDstPort, f.Tunnel.Own = "8472", "8472", true }, "on node1: ovs-vsctl remove interface vxlan-sdn external_ids sdnctl-dst-port"},
		{"joined with that of VXLAN", func(f *NodeFacts) { f.Tunnel.WantDstPort, f.Tunnel.Own = "8472", true }, "on node1: ovs-vsctl set interface vxlan-sdn external_ids:sdnctl-dst-port=8472"},
		{"source", func(f *NodeFacts) { f.LocalIP, f.Exempt, f.Tunnel.Own = netip.Addr{}, true, true }, "sdnd sets it right by itself; if it does not stay so, this shows who else sets it, on node1: ovsdb-tool -mm show-log | grep -C9 vxlan-sdn"},
	} {
		if all := node(tt.change); len(all) != 1 || all[0].Action != tt.want {
			t.Errorf("%s: %+v, want the action %q", tt.name, all, tt.want)
		}
	}
}
