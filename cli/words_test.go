package cli

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/cli/attach"
	"github.com/sdnctl/sdnctl/cli/membership"
	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestEventText: what watch prints for each type of event.
func TestEventText(t *testing.T) {
	missing := []api.Condition{{Reason: "TunnelPortMissing"}, {Reason: "CertificateExpires"}}
	for _, tt := range []struct {
		event api.Event
		want  string
	}{
		{api.Event{Object: "port/web", Verb: api.VerbCreate, Revision: 7, Author: "alice"}, "port/web created, revision 7, by alice"},
		{api.Event{Object: "port/web", Verb: api.VerbDelete, Revision: 8, Author: "bob"}, "port/web deleted, revision 8, by bob"},
		{api.Event{Object: "node/n1", Node: &api.NodeStatus{}}, "node/n1 is not connected"},
		{api.Event{Object: "node/n1", Node: &api.NodeStatus{LastError: "EOF", Conditions: missing}}, "node/n1 is not connected: EOF; TunnelPortMissing,CertificateExpires"},
		{api.Event{Object: "node/n1", Node: &api.NodeStatus{Connected: true, AcknowledgedRevision: 6, WantedRevision: 7, Flows: 24}}, "node/n1 has confirmed revision 6 of 7, 24 flows"},
		{api.Event{Object: "network/blue", Network: &api.NetworkStatus{Ready: true}}, "network/blue is ready"},
		{api.Event{Object: "network/blue", Network: &api.NetworkStatus{Conditions: missing[:1]}}, "network/blue is not ready; TunnelPortMissing"},
		{api.Event{Object: "port/web", Port: &api.PortStatus{Message: "no interface has its id"}}, "port/web is not bound: no interface has its id"},
		{api.Event{Object: "port/web", Port: &api.PortStatus{Bound: true, Interface: "veth1", Node: "n1"}}, "port/web is bound to veth1 on n1"},
	} {
		if got := eventText(tt.event); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// TestEventTextOfKinds: what watch prints of a new status says how the object is, whichever kind
// it is of.
func TestEventTextOfKinds(t *testing.T) {
	events := 0
	for i, f := range reflect.VisibleFields(reflect.TypeFor[api.Event]()) {
		if f.Type.Kind() != reflect.Pointer || f.Name == "After" {
			continue
		}
		events++
		e := api.Event{Object: "x/y"}
		reflect.ValueOf(&e).Elem().Field(i).Set(reflect.New(f.Type.Elem()))
		if got := eventText(e); !strings.HasPrefix(got, "x/y is not ") {
			t.Errorf("a status of %s is printed as %q", f.Name, got)
		}
	}
	if events < 7 {
		t.Errorf("only %d types of events have a status", events)
	}
}

// TestAttachExitCodes: each code of attach has the exit code of the daemon's corresponding
// error.
func TestAttachExitCodes(t *testing.T) {
	for code, want := range map[attach.Code]int{
		attach.NotFound: ExitNotFound, attach.Conflict: ExitConflict, attach.Invalid: ExitInvalid,
		attach.Denied: ExitDenied, attach.Late: ExitTimeout, attach.Failed: ExitFailure,
	} {
		if got := exitCode(fmt.Errorf("attach: %w", &attach.Error{Code: code})); got != want {
			t.Errorf("%s: exit code %d, want %d", code, got, want)
		}
	}
}

func TestRemovedText(t *testing.T) {
	for want, r := range map[string]attach.Removed{
		"":                        {},
		"port/web deleted":        {Port: "web", Deleted: true},
		"interface veth1 removed": {Interface: "veth1"},
		"interface veth1 removed, port/web stays declared": {Interface: "veth1", Port: "web"},
	} {
		if got := removedText(r); got != want {
			t.Errorf("%+v: %q, want %q", r, got, want)
		}
	}
}

func TestConfirmFlag(t *testing.T) {
	for text, want := range map[string]time.Duration{"true": defaultWait, "false": 0, "0": 0, "90s": 90 * time.Second} {
		var f confirmFlag
		if err := f.Set(text); err != nil || time.Duration(f) != want {
			t.Errorf("%q: %v, %v", text, f, err)
		}
	}
	for _, text := range []string{"", "-1s", "soon"} {
		if f := confirmFlag(0); f.Set(text) == nil {
			t.Errorf("%q was taken", text)
		}
	}
}

// TestJoinLine: the line has only the flags that differ from join's defaults.
func TestJoinLine(t *testing.T) {
	usual := api.Invitation{Node: "node1", Token: "T", APIPort: membership.DefaultAPIPort, OpenFlowPort: membership.DefaultOpenFlowPort, OVSDBPort: membership.DefaultOVSDBPort, Bridge: "br-int"}
	if got, want := joinLine(usual, "10.0.0.1"), "sudo sdnctl node join node1 --controller 10.0.0.1 --token T"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	other := usual
	other.Node, other.OpenFlowPort, other.OVSDBPort, other.Bridge = "node 1", 16653, 0, "br ex"
	if got, want := joinLine(other, "fd00::1"), "sudo sdnctl node join 'node 1' --controller fd00::1 --openflow-port 16653 --ovsdb-port 0 --bridge 'br ex' --token T"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestChooseAddress: the address that is given, else the one that works from here, else the
// likeliest, with a note about the others.
func TestChooseAddress(t *testing.T) {
	i := api.Invitation{Addresses: []string{"10.0.0.1", "10.0.1.1"}}
	for _, tt := range []struct{ given, host, want, note string }{
		{"10.9.9.9", "https://192.0.2.1:8453", "10.9.9.9", ""},
		{"", "https://192.0.2.1:8453", "192.0.2.1", ""},
		{"", "https://127.0.0.1:8453", "10.0.0.1", "10.0.1.1"},
		{"", "https://controller:8453", "10.0.0.1", "10.0.1.1"},
		{"", "unix:///run/sdnctl/sdnd.sock", "10.0.0.1", "10.0.1.1"},
	} {
		var errs bytes.Buffer
		o := inviteOptions{app: &app{env: Env{Err: &errs}}, address: tt.given}
		if got := o.choose(i, tt.host); got != tt.want || strings.Contains(errs.String(), "also has") != (tt.note != "") || !strings.Contains(errs.String(), tt.note) {
			t.Errorf("%q by %s: %s, %q", tt.given, tt.host, got, errs.String())
		}
	}
}

// TestFlagValues: what each type of flag accepts, what it refuses with which message, and
// that empty text is the default.
func TestFlagValues(t *testing.T) {
	var network specFlagSet[model.NetworkSpec]
	for _, f := range networkFlags() {
		network.values = append(network.values, &flagValue[model.NetworkSpec]{flag: f})
	}
	value := func(name string) *flagValue[model.NetworkSpec] {
		for _, v := range network.values {
			if v.flag.name == name {
				return v
			}
		}
		t.Fatalf("no flag %s", name)
		return nil
	}
	for _, tt := range []struct{ name, text, err string }{
		{"vni", "0100", ""}, {"vni", "", ""},
		{"vni", "0", "VNI 0 is out of range (use 1 to 16777215, or leave it out to have one allocated)"},
		{"vni", "x", `want a whole number, got "x"`},
		{"cidr", "10.0.0.1", `"10.0.0.1" is not an address range (add the prefix length, as in 10.0.0.0/24)`},
		{"gateway", "10.0.0.1/24", ""}, {"gateway", "g", `"g" is not an address (write it as 10.0.0.7)`},
		{"gateway-mac", "0600.0000.0064", ""}, {"gateway-mac", "z", `"z" is not a MAC address: want six octets, such as 02:00:00:00:01:03`},
		{"reserve", "10.0.0.2-10.0.0.9,10.0.0.20", ""}, {"reserve", "10.0.0.2-", `"10.0.0.2-" is neither an address nor a range of addresses (write it as 10.0.0.20, 10.0.0.1-10.0.0.9 or 10.0.0.16/28)`},
		{"mode", "Segmented", ""}, {"mtu", "1e3", `want a whole number, got "1e3"`},
		{"ports-from-nodes", "yes", `want true or false, got "yes"`},
		{"block", "10.0.0.0/24", `want NODE=CIDR, such as node1=10.244.1.0/24, got "10.0.0.0/24"`},
		{"block", "n1=10.0.0.0/24,gw=x", `after the first comma want gateway= or gateway-mac=, got "gw=x"`},
		{"subnet", "10.0.0.0/24,reserve=10.0.0.9,gateway=10.0.0.1", ""}, {"subnet", "10.0.0.0/24,gateway=x", `"x" is not an address (write it as 10.0.0.7)`},
	} {
		v := value(tt.name)
		v.texts = nil
		err := v.Set(tt.text)
		if got := fmt.Sprint(err); tt.err == "" && err != nil || tt.err != "" && got != tt.err {
			t.Errorf("--%s %q: %v, want %q", tt.name, tt.text, err, tt.err)
		}
	}
}
