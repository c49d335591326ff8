package topology_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

func TestDatapathID(t *testing.T) {
	// FNV-1a of "a" is published: http://www.isthe.com/chongo/tech/comp/fnv/
	if got := model.DatapathIDFor("a").String(); got != "af63dc4c8601ec8c" {
		t.Errorf("datapath id for \"a\": %s", got)
	}
	for in, want := range map[string]topology.DatapathID{
		"00000000000000a1": 0xa1, "a1": 0xa1, "0xA1": 0xa1, "ffffffffffffffff": 1<<64 - 1,
	} {
		if got, err := model.ParseDatapathID(in); err != nil || got != want {
			t.Errorf("%q: %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "0", "0x", "0x0", "x", "-1", "+1", "1_0", "00000000000000001", "00:00:00:00:00:00:00:a1"} {
		if got, err := model.ParseDatapathID(in); err == nil {
			t.Errorf("%q was read as %v", in, got)
		}
	}
}

func TestMACFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vni := topology.VNI(rapid.Uint32Range(1, 1<<24-1).Draw(t, "vni"))
		a, b := anyAddr(t, "a"), anyAddr(t, "b")
		m := topology.MACFor(vni, a)
		if (m == topology.MACFor(vni, b)) != (a == b) {
			t.Fatalf("%v and %v: not one-to-one", a, b)
		}
		if m.IsMulticast() || m.IsZero() || m == topology.GatewayMACFor(vni) {
			t.Fatalf("MAC %v", m)
		}
		back, err := model.ParseMAC(m.String())
		if err != nil || back != m {
			t.Fatalf("%v read back as %v, %v", m, back, err)
		}
	})
}

func anyAddr(t *rapid.T, label string) netip.Addr {
	return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, label)))
}

func TestParseMACRefuses(t *testing.T) {
	for _, in := range []string{"", "02:00:00:00:01", "02-00:00-00-01-03", "02000:00:00:01:03", "0200.0000.010", "02:00:00:00:01:0g", "02:00:00:00:01:03:04", "+2:00:00:00:01:03"} {
		if got, err := model.ParseMAC(in); err == nil {
			t.Errorf("%q was read as %v", in, got)
		}
	}
}

// TestParseMACForms reads MACs as other programs print them.
func TestParseMACForms(t *testing.T) {
	for in, want := range map[string]string{
		"08:00:27:a9:e7:96": "08:00:27:a9:e7:96",
		"08-00-27-A9-E7-96": "08:00:27:a9:e7:96", // Windows
		"0800.27a9.e796":    "08:00:27:a9:e7:96", // Cisco
		"080027A9E796":      "08:00:27:a9:e7:96", // Vagrant
	} {
		if got, err := model.ParseMAC(in); err != nil || got.String() != want {
			t.Errorf("%q was read as %v, %v", in, got, err)
		}
	}
}

// TestText: what is written is read back unchanged.
func TestText(t *testing.T) {
	type all struct {
		Ref  topology.Ref
		MAC  topology.MAC
		None topology.MAC
		DPID topology.DatapathID
		Zero topology.DatapathID
	}
	want := all{Ref: ref(topology.KindPort, "web1"), MAC: topology.MAC{2, 0, 0, 0, 1, 3}, DPID: 0xa1}
	j, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(j); got != `{"Ref":"port/web1","MAC":"02:00:00:00:01:03","None":"","DPID":"00000000000000a1","Zero":""}` {
		t.Errorf("as JSON: %s", got)
	}
	var got all
	if err := json.Unmarshal(j, &got); err != nil || got != want {
		t.Errorf("read back: %+v, %v", got, err)
	}
	for _, in := range []string{`{"Ref":"web1"}`, `{"MAC":"x"}`, `{"DPID":"x"}`} {
		if err := json.Unmarshal([]byte(in), &got); err == nil {
			t.Errorf("%s was read", in)
		}
	}
}

func TestProblemsError(t *testing.T) {
	p := topology.Problem{Ref: ref(topology.KindPort, "p"), Field: "spec.ip", Message: "no", Fix: "do"}
	if got := (topology.Problems{p}).Error(); got != "port/p: spec.ip: no; do" {
		t.Errorf("one: %s", got)
	}
	p.Field = ""
	if got := (topology.Problems{p, p}).Error(); got != "2 problems:\n  port/p: no; do\n  port/p: no; do" {
		t.Errorf("two: %s", got)
	}
}

