package nodeconfig

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// joining is what the tests join.
func joining() Join {
	return Join{
		Node: "node1", Bridge: "br-int", Controller: "tcp:10.0.0.1:6653", Manager: "tcp:10.0.0.1:6640",
		DatapathID: "00000000000000a1", LocalIP: "10.0.0.2", InactivityProbe: 5000,
	}
}

func TestCheckBridge(t *testing.T) {
	served := []Remote{{Target: "tcp:10.0.0.1:6653"}}
	tests := []struct {
		name   string
		bridge *Bridge
		want   []string // a part of each line
	}{
		{"none", nil, nil},
		{"empty", &Bridge{DatapathID: "0000aabbccddeeff", DatapathType: "netdev"}, nil},
		{"empty and secure", &Bridge{FailMode: "secure", Protocols: []string{"OpenFlow13"}}, nil},
		{"the node", &Bridge{ExternalIDs: map[string]string{KeyNode: "node1"}, Ports: []string{"web"}, FailMode: "standalone"}, nil},
		{"another node", &Bridge{ExternalIDs: map[string]string{KeyNode: "node2"}, Ports: []string{"web"}}, []string{"bridge of node node2"}},
		{"a port", &Bridge{Ports: []string{"eth1"}}, []string{"1 port eth1: no longer pass"}},
		{"many ports", &Bridge{Ports: strings.Split("abcdefghijklmn", "")}, []string{"14 ports a, b, c, d, e, f, g, h, and 6 more:"}},
		{"flows", &Bridge{Flows: []string{"priority=1 actions=drop", "priority=2 actions=drop"}}, []string{"2 flows: removed"}},
		{"too many flows", &Bridge{Flows: []string{strings.Repeat("x", maxFlows+1)}}, []string{"1 flow: removed", "1 flow: too many to record"}},
		{"flows unknown, but no port", &Bridge{FlowsUnknown: "no socket"}, nil},
		{"flows unknown", &Bridge{FlowsUnknown: "no socket", Ports: []string{"a"}}, []string{"1 port a", "cannot be read (no socket)"}},
		{"a controller", &Bridge{Controllers: []Remote{{Target: "tcp:10.0.0.9:6653"}}, DatapathID: "00000000000000a1"}, []string{"controller tcp:10.0.0.9:6653: replaced by tcp:10.0.0.1:6653"}},
		{"standalone by choice", &Bridge{FailMode: "standalone"}, []string{"fail_mode standalone"}},
		{"the same id", &Bridge{OtherConfig: map[string]string{"datapath-id": "0xA1"}}, nil},
		{"another id", &Bridge{OtherConfig: map[string]string{"datapath-id": "00000000000000a2"}}, []string{"keep it with --datapath-id 00000000000000a2"}},
		{"served by this sdnd", &Bridge{Controllers: served, Ports: []string{"web"}, Flows: []string{"actions=drop"}, DatapathID: "00000000000000a1"}, nil},
		{"served by this sdnd, by another id", &Bridge{Controllers: served, Ports: []string{"web"}, DatapathID: "00000000000000a2"}, []string{"keep it with --datapath-id 00000000000000a2"}},
		{"protocols", &Bridge{Protocols: []string{"OpenFlow10", "OpenFlow13"}}, []string{"protocols OpenFlow10,OpenFlow13"}},
		{"a tunnel of our name", &Bridge{Tunnel: &Tunnel{Name: TunnelPort, Type: "geneve"}}, []string{"of type geneve: becomes sdnd's tunnel"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := joining().Check(State{Bridge: tt.bridge}).Takes
			if len(got) != len(tt.want) {
				t.Fatalf("takes over %q, want %q", got, tt.want)
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) {
					t.Errorf("takes over %q, want %q", got[i], tt.want[i])
				}
			}
		})
	}
}

