package cli

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/cli/attach"
	"github.com/sdnctl/sdnctl/controller/api"
)

// TestAttachReport: what attach reports, for each outcome.
func TestAttachReport(t *testing.T) {
	link := attach.Link{
		Inner: "eth0", MTU: 1450, MAC: "02:00:00:00:00:07",
		Addresses: []netip.Prefix{netip.MustParsePrefix("10.0.0.7/24"), netip.MustParsePrefix("fd00::7/64")},
	}
	routed := link
	routed.Gateways = []netip.Addr{netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("fe80::1")}
	port := api.Port{Name: "web"}
	port.Spec.Network = "blue"
	const line = "container web: eth0 has address 10.0.0.7/24 and fd00::7/64, MTU 1450, MAC 02:00:00:00:00:07, "
	for name, tt := range map[string]struct {
		result attach.Result
		want   string
	}{
		"declared": {
			attach.Result{Link: link, Declared: true, Done: []attach.Action{nil}},
			"port/web declared on network blue, pinned to node n1\n" + line + "no default route\n",
		},
		"routed by both families": {attach.Result{Link: routed, Done: []attach.Action{nil}}, line + "default route by 10.0.0.1 and fe80::1\n"},
		"nothing to do":           {attach.Result{Link: routed}, line + "default route by 10.0.0.1 and fe80::1 (unchanged)\n"},
		"another default route":   {attach.Result{Link: link, OtherDefault: "eth1"}, line + "default route left to eth1 (unchanged)\n"},
	} {
		tt.result.Node, tt.result.Whose, tt.result.Port = "n1", "container web", port
		var words bytes.Buffer
		o := attachOptions{app: &app{env: Env{Err: &words}}}
		if o.report(tt.result); words.String() != tt.want {
			t.Errorf("%s: %q, want %q", name, words.String(), tt.want)
		}
	}
}

// TestAttachArguments: attach takes one name, and none with --gc or --again.
func TestAttachArguments(t *testing.T) {
	for _, tt := range []struct {
		gc, again bool
		args      []string
		want      string // part of the error
	}{
		{args: []string{"web"}},
		{gc: true},
		{again: true},
		{want: "give one container"},
		{args: []string{"a", "b"}, want: "give one container"},
		{gc: true, args: []string{"a"}, want: "take no name"},
		{again: true, args: []string{"a"}, want: "take no name"},
	} {
		err := (&attachOptions{gc: tt.gc, again: tt.again}).args(tt.args)
		if (err == nil) != (tt.want == "") || err != nil && (!strings.Contains(err.Error(), tt.want) || exitCode(err) != ExitUsage) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
