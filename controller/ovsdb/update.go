package ovsdb

import (
	"encoding/json"
	"fmt"
	"slices"
)

// The tables that are monitored (ovs-vswitchd.conf.db(5)).
const (
	database       = "Open_vSwitch"
	tableRoot      = "Open_vSwitch"
	tableBridge    = "Bridge"
	tablePort      = "Port"
	tableInterface = "Interface"
)

// monitorParams are the parameters of our monitor_cond: database, a name that
// comes back in every update, and what to watch. There are no conditions: all
// rows, and inserts, deletes and modifications of them.
func monitorParams(name string) []any {
	columns := func(names ...string) []any {
		return []any{map[string]any{"columns": names}}
	}
	tables := map[string]any{
		tableRoot:      columns("ovs_version"),
		tableBridge:    columns(union([]string{"name", "datapath_id", "ports", "fail_mode", "external_ids"}, references(tableBridge))...),
		tablePort:      columns(append([]string{"interfaces"}, references(tablePort)...)...),
		tableInterface: columns("name", "external_ids", "ofport", "type", "options", "bfd", "admin_state", "link_state", "mac_in_use", "error"),
	}
	for _, t := range ownTables() {
		if !t.shared {
			tables[t.name] = columns(append([]string{"external_ids"}, t.columns...)...)
		}
	}
	return []any{database, name, tables}
}

// union returns two lists as one, without what is in both.
func union(a, b []string) []string {
	for _, x := range b {
		if !slices.Contains(a, x) {
			a = append(a, x)
		}
	}
	return a
}

// row holds the columns of a row that an update names, undecoded; an absent column is nil.
// Columns that were not requested are ignored.
type row struct {
	Version     json.RawMessage `json:"ovs_version"`
	Name        json.RawMessage `json:"name"`
	DatapathID  json.RawMessage `json:"datapath_id"`
	Ports       json.RawMessage `json:"ports"`
	Interfaces  json.RawMessage `json:"interfaces"`
	ExternalIDs json.RawMessage `json:"external_ids"`
	OFPort      json.RawMessage `json:"ofport"`
	FailMode    json.RawMessage `json:"fail_mode"`
	Type        json.RawMessage `json:"type"`
	Options     json.RawMessage `json:"options"`
	BFD         json.RawMessage `json:"bfd"`
	AdminState  json.RawMessage `json:"admin_state"`
	LinkState   json.RawMessage `json:"link_state"`
	MACInUse    json.RawMessage `json:"mac_in_use"`
	Error       json.RawMessage `json:"error"`
	Mirrors     json.RawMessage `json:"mirrors"`
	IPFIX       json.RawMessage `json:"ipfix"`
	QoS         json.RawMessage `json:"qos"`
}

// op is what an update does to a row.
type op int

const (
	opInsert op = iota
	opModify
	opDelete
)

// rowUpdate is <row-update2> (ovsdb-server(7), 4.1.14). Exactly one of its members is
// present. An inserted row leaves out columns that have their default. A modified one holds
// differences: for a set the members that are added or removed, for a map the pairs that
// are added, removed or changed, and else the new value.
type rowUpdate struct {
	Initial *row            `json:"initial"`
	Insert  *row            `json:"insert"`
	Modify  *row            `json:"modify"`
	Delete  json.RawMessage `json:"delete"` // null, but present
}

// op returns the operation, and its columns.
func (u *rowUpdate) op() (op, *row, error) {
	switch {
	case u.Initial != nil:
		return opInsert, u.Initial, nil
	case u.Insert != nil:
		return opInsert, u.Insert, nil
	case u.Modify != nil:
		return opModify, u.Modify, nil
	case u.Delete != nil:
		return opDelete, &row{}, nil
	}
	return 0, nil, fmt.Errorf("none of initial, insert, modify and delete")
}

// apply applies a <table-updates2>, row by row as it is read. The view must not be used
// after an error.
func (v *view) apply(raw json.RawMessage) error {
	t := newTokens(raw)
	if err := t.delim('{'); err != nil {
		return fmt.Errorf("update: %w", err)
	}
	for t.dec.More() {
		table, err := t.text()
		if err != nil {
			return fmt.Errorf("update: %w", err)
		}
		if err := v.applyTable(t, table); err != nil {
			return fmt.Errorf("update of table %.40q: %w", table, err)
		}
	}
	return t.delim('}')
}

// applyTable applies the <table-update2> that comes next in t.
func (v *view) applyTable(t tokens, table string) error {
	if err := t.delim('{'); err != nil {
		return err
	}
	for t.dec.More() {
		name, err := t.text()
		if err != nil {
			return err
		}
		id, err := parseUUID(name)
		if err != nil {
			return err
		}
		var u rowUpdate
		if err := t.dec.Decode(&u); err != nil {
			return fmt.Errorf("row %v: %w", id, err)
		}
		op, r, err := u.op()
		if err == nil {
			err = v.applyRow(table, id, op, r)
		}
		if err != nil {
			return fmt.Errorf("row %v: %w", id, err)
		}
		if err := v.checkSize(); err != nil {
			return err
		}
	}
	return t.delim('}')
}

// applyRow applies an update of one row.
func (v *view) applyRow(table string, id uuid, op op, r *row) error {
	v.newsOf(table, op, r)
	switch table {
	case tableRoot:
		return v.applyRoot(op, r)
	case tableBridge:
		return v.applyBridge(id, op, r)
	case tablePort:
		return v.applyPort(id, op, r)
	case tableInterface:
		return v.applyInterface(id, op, r)
	}
	if _, own := ownTableOf(table); own {
		return nil // nothing is kept of it
	}
	return fmt.Errorf("the table was not asked for")
}