func TestCheckTunnels(t *testing.T) {
	tests := []struct {
		name          string
		options       map[string]string
		blocked, note string
	}{
		{"of every node and VNI", map[string]string{"remote_ip": "flow", "key": "flow"}, "any VNI from any address on UDP port 4789", ""},
		{"at our address", map[string]string{"remote_ip": "flow", "key": "flow", "local_ip": "10.0.0.2"}, "any VNI", ""},
		{"at another address", map[string]string{"remote_ip": "flow", "key": "flow", "local_ip": "10.0.0.3"}, "", ""},
		{"at another UDP port", map[string]string{"remote_ip": "flow", "key": "flow", "dst_port": "8472"}, "", ""},
		{"of one node", map[string]string{"remote_ip": "10.0.0.7", "key": "flow"}, "", "any VNI from 10.0.0.7"},
		{"of one VNI", map[string]string{"remote_ip": "flow", "key": "5"}, "", "VNI 5 from any address"},
		{"of VNI 0", map[string]string{"remote_ip": "10.0.0.7"}, "", "VNI 0 from 10.0.0.7"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := joining().Check(State{Tunnels: []Tunnel{{Name: "vx0", Bridge: "br-tun", Type: "vxlan", Options: tt.options}}})
			if (got.Blocked == "") != (tt.blocked == "") || !strings.Contains(got.Blocked, tt.blocked) {
				t.Errorf("blocked by %q, want %q", got.Blocked, tt.blocked)
			}
			if notes := strings.Join(got.Notes, "\n"); (notes == "") != (tt.note == "") || !strings.Contains(notes, tt.note) {
				t.Errorf("notes %q, want %q", notes, tt.note)
			}
			if len(got.Takes) > 0 {
				t.Errorf("takes over %q", got.Takes)
			}
		})
	}
}

// TestCheckSecondBridge: a machine is one node.
func TestCheckSecondBridge(t *testing.T) {
	s := State{Tunnels: []Tunnel{{Name: TunnelPort, Bridge: "br-two", Type: "vxlan", Options: map[string]string{"dst_port": "1"}}}}
	if got := joining().Check(s).Blocked; !strings.Contains(got, "sdnctl node leave --bridge br-two") {
		t.Errorf("blocked by %q", got)
	}
}

