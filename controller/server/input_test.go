package server

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

func TestSpecMistakes(t *testing.T) {
	big := math.MaxInt
	tests := []struct {
		name string
		spec api.Spec
		want []string
	}{
		{"node", api.NodeSpec{DatapathID: "xyz", TunnelIP: "fe80::1%eth0"}, []string{
			`spec.datapathID: "xyz" is not a datapath id: want up to 16 hexadecimal digits, such as 00000000000000a1 ('ovs-vsctl get bridge BRIDGE datapath_id' shows a switch's)`,
			`spec.tunnelIP: "fe80::1%eth0" has a zone (give an IPv4 address, such as 10.0.0.7)`,
		}},
		{"port", api.PortSpec{IP: "10.0.0.7/24", MAC: "00:00:00:00:00:00"}, []string{
			`spec.ip: "10.0.0.7/24" is not an address (give it without the prefix length)`,
			`spec.mac: a MAC of all zeros cannot be used (leave it out to have one derived)`,
		}},
		{"network", api.NetworkSpec{VNI: &big, GatewayMAC: "2:0:0:0:0:1", Subnets: []api.Subnet{
			{CIDR: "10.0.0.1", Gateway: "x", Reserved: []string{"10.0.0.5", "10.0.0.1-x"}}, {},
		}, Blocks: []api.BlockSpec{{CIDR: "x", Gateway: "y", GatewayMAC: "z"}}}, []string{
			`spec.gatewayMAC: "2:0:0:0:0:1" is not a MAC address: want six octets, such as 02:00:00:00:01:03`,
			fmt.Sprintf(`spec.vni: VNI %d is out of range (use 1 to 16777215, or leave it out to have one allocated)`, big),
			`spec.subnets[0].cidr: "10.0.0.1" is not an address range (add the prefix length, as in 10.0.0.0/24)`,
			`spec.subnets[0].gateway: "x" is not an address (write it as 10.0.0.7)`,
			`spec.subnets[0].reserved[1]: "10.0.0.1-x" is neither an address nor a range of addresses (write it as 10.0.0.20, 10.0.0.1-10.0.0.9 or 10.0.0.16/28)`,
			`spec.subnets[1].cidr: missing (write it as 10.0.0.0/24)`,
			`spec.blocks[0].cidr: "x" is not an address range (write it as 10.0.0.0/24)`,
			`spec.blocks[0].gatewayMAC: "z" is not a MAC address: want six octets, such as 02:00:00:00:01:03`,
			`spec.blocks[0].gateway: "y" is not an address (write it as 10.0.0.7)`,
		}},
		{"both forms", api.NetworkSpec{CIDR: "10.0.0.0/24", Subnets: []api.Subnet{{CIDR: "10.0.0.0/24"}}}, []string{
			`spec.cidr: given beside spec.subnets (give one of the two: cidr is the short form of subnets with one entry)`,
		}},
		{"gateway with another prefix length", api.NetworkSpec{Subnets: []api.Subnet{{CIDR: "10.0.0.0/24", Gateway: "10.0.0.1/16"}}}, []string{
			`spec.subnets[0].gateway: 10.0.0.1/16 has another prefix length than 10.0.0.0/24 (give the address without it)`,
		}},
		{"explicit zero", api.NetworkSpec{VNI: new(int), CIDR: "10.0.0.0/24"}, []string{
			`spec.vni: VNI 0 is out of range (use 1 to 16777215, or leave it out to have one allocated)`,
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := specOf(tt.spec)
			var got []string
			for _, p := range problems {
				got = append(got, p.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	out, problems := specOf(api.NetworkSpec{CIDR: "10.0.0.0/24", MTU: math.MaxInt, MaxNodes: math.MinInt})
	if n := out.(topology.NetworkSpec); problems != nil || n.MTU != math.MaxInt32 || n.MaxNodes != math.MinInt32 || n.Mode != topology.Stretched {
		t.Errorf("%+v %v", n, problems)
	}
}

// TestAddressesAsPeopleWriteThem: forms in which people copy addresses from
// elsewhere mean what they meant there.
func TestAddressesAsPeopleWriteThem(t *testing.T) {
	out, problems := specOf(api.NetworkSpec{
		Subnets: []api.Subnet{{CIDR: "10.0.0.1/24", Gateway: "10.0.0.1/24", Reserved: []string{"10.0.0.18/28", "10.0.0.7"}}},
		Blocks:  []api.BlockSpec{{CIDR: "10.0.0.129/26", Gateway: "10.0.0.130/26"}},
	})
	if problems != nil {
		t.Fatal(problems)
	}
	n := out.(topology.NetworkSpec)
	got := fmt.Sprint(n.Subnets[0].Prefix, n.Subnets[0].Gateway, n.Subnets[0].Reserved, n.Blocks[0].Prefix, n.Blocks[0].Gateway)
	if want := "10.0.0.0/24 10.0.0.1 [{10.0.0.16 10.0.0.31} {10.0.0.7 10.0.0.7}] 10.0.0.128/26 10.0.0.130"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestMistakesAreToldOnce has objects that refer to objects with mistakes.
func TestMistakesAreToldOnce(t *testing.T) {
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
