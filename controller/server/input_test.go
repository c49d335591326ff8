package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

func TestSpecMistakes(t *testing.T) {
	tests := []struct {
		name string
		kind api.Kind
		spec string
		want []string
	}{
		{"node", api.KindNode, `{"datapathID": "xyz", "tunnelIP": "fe80::1%eth0", "tunnelCheck": "never"}`, []string{
			`spec.datapathID: "xyz" is not a datapath id: want up to 16 hexadecimal digits, such as 00000000000000a1 ('ovs-vsctl get bridge BRIDGE datapath_id' shows a switch's)`,
			`spec.tunnelCheck: "never" is not a way to check (write auto (once OVSDB shows that the node sends from its tunnel IP) or enforce (always))`,
			`spec.tunnelIP: fe80::1%eth0 has a zone (give an address that means the same on every machine)`,
		}},
		{"port", api.KindPort, `{"network": "blue", "ip": "10.0.0.7/24", "mac": "00:00:00:00:00:00"}`, []string{
			`spec.ip: "10.0.0.7/24" is not an address (give it without the prefix length)`,
			`spec.mac: a MAC of all zeros cannot be used (leave it out to have one derived)`,
		}},
		{"network", api.KindNetwork, `{"vni": 9223372036854775807, "gatewayMAC": "2:0:0:0:0:1",
			"subnets": [{"cidr": "10.0.0.1", "gateway": "x", "reserved": ["10.0.0.5", "10.0.0.1-x"]}, {}],
			"blocks": [{"cidr": "x", "gateway": "y", "gatewayMAC": "z"}]}`, []string{
			`spec.blocks[0].cidr: "x" is not an address range (write it as 10.0.0.0/24)`,
			`spec.blocks[0].gateway: "y" is not an address (write it as 10.0.0.7)`,
			`spec.blocks[0].gatewayMAC: "z" is not a MAC address: want six octets, such as 02:00:00:00:01:03`,
			`spec.gatewayMAC: "2:0:0:0:0:1" is not a MAC address: want six octets, such as 02:00:00:00:01:03`,
			`spec.subnets[0].cidr: "10.0.0.1" is not an address range (add the prefix length, as in 10.0.0.0/24)`,
			`spec.subnets[0].gateway: "x" is not an address (write it as 10.0.0.7)`,
			`spec.subnets[0].reserved[1]: "10.0.0.1-x" is neither an address nor a range of addresses (write it as 10.0.0.20, 10.0.0.1-10.0.0.9 or 10.0.0.16/28)`,
			`spec.subnets[1].cidr: the CIDR is missing (write it as 10.0.0.0/24 or fd00:0:0:1::/64)`,
			`spec.vni: VNI 9223372036854775807 is out of range (use 1 to 16777215, or leave it out to have one allocated)`,
		}},
		{"both forms", api.KindNetwork, `{"cidr": "10.0.0.0/24", "subnets": [{"cidr": "10.0.0.0/24"}]}`, []string{
			`spec.cidr: given beside spec.subnets (give one of the two: cidr is the short form of subnets with one entry)`,
		}},
		{"gateway with another prefix length", api.KindNetwork, `{"subnets": [{"cidr": "10.0.0.0/24", "gateway": "10.0.0.1/16"}]}`, []string{
			`spec.subnets[0].gateway: 10.0.0.1/16 has another prefix length than 10.0.0.0/24 (give the address without it)`,
		}},
		{"explicit zero", api.KindNetwork, `{"vni": 0, "cidr": "10.0.0.0/24"}`, []string{
			`spec.vni: VNI 0 is out of range (use 1 to 16777215, or leave it out to have one allocated)`,
		}},
		{"absurd sizes", api.KindNetwork, `{"cidr": "10.0.0.0/24", "mode": "Segmented", "mtu": 9223372036854775807, "containersPerNode": 9223372036854775807, "maxNodes": -9223372036854775808}`, []string{
			`spec.containersPerNode: 9223372036854775807 containers on a node (say how many containers a node's block must have room for, such as 250)`,
			`spec.maxNodes: room for -9223372036854775808 nodes (say how many nodes the network must have room for, such as 100)`,
			`spec.mtu: 9223372036854775807 bytes is out of range (give 576 to 9216, or leave it out for 1450)`,
		}},
	}
	b := newBed(t, nil)
	b.apply(object(t, "blue", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.9.0.0/24")}))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := b.refused("POST", "/v1/apply", fmt.Sprintf(`{"objects": [{"kind": %q, "name": "x", "spec": %s}]}`, tt.kind, tt.spec), nil)
			var got []string
			for _, p := range e.Errors {
				p.Object = ""
				got = append(got, p.String())
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestAddressesAsPeopleWriteThem: addresses in forms that people copy from other programs
// keep their meaning.
func TestAddressesAsPeopleWriteThem(t *testing.T) {
	b := newBed(t, nil)
	b.apply(object(t, "n1", model.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.50.11")}))
	for name, tt := range map[string]struct{ spec, want string }{
		"stretched": {
			`{"mode": "STRETCHED", "vni": 100, "gatewayMAC": "0600.0000.0064", "subnets": [{"cidr": "10.0.0.1/24", "gateway": "10.0.0.1/24", "reserved": ["10.0.0.18/28", "10.0.0.7", "10.0.0.40 - 10.0.0.49"]}]}`,
			`{"vni":100,"mode":"stretched","subnets":[{"cidr":"10.0.0.0/24","gateway":"10.0.0.1","reserved":["10.0.0.16-10.0.0.31","10.0.0.7","10.0.0.40-10.0.0.49"]}],"mtu":1450,"gatewayMAC":"06:00:00:00:00:64"}`,
		},
		"segmented": {
			`{"mode": "Segmented", "cidr": "10.1.2.3/16", "containersPerNode": 50, "maxNodes": 5, "blocks": [{"node": "n1", "cidr": "10.1.0.129/26", "gateway": "10.1.0.130/26"}]}`,
			`{"mode":"segmented","subnets":[{"cidr":"10.1.0.0/16"}],"mtu":1450,"containersPerNode":50,"maxNodes":5,"blocks":[{"node":"n1","cidr":"10.1.0.128/26","gateway":"10.1.0.130"}]}`,
		},
	} {
		o, err := b.client.Put(t.Context(), api.Object{Kind: api.KindNetwork, Name: name, Spec: json.RawMessage(tt.spec)}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, string(o.Spec)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestMistakesAreReportedOnce has objects that refer to objects with mistakes.
func TestMistakesAreReportedOnce(t *testing.T) {
	b := newBed(t, nil)
	e := b.refused("POST", "/v1/apply", `{"objects":[
		{"kind":"Network","name":"n","spec":{"cidr":"10.0.0.0"}},
		{"kind":"Node","name":"x","spec":{"tunnelIP":"here"}},
		{"kind":"Router","name":"r","spec":{"networks":["n"]}},
		{"kind":"Port","name":"a","spec":{"network":"n","ip":"10.0.0.9"}},
		{"kind":"Port","name":"b","spec":{"network":"m","node":"x"}},
		{"kind":"Network","name":"m","spec":{"mode":"segmented","cidr":"10.1.0.0/16","containersPerNode":9,"maxNodes":9,"blocks":[{"node":"x","cidr":"10.1.9.0/28"}]}},
		{"kind":"Port","name":"c","spec":{"network":"n","mac":"01:00:00:00:00:01"}}
	],"delete":[{"kind":"Pod","name":"p"},{"kind":"port","name":"gone"}]}`, nil)
	var got []string
	for _, p := range e.Errors {
		got = append(got, fmt.Sprint(p.Index, " ", p.Object, " ", p.Field))
	}
	want := []string{"0 network/n spec.cidr", "1 node/x spec.tunnelIP", "6 port/c spec.mac", "7 p kind", "8 port/gone "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, (*api.Error)(&e).Error())
	}
}

func TestMistakesAreBounded(t *testing.T) {
	b := newBed(t, nil)
	e := b.refused("POST", "/v1/apply", `{"objects":[`+strings.Repeat(`{},`, 1<<20)+`{}]}`, http.Header{"Expect": {"100-continue"}})
	if len(e.Errors) != maxMistakes || !strings.Contains(e.Message, "or more") || e.Status != 422 {
		t.Errorf("%d mistakes: %s", len(e.Errors), e.Message)
	}
}

func TestSelector(t *testing.T) {
	web := map[string]string{"app": "web", "tier": ""}
	for text, want := range map[string]bool{
		"": true, " ": true, "app": true, "!app": false, "app=web": true, "app==web": true, "app=db": false,
		"app!=db": true, "app!=web": false, "other!=x": true, "!other": true, "tier": true, "tier=": true, "tier!=": false,
		"app=web,tier": true, "app=web, !tier": false, " app = web ": true,
	} {
		sel, err := model.ParseSelector(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if got := sel.Matches(web); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
	for _, text := range []string{"=", "=x", "a,,b", ",", "a=b=c", "!", "a b", "!a=b", "a in (b)"} {
		if sel, err := model.ParseSelector(text); err == nil {
			t.Errorf("%q is read as %+v", text, sel)
		}
	}
}

func TestEventStream(t *testing.T) {
	rec := httptest.NewRecorder()
	w := newEventWriter(rec)
	if err := w.event(api.Event{Type: api.EventReady, Revision: 7}, true); err != nil {
		t.Fatal(err)
	}
	if err := w.event(api.Event{Type: api.EventChange, Revision: 8, Author: "a\nb"}, false); err != nil {
		t.Fatal(err)
	}
	if err := w.comment("keep-alive"); err != nil {
		t.Fatal(err)
	}
	want := "id: 7\nevent: ready\ndata: {\"type\":\"ready\",\"revision\":7}\n\n" +
		"event: change\ndata: {\"type\":\"change\",\"revision\":8,\"author\":\"a\\nb\"}\n\n" +
		": keep-alive\n\n"
	if diff := cmp.Diff(want, rec.Body.String()); diff != "" || !rec.Flushed {
		t.Errorf("flushed %t (-want +got):\n%s", rec.Flushed, diff)
	}
}