func TestVerify(t *testing.T) {
	tests := []struct {
		name   string
		bridge *Bridge
		want   string
	}{
		{"works", &Bridge{DatapathID: "a1", Tunnel: &Tunnel{OFPort: 1}}, ""},
		{"no kernel module", &Bridge{}, "modprobe openvswitch"},
		{"no userspace datapath", &Bridge{DatapathType: "netdev"}, "its log says why"},
		{"taken by another port", &Bridge{DatapathID: "a1", Tunnel: &Tunnel{OFPort: -1, Error: "could not add network device vxlan-sdn to ofproto (File exists)"}}, "another VXLAN port of this Open vSwitch"},
		{"taken by the kernel", &Bridge{DatapathID: "a1", Tunnel: &Tunnel{OFPort: -1, Error: "could not add network device vxlan-sdn to ofproto (Address already in use)"}}, "outside of Open vSwitch"},
		{"no VXLAN", &Bridge{DatapathID: "a1", Tunnel: &Tunnel{OFPort: -1, Error: "could not add network device vxlan-sdn to ofproto (Address family not supported by protocol)"}}, "modprobe openvswitch vxlan"},
		{"no word", &Bridge{DatapathID: "a1", Tunnel: &Tunnel{}}, "reports no error"},
		{"removed", &Bridge{DatapathID: "a1"}, "another program changes"},
		{"all removed", nil, "another program changes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := Verify(State{Bridge: tt.bridge}, "br-int")
			if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	bridge := func(connected bool, last string) *Bridge {
		return &Bridge{
			DatapathID: "00000000000000a1", Tunnel: &Tunnel{OFPort: 1},
			Controllers: []Remote{{Target: "tcp:10.0.0.1:6653", Connected: connected, Status: map[string]string{"last_error": last}}},
		}
	}
	managers := func(connected bool) []Remote {
		return []Remote{{Target: "tcp:10.0.0.1:6640", Connected: connected, Status: map[string]string{"state": "BACKOFF", "last_error": "Connection refused"}}}
	}
	good := &Daemon{Declared: true, DatapathID: "00000000000000a1", Connected: true, Here: true, TunnelPort: true, OVSDB: true}
	but := func(change func(*Daemon)) *Daemon {
		d := *good
		change(&d)
		return &d
	}
	tests := []struct {
		name string
		p    Progress
		want []string // a part of each line
	}{
		{"works", Progress{State{Bridge: bridge(true, ""), Managers: managers(true)}, 0, good}, nil},
		{"works, and Open vSwitch has not yet said so", Progress{State{Bridge: bridge(false, ""), Managers: managers(false)}, 0, good}, nil},
		{"works, by Open vSwitch's word", Progress{State{Bridge: bridge(true, ""), Managers: managers(true)}, 4, nil}, nil},
		{"flows are not known", Progress{State{Bridge: bridge(true, ""), Managers: managers(true)}, -1, nil}, nil},
		{"no flows", Progress{State{Bridge: bridge(true, ""), Managers: managers(true)}, 0, nil}, []string{"is not declared, or another switch"}},
		{"unreachable", Progress{State{Bridge: bridge(false, "Connection timed out"), Managers: managers(false)}, 0, nil}, []string{"tcp:10.0.0.1:6653 (Connection timed out)", "tcp:10.0.0.1:6640 (Connection refused)"}},
		{"ovsdb-server without managers", Progress{State{Bridge: bridge(true, ""), Managers: []Remote{{Target: "tcp:10.0.0.1:6640"}}}, 4, nil}, []string{"started without --remote"}},
		{"manager removed", Progress{State{Bridge: bridge(true, "")}, 4, nil}, []string{"the manager tcp:10.0.0.1:6640 is gone"}},
		{"not declared", Progress{State{Bridge: bridge(true, ""), Managers: managers(true)}, 0, &Daemon{}}, []string{"node1 is not declared"}},
		{"another id", Progress{State{Bridge: bridge(true, ""), Managers: managers(true)}, 0, but(func(d *Daemon) { d.DatapathID, d.Connected = "00000000000000a2", false })}, []string{"join with --datapath-id 00000000000000a2"}},
		{"refused", Progress{State{Bridge: bridge(true, ""), Managers: managers(true)}, 0, but(func(d *Daemon) { d.Refused, d.Connected, d.OVSDB = "the certificate is for node2", false, false })}, []string{"refuses the switch: the certificate is for node2"}},
		{"another machine", Progress{State{Bridge: bridge(false, ""), Managers: managers(true)}, 0, but(func(d *Daemon) { d.Here, d.Address = false, "10.0.0.3:40000" })}, []string{"another machine is connected as node1, from 10.0.0.3:40000", "no OpenFlow connection"}},
		{"OVSDB of another bridge", Progress{State{Bridge: bridge(true, ""), Managers: managers(true)}, 0, but(func(d *Daemon) { d.OVSDB = false })}, []string{"is --bridge the same as for sdnd?"}},
		{"no tunnel port", Progress{State{Bridge: bridge(true, ""), Managers: managers(true)}, 0, but(func(d *Daemon) { d.TunnelPort = false })}, []string{"has no report of the port vxlan-sdn"}},
		{"conditions", Progress{State{Bridge: bridge(true, ""), Managers: managers(true)}, 0, but(func(d *Daemon) { d.Wrong = []string{"the bridge is on fire: put it out"} })}, []string{"on fire"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := joining().Missing(tt.p)
			if len(got) != len(tt.want) {
				t.Fatalf("missing %q, want %q", got, tt.want)
			}
			for i := range got {
				if !strings.Contains(got[i], tt.want[i]) {
					t.Errorf("missing %q, want %q", got[i], tt.want[i])
				}
			}
		})
	}
}

// TestOwnFlows: the flow that a standalone bridge has by itself is nobody's.
func TestOwnFlows(t *testing.T) {
	const out = " priority=0 actions=NORMAL\n cookie=0x5, table=1, priority=7,ip actions=drop\nNXST_FLOW reply\n"
	own := []string{"cookie=0x5, table=1, priority=7,ip actions=drop"}
	normal := "priority=0 actions=NORMAL"
	for _, tt := range []struct {
		name   string
		bridge *Bridge
		want   []string
	}{
		{"standalone", &Bridge{}, own},
		{"secure", &Bridge{FailMode: "secure"}, append([]string{normal}, own...)},
		{"with a controller", &Bridge{Controllers: []Remote{{Target: "tcp:10.0.0.9"}}}, append([]string{normal}, own...)},
	} {
		if d := cmp.Diff(tt.want, ownFlows(out, tt.bridge)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, d)
		}
	}
}
