package api

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sdnctl/sdnctl/topology/model"
)

// addrs compares addresses.
var addrs = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})

func TestDecodeObject(t *testing.T) {
	tests := []struct {
		name, json string
		want       Object
		spec       model.Spec
		problems   []Problem
	}{
		{
			name: "as exported",
			json: `{"kind":"Port","name":"web1","labels":{"app":"web"},"spec":{"network":"blue","ip":"10.0.0.7"},"status":{"anything":[1]},"meta":{"revision":3}}`,
			want: Object{Kind: KindPort, Name: "web1", Labels: map[string]string{"app": "web"}, Spec: json.RawMessage(`{"network":"blue","ip":"10.0.0.7"}`)},
			spec: model.PortSpec{Network: "blue", IP: netip.MustParseAddr("10.0.0.7")},
		},
		{
			name: "kind in any case, plural",
			json: `{"kind":"networks","name":"blue","spec":{"vni":7,"cidr":"10.0.0.0/24"}}`,
			want: Object{Kind: KindNetwork, Name: "blue", Spec: json.RawMessage(`{"vni":7,"cidr":"10.0.0.0/24"}`)},
			spec: model.NetworkSpec{VNI: 7, CIDR: netip.MustParsePrefix("10.0.0.0/24")},
		},
		{
			name: "no spec",
			json: `{"kind":"Node","name":"n"}`,
			want: Object{Kind: KindNode, Name: "n"},
			spec: model.NodeSpec{},
		},
		{
			name: "unknown keys at every depth",
			json: `{"kind":"Network","name":"blue","metadata":{},"spec":{"sunbets":[],"subnets":[{"cidr":"10.0.0.0/8"},{"cidr":"11.0.0.0/8","gatway":"c"}],"zzzzzzzz":1}}`,
			want: Object{Kind: KindNetwork, Name: "blue"},
			spec: model.NetworkSpec{Subnets: []model.Subnet{{Prefix: netip.MustParsePrefix("10.0.0.0/8")}, {Prefix: netip.MustParsePrefix("11.0.0.0/8")}}},
			problems: []Problem{
				{Object: "network/blue", Field: "metadata", Message: `unknown key "metadata"`, Fix: "known keys are kind, labels, meta, name, spec, status"},
				{Object: "network/blue", Field: "spec.subnets[1].gatway", Message: `unknown key "gatway"`, Fix: `did you mean "gateway"?`},
				{Object: "network/blue", Field: "spec.sunbets", Message: `unknown key "sunbets"`, Fix: `did you mean "subnets"?`},
				{Object: "network/blue", Field: "spec.zzzzzzzz", Message: `unknown key "zzzzzzzz"`, Fix: "known keys are blocks, cidr, containersPerNode, dhcp, dns, floodBurst, floodLimit, gatewayMAC, hostAccess, maxNodes, mode, mtu, multicast, portsFromNodes, ra, subnets, vni"},
			},
		},
		{
			name: "wrong types",
			json: `{"kind":"Network","name":"blue","labels":{"a":1,"b":"c"},"spec":{"vni":"7","mtu":1.5,"subnets":{},"blocks":[7],"mode":["stretched"]}}`,
			want: Object{Kind: KindNetwork, Name: "blue", Labels: map[string]string{"a": "", "b": "c"}},
			spec: model.NetworkSpec{Blocks: []model.BlockSpec{{}}},
			problems: []Problem{
				{Object: "network/blue", Field: "labels.a", Message: "want text, got 1"},
				{Object: "network/blue", Field: "spec.blocks[0]", Message: "want an object with keys, got 7"},
				{Object: "network/blue", Field: "spec.mode", Message: "want text, got a list"},
				{Object: "network/blue", Field: "spec.mtu", Message: "want a whole number, got 1.5"},
				{Object: "network/blue", Field: "spec.subnets", Message: "want a list, got an object with keys"},
				{Object: "network/blue", Field: "spec.vni", Message: `want a whole number, got "7"`},
			},
		},
		{
			name: "nothing",
			json: `{}`,
			problems: []Problem{
				{Field: "kind", Message: "the kind is missing", Fix: "give one of " + strings.Join(kindNames(), ", ")},
				{Field: "name", Message: "the name is missing", Fix: `give one, such as "name: web1"`},
			},
		},
		{
			name:     "unknown kind",
			json:     `{"kind":"Pod","name":"x"}`,
			want:     Object{Kind: "Pod", Name: "x"},
			problems: []Problem{{Object: "pod/x", Field: "kind", Message: `"Pod" is not a kind of object: want ` + model.KindList()}},
		},
		{
			name:     "two values",
			json:     `{"kind":"Node","name":"n"} {}`,
			want:     Object{Kind: KindNode, Name: "n"},
			spec:     model.NodeSpec{},
			problems: []Problem{{Object: "node/n", Message: "text after the end of the JSON value"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, spec, problems := DecodeObjectSpec([]byte(tt.json))
			if tt.problems != nil {
				got.Spec = nil
			}
			if diff := cmp.Diff(tt.problems, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("object (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.spec, spec, addrs); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeSpec(t *testing.T) {
	o, err := NewObject("main", nil, model.RouterSpec{Networks: []string{"blue"}})
	if err != nil {
		t.Fatal(err)
	}
	spec, problems := o.DecodeSpec()
	if diff := cmp.Diff(model.RouterSpec{Networks: []string{"blue"}}, spec); diff != "" || problems != nil {
		t.Errorf("%v (-want +got):\n%s", problems, diff)
	}
	o.Spec = json.RawMessage(`{"networks":["blue"],"routes":[{"to":"10.51.0.0/24","via":["10.0.0.2"]}]}`)
	want := model.RouterSpec{Networks: []string{"blue"}, Routes: []model.Route{{To: netip.MustParsePrefix("10.51.0.0/24"), Via: []netip.Addr{netip.MustParseAddr("10.0.0.2")}}}}
	if spec, problems = o.DecodeSpec(); problems != nil || !reflect.DeepEqual(want, spec) {
		t.Errorf("%v: %+v, want %+v", problems, spec, want)
	}
	o.Spec = json.RawMessage(`{"network":[]}`)
	if _, problems = o.DecodeSpec(); len(problems) != 1 || problems[0].String() != `router/main: spec.network: unknown key "network" (did you mean "networks"?)` {
		t.Errorf("%v", problems)
	}
	if _, problems := (Object{Kind: "Pod"}).DecodeSpec(); len(problems) != 1 {
		t.Errorf("unknown kind: %v", problems)
	}
}

func TestErrorText(t *testing.T) {
	e := &Error{Message: "2 mistakes, nothing was changed", Errors: []Problem{
		{Object: "port/a", Field: "spec.ip", Message: "taken", Fix: "use another"},
		{Message: "alone"},
	}}
	want := "2 mistakes, nothing was changed\n  port/a: spec.ip: taken (use another)\n  alone"
	if got := e.Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	e.Errors = e.Errors[:1]
	if got := e.Error(); got != e.Message {
		t.Errorf("one mistake: %q", got)
	}
}

// FuzzDecodeObject looks for a panic, for a mistake without a message, and for
// an object that was accepted and does not decode the same again.
func FuzzDecodeObject(f *testing.F) {
	for _, s := range []string{
		`{"kind":"Port","name":"web1","spec":{"network":"blue"}}`,
		`{"kind":"Network","name":"n","spec":{"subnets":[{"cidr":"a","reserved":["b"]}],"vni":1}}`,
		`{"kind":"Router","spec":null}`, `[]`, `null`, `{"kind":7}`, `{`, ``, `{"spec":{"a":{}}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o, spec, problems := DecodeObjectSpec(data)
		for _, p := range problems {
			if p.Message == "" || len(p.Message) > 2*len(data)+200 {
				t.Errorf("message of %+v", p)
			}
		}
		if len(problems) > 0 {
			return
		}
		again, err := NewObject(o.Name, o.Labels, spec)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		_, spec2, problems := DecodeObjectSpec(raw)
		if diff := cmp.Diff(spec, spec2, cmpopts.EquateEmpty(), addrs); diff != "" || problems != nil {
			t.Errorf("%v (-first +again):\n%s", problems, diff)
		}
	})
}

func TestNearest(t *testing.T) {
	known := []string{"cidr", "gateway", "gatewayMAC", "mtu", "vni"}
	for s, want := range map[string]string{
		"gatway": "gateway", "GATEWAYMAC": "gatewayMAC", "cdir": "cidr", "mut": "mtu", "vnis": "vni",
		"ip": "", "color": "", "": "", "gatewaymacs": "gatewayMAC", strings.Repeat("g", 1000): "",
	} {
		if got := Nearest(s, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", s, got, want)
		}
	}
}

// TestUnknownKeysAreBounded: however many keys an object has, what it costs to
// say that they are unknown does not grow with what each was meant to be.
func TestUnknownKeysAreBounded(t *testing.T) {
	const n = 100_000
	var keys, items strings.Builder
	for i := range n {
		fmt.Fprintf(&keys, ",\"zone%06d\":1", i)
		fmt.Fprintf(&items, ",{\"cidrr\":%d}", i)
	}
	for name, tt := range map[string]struct {
		spec string
		most int
		says string
	}{
		"keys": {`{"mtu":1400` + keys.String() + `}`, maxUnknown + 1, "99900 unknown keys beside these 100"},
		"list": {`{"subnets":[` + items.String()[1:] + `]}`, maxProblems + 1, `unknown key "cidrr"`},
	} {
		_, spec, problems := DecodeObjectSpec([]byte(`{"kind":"Network","name":"blue","spec":` + tt.spec + `}`))
		if len(problems) > tt.most || len(problems) < tt.most-1 {
			t.Errorf("%s: %d problems", name, len(problems))
		}
		if last := problems[len(problems)-1]; !strings.Contains(last.Message, tt.says) {
			t.Errorf("%s: the last is %v", name, last)
		}
		if name == "keys" && (spec.(model.NetworkSpec).MTU != 1400 || problems[0].Field != "spec.zone000000") {
			t.Errorf("%s: %+v, the first is %v", name, spec, problems[0])
		}
	}
}
