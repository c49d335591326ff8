package ovsdb

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The external_ids of a row of sdnd's own, beside keyNode.
const (
	// keyHash is a hash of the content that the row should have.
	keyHash = "sdnctl"
	// keyRow is OwnRow.Key.
	keyRow = "sdnctl-row"
)

// OwnRow is a row that sdnd creates, keeps as it is and deletes: it exists while
// Desired.Own has it. Its external_ids:sdnctl-node=NODE, sdnctl-row=Key and sdnctl=HASH
// mark it as sdnd's; rows without these marks are never changed.
type OwnRow struct {
	// Table is one of those that OwnTables lists. Key is the row's name among all own rows
	// of the node, such as "port web egress". If a row with the key has other content it is
	// changed, so that its uuid, and what Open vSwitch does for it, stays.
	Table, Key string
	// On is the name of the row that refers to this one: the Bridge of a Port, a Mirror or an
	// IPFIX, the Port of a QoS. A Queue and an Interface have none: a QoS refers to the one in its
	// column queues, a Port to the other in its column interfaces.
	On string
	// Columns has the columns that are set. All others that OwnTables lists get their
	// default. external_ids must not be among them.
	Columns map[string]Value
}

// ownTable is a table in which sdnd may have rows of its own.
type ownTable struct {
	name string
	// columns are those that OwnRow.Columns may name. All are read, and watched.
	columns []string
	// text is the column that always has exactly one string, "" for none.
	text string
	// parent is the table that refers to the row in the column reference, a set that may be
	// limited to one element; "" for a table without.
	parent, reference string
	// many says that one row of the parent may refer to several.
	many bool
	// shared says that the rows of others in the table are watched, too.
	shared bool
}

// ownTables are the tables of own rows (ovs-vswitchd.conf.db(5)). Rows refer to
// those of earlier tables only.
func ownTables() []ownTable {
	return []ownTable{
		{name: tableInterface, columns: []string{"bfd", "name", "options", "type"}, text: "type", shared: true},
		{name: tablePort, columns: []string{"interfaces", "name"}, text: "name", parent: tableBridge, reference: "ports", many: true, shared: true},
		{name: "Queue", columns: []string{"dscp", "other_config"}},
		{name: "QoS", columns: []string{"other_config", "queues", "type"}, text: "type", parent: tablePort, reference: "qos"},
		{name: "Mirror", columns: []string{"name", "output_port", "output_vlan", "select_all", "select_dst_port", "select_src_port", "select_vlan", "snaplen"}, text: "name", parent: tableBridge, reference: "mirrors", many: true},
		{name: "IPFIX", columns: []string{"cache_active_timeout", "cache_max_flows", "obs_domain_id", "obs_point_id", "other_config", "sampling", "targets"}, parent: tableBridge, reference: "ipfix"},
	}
}

// OwnTables returns the tables in which sdnd may have rows of its own, each with the columns
// that such a row may set.
func OwnTables() map[string][]string {
	all := map[string][]string{}
	for _, t := range ownTables() {
		all[t.name] = t.columns
	}
	return all
}

// ownTableOf returns the table of a name.
func ownTableOf(name string) (ownTable, bool) {
	all := ownTables()
	i := slices.IndexFunc(all, func(t ownTable) bool { return t.name == name })
	if i < 0 {
		return ownTable{}, false
	}
	return all[i], true
}

// hash returns a hash of the content that the row should have. It does not depend on uuids.
func (r OwnRow) hash() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q %q %q", r.Table, r.Key, r.On)
	for _, c := range slices.Sorted(maps.Keys(r.Columns)) {
		fmt.Fprintf(&b, " %q %s", c, r.Columns[c])
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:8])
}

// marks returns the external_ids of an own row of a node.
func (r OwnRow) marks(node string) map[string]string {
	return map[string]string{keyNode: node, keyRow: r.Key, keyHash: r.hash()}
}

// SumOf returns a hash of the content of rows, in any order.
func SumOf(rows []OwnRow) string {
	var hashes []string
	for _, r := range rows {
		hashes = append(hashes, r.hash())
	}
	slices.Sort(hashes)
	sum := sha256.Sum256([]byte(strings.Join(hashes, " ")))
	return hex.EncodeToString(sum[:8])
}

// checkOwn returns an error for own rows that cannot be written, which is an error of the
// caller: an unknown table or column, or two rows with one key.
func (d Desired) checkOwn() error {
	keys := map[string]bool{}
	for _, r := range d.Own {
		t, ok := ownTableOf(r.Table)
		switch {
		case !ok:
			return fmt.Errorf("%s %s: not a table of which sdnd has rows", r.Table, r.Key)
		case r.Key == "" || keys[r.Key]:
			return fmt.Errorf("%s %q: the key is there twice, or empty", r.Table, r.Key)
		case (t.parent == "") != (r.On == ""):
			return fmt.Errorf("%s %s: it is on %q, but its table is referred to by a row of %q", r.Table, r.Key, r.On, t.parent)
		}
		keys[r.Key] = true
		for c := range r.Columns {
			if !slices.Contains(t.columns, c) {
				return fmt.Errorf("%s %s: sdnd does not set the column %s", r.Table, r.Key, c)
			}
		}
	}
	return nil
}
