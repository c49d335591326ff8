package ovsdb

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// limitingSchema is the installed schema, with the column that Open vSwitch 3.3 added.
func limitingSchema(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(installedSchema)
	if err != nil {
		t.Skipf("needs Open vSwitch: %v", err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	zone := schema["tables"].(map[string]any)["CT_Zone"].(map[string]any)
	zone["columns"].(map[string]any)["limit"] = map[string]any{"type": map[string]any{
		"key": map[string]any{"type": "integer", "minInteger": 0, "maxInteger": 4294967295}, "min": 0, "max": 1,
	}}
	if text, err = json.Marshal(schema); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "vswitch.ovsschema")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// zones returns the zones of a datapath, each with its limit.
func (b *ownBed) zones(datapath string) string {
	b.t.Helper()
	limits := map[string]string{}
	// ovs-vsctl knows the columns of its own version only.
	for _, row := range strings.Fields(b.command("ovsdb-client", "--format=csv", "--no-headings", "dump", "unix:"+b.path("db.sock"), database, "CT_Zone", "_uuid", "limit")) {
		id, limit, _ := strings.Cut(row, ",")
		limits[id] = limit
	}
	var all []string
	for _, pair := range strings.Fields(strings.NewReplacer("{", " ", "}", " ", ",", " ").Replace(b.vsctl("get", "Datapath", datapath, "ct_zones"))) {
		zone, id, _ := strings.Cut(pair, "=")
		all = append(all, zone+":"+limits[id])
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// TestZoneLimits: limits of zones come, stay as they are, change in place and go, in one transaction
// each. Zones of others stay, and one of theirs that sdnd should limit is named.
func TestZoneLimits(t *testing.T) {
	b := ownBedOn(t, newPrivateWith(t, limitingSchema(t)), 0)
	limits := func(pairs ...uint32) Desired {
		d := Desired{Node: "node1", Own: []OwnRow{}, ZoneLimits: map[uint16]uint32{}}
		for i := 0; i < len(pairs); i += 2 {
			d.ZoneLimits[uint16(pairs[i])] = pairs[i+1]
		}
		return d
	}
	makes := func(transactions int, want string, d Desired) {
		t.Helper()
		if n := b.adds(func() { b.makes(want, d) }); n != transactions {
			t.Errorf("%d transactions, want %d", n, transactions)
		}
	}
	makes(0, "<nil>", limits())
	makes(1, "<nil>", limits(5, 1000, 6, 2000))
	datapath := strings.Trim(strings.TrimSpace(b.vsctl("get", "Open_vSwitch", ".", "datapaths:system")), `"`)
	if got := b.zones(datapath); got != "5:1000 6:2000" {
		t.Errorf("zones %s", got)
	}
	makes(0, "<nil>", limits(5, 1000, 6, 2000))
	makes(1, "<nil>", limits(5, 1500, 7, 3000))
	if got := b.zones(datapath); got != "5:1500 7:3000" {
		t.Errorf("zones %s", got)
	}
	b.vsctl("--id=@z", "create", "CT_Zone", "external_ids:theirs=yes", "--", "set", "Datapath", datapath, "ct_zones:9=@z")
	makes(1, "not in the node's database: the limit of zone 9 (CT_Zone is somebody else's)", limits(7, 3000, 9, 1))
	if got := b.zones(datapath); got != "7:3000 9:[]" {
		t.Errorf("zones %s", got)
	}
	makes(1, "<nil>", limits())
	if got := b.zones(datapath); got != "9:[]" {
		t.Errorf("zones %s", got)
	}
	b.vsctl("set", "Bridge", "br-int", "external_ids:sdnctl-node=node2") // it is another's now
	makes(0, "<nil>", limits(5, 1000))
}

// TestZoneLimitsUnknown: with a database that knows no limits all else is written, and the result
// says what lacks.
func TestZoneLimitsUnknown(t *testing.T) {
	if schema, err := os.ReadFile(installedSchema); err == nil && strings.Contains(string(schema), `"ct_zone_default_limit"`) {
		t.Skipf("needs an Open vSwitch before 3.3")
	}
	b := newOwnBed(t, 4)
	d := Desired{Node: "node1", Own: someRows(), ZoneLimits: map[uint16]uint32{5: 1000}}
	if n := b.adds(func() { b.makes("not in the node's database: "+noZoneLimits, d) }); n != 1 {
		t.Errorf("%d transactions", n)
	}
	if n := len(b.list("Queue", "dscp")); n != 2 {
		t.Errorf("%d queues", n)
	}
	d.ZoneLimits = map[uint16]uint32{}
	b.makes("<nil>", d)
}
