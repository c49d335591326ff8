package main

import (
	"strings"
	"testing"

	"github.com/sdnctl/sdnctl/controller/api"
)

func TestCompare(t *testing.T) {
	want := []api.Flow{
		{Table: 0, Priority: 100, Match: "arp,in_port=4", Actions: "goto_table:10", Cookie: "0x1", Installed: api.FlowInstalled},
		{Table: 80, Priority: 100, Match: "metadata=0x1000,dl_dst=02:00:00:00:00:01", Actions: "output:4", Cookie: "0x2", Installed: api.FlowInstalled, Object: "port/a"},
	}
	const (
		first  = "cookie=0x1, priority=100,arp,in_port=4 actions=goto_table:10"
		second = "cookie=0x2, table=80, priority=100,dl_dst=02:00:00:00:00:01,metadata=0x1000 actions=output:4"
	)
	for _, tt := range []struct {
		name string
		got  []string
		says string // nothing if all is well
	}{
		{"the same, in other orders", []string{second, first}, ""},
		{"one is not there", []string{first}, "wanted, and not on the switch: cookie=0x2"},
		{"one too many", []string{first, second, "priority=1 actions=NORMAL"}, "on the switch, and not wanted: priority=1 actions=NORMAL"},
		{"other actions under the same cookie", []string{first, strings.Replace(second, "output:4", "drop", 1)}, "actions=drop"},
		{"twice", []string{first, second, second}, "on the switch, and not wanted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := compare(want, tt.got)
			if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("compare: %v, want %q", err, tt.says)
			}
		})
	}
	missing := []api.Flow{want[0], want[1]}
	missing[1].Installed = api.FlowMissing
	if err := compare(missing, []string{first, second}); err == nil || !strings.Contains(err.Error(), "sdnd has it that a flow is missing") {
		t.Errorf("compare does not hear what sdnd says: %v", err)
	}
}