// TestLoaderRefuses: an inconsistent store is not loaded.
func TestLoaderRefuses(t *testing.T) {
	s := base(t)
	port := func(f func(*topology.Port)) func(*topology.Loader) error {
		return func(l *topology.Loader) error {
			p, _ := s.Port("vm")
			o := *p
			o.Name = "other"
			o.Addresses, o.MAC, o.Spec.InterfaceID, o.Spec.Interface = []netip.Addr{ip("10.1.0.77")}, topology.MAC{2, 7}, "", ""
			f(&o)
			return l.Add(&o)
		}
	}
	block := func(b topology.Block) func(*topology.Loader) error {
		return func(l *topology.Loader) error { return l.AddBlock(&b) }
	}
	object := func(o topology.Object) func(*topology.Loader) error {
		return func(l *topology.Loader) error { return l.Add(o) }
	}
	meta := topology.Meta{Name: "x"}
	for _, tt := range []struct {
		name string
		add  func(*topology.Loader) error
		want string
	}{
		{"fine", port(func(*topology.Port) {}), ""},
		{"twice", port(func(p *topology.Port) { p.Name = "vm" }), "there are two"},
		{"no network", port(func(p *topology.Port) { p.Spec.Network = "x" }), `no network "x"`},
		{"no node", port(func(p *topology.Port) { p.Spec.Node = "x" }), `no node "x"`},
		{"no address", port(func(p *topology.Port) { p.Addresses = nil }), "no address"},
		{"address", port(func(p *topology.Port) { p.Addresses = []netip.Addr{ip("10.1.0.200")} }), "held by port/vm"},
		{"MAC", port(func(p *topology.Port) { p.MAC = topology.MAC{2, 0, 0, 0, 0, 9} }), "is the MAC of port/vm"},
		{"interface id", port(func(p *topology.Port) { p.Spec.InterfaceID = "vm-if" }), "binds port/vm"},
		{"datapath id", object(&topology.Node{Meta: meta, DatapathID: 0xa2}), "belongs to node/n2"},
		{"VNI", object(&topology.Network{Meta: meta, VNI: 100}), "belongs to network/web"},
		{"router number", object(&topology.Router{Meta: meta, ID: topology.FirstRouterID}), "another router"},
		{"router's network", object(&topology.Router{Meta: meta, Spec: topology.RouterSpec{Networks: []string{"x"}}}), `no network "x"`},
		{"network's router", object(&topology.Router{Meta: meta, Spec: topology.RouterSpec{Networks: []string{"web"}}}), "joined to router/main"},
		{"block's network", block(topology.Block{Network: "web", Node: "n1"}), "no such segmented network"},
		{"block's node", block(topology.Block{Network: "pods", Node: "x"}), "no such node"},
		{"block outside", block(topology.Block{Network: "pods", Node: "n1", ByFamily: [2]topology.BlockRange{{Prefix: netip.MustParsePrefix("10.9.0.0/24")}}}), "not a block of"},
		{"block taken", block(topology.Block{Network: "pods", Node: "n1", ByFamily: [2]topology.BlockRange{{Prefix: netip.MustParsePrefix("10.244.7.0/24")}}}), "belongs to two nodes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := topology.NewLoader()
			for _, o := range objects(s) {
				if err := l.Add(o); err != nil {
					t.Fatal(err)
				}
			}
			b, _ := s.Block("pods", "n2")
			if err := l.AddBlock(b); err != nil {
				t.Fatal(err)
			}
			err := tt.add(l)
			if tt.want == "" && err == nil {
				return
			}
			if err == nil || tt.want == "" || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// objects returns all objects in the order in which they are loaded.
func objects(s *topology.Snapshot) (out []topology.Object) {
	for o := range s.Nodes() {
		out = append(out, o)
	}
	for o := range s.Networks() {
		out = append(out, o)
	}
	for o := range s.Routers() {
		out = append(out, o)
	}
	for o := range s.Ports() {
		out = append(out, o)
	}
	return out
}

func TestNumbersOfObjects(t *testing.T) {
	s := base(t)
	if got := [4]int{s.NumNodes(), s.NumNetworks(), s.NumRouters(), s.NumPorts()}; got != [4]int{2, 4, 1, 8} {
		t.Errorf("%v", got)
	}
	if o, ok := s.Object(ref(topology.KindRouter, "x")); ok || o != nil {
		t.Errorf("an object that is not there: %v", o)
	}
	if o, ok := s.Object(ref("switch", "x")); ok || o != nil {
		t.Errorf("an object of no kind: %v", o)
	}
	for _, o := range objects(s) {
		if got, ok := s.Object(o.Ref()); !ok || got != o {
			t.Errorf("%s finds %v", o.Ref(), got)
		}
	}
	if _, ok := s.PortByAddress("web", ip("fd00::1")); ok {
		t.Error("an IPv6 address was found")
	}
	if _, ok := s.PortByMAC("nowhere", topology.MAC{}); ok {
		t.Error("a port of no network was found")
	}
}
