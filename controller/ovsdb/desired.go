package ovsdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The external_ids that say what sdnd may write on a node. "sdnctl node join" sets them.
const (
	// keyAccess on the bridge is accessRead if sdnd may write nothing.
	keyAccess  = "sdnctl-ovsdb"
	accessRead = "read"
	// keyNode on a row names the node that sdnctl made or adopted the row for.
	keyNode = "sdnctl-node"
)

// Desired has the values that some columns of a node's database should have. Rows and
// columns that it does not name belong to others: they are neither read nor written.
type Desired struct {
	// Node is the node's name. Only rows that have it as external_ids:sdnctl-node
	// are written.
	Node string
	Rows []DesiredRow
	// Own has the rows of sdnd's own, in any order. Own rows of the node that are in the
	// database and not in Own are deleted. nil leaves own rows as they are.
	Own []OwnRow
	// ZoneLimits is how many connections the connection tracker may have in a zone of the
	// bridge's datapath, by zone. Other zones that sdnd has limited are not limited any more;
	// zones of others stay as they are. nil leaves all as they are. It takes Open vSwitch 3.3;
	// with an older one the rest is written, and a MissingError names the limits.
	ZoneLimits map[uint16]uint32
}

// DesiredRow has the values that some columns of one row should have.
type DesiredRow struct {
	// Table is the row's table, and Name the value of its column name. A row that does not
	// exist is not created.
	Table, Name string
	// Strings are columns that hold one string.
	Strings map[string]string
	// Pairs are pairs of columns that hold a map of strings: column, key, value. A
	// pair with the value "" should not be there; keys that are not named stay as
	// they are.
	Pairs map[string]map[string]string
}

// columns returns the columns that a row has to be read with, in a fixed order.
func (r DesiredRow) columns() []string {
	names := append(slices.Collect(maps.Keys(r.Strings)), slices.Collect(maps.Keys(r.Pairs))...)
	names = append(names, "external_ids")
	slices.Sort(names)
	return slices.Compact(names)
}

// values has the columns of a row in the server's notation (RFC 7047, 5.1).
type values map[string]json.RawMessage

// pairs decodes a column that holds a map of strings.
func (v values) pairs(column string) (map[string]string, error) {
	all := map[string]string{}
	if err := eachPair(v[column], func(key, value string) { all[key] = value }); err != nil {
		return nil, fmt.Errorf("%s: %w", column, err)
	}
	return all, nil
}

// operation is one operation of a transaction (RFC 7047, 5.2).
type operation map[string]any

// selects returns the operations that read the desired rows as they are, after the bridge
// with the given name.
func (d Desired) selects(bridge string) []operation {
	ops := []operation{{"op": "select", "table": tableBridge, "where": named(bridge), "columns": []string{"_uuid", "external_ids"}}}
	for _, r := range d.Rows {
		ops = append(ops, operation{"op": "select", "table": r.Table, "where": named(r.Name), "columns": append(r.columns(), "_uuid")})
	}
	return append(append(ops, d.zoneSelects(bridge)...), d.ownSelects()...)
}

func named(name string) []any { return []any{[]any{"name", "==", name}} }

// changes returns the operations that make the rows as desired, given what selects has
// read; none if they are as desired. The first of them wait for the rows to be what was
// read (RFC 7047, 5.2.6): if others have changed them since, the transaction fails as a
// whole and overwrites nothing. The summary says what changes. If the error is a
// *MissingError, the operations do everything that can be done.
func (d Desired) changes(read [][]values) (ops []operation, summary []string, err error) {
	if asked := 1 + len(d.Rows) + len(d.zoneSelects("")); len(read) < asked {
		return nil, nil, fmt.Errorf("%d answers to %d questions", len(read), asked)
	}
	if len(read[0]) != 1 {
		return nil, nil, nil // the bridge is gone
	}
	bridge := read[0][0]
	ids, err := bridge.pairs("external_ids")
	if err != nil {
		return nil, nil, err
	}
	if ids[keyAccess] == accessRead {
		return nil, nil, d.refused()
	}
	guards := []operation{unchanged(tableBridge, bridge, "external_ids")}
	for i, r := range d.Rows {
		for _, have := range read[1+i] {
			row, what, err := r.difference(d.Node, have)
			if err != nil {
				return nil, nil, fmt.Errorf("%s %s: %w", r.Table, r.Name, err)
			}
			if len(row) == 0 {
				continue
			}
			guards = append(guards, unchanged(r.Table, have, r.columns()...))
			ops = append(ops, operation{"op": "update", "table": r.Table, "where": is(have), "row": row})
			summary = append(summary, what...)
		}
	}
	rest := read[1+len(d.Rows):]
	zones, err := d.zones(ids, rest)
	if err != nil {
		return nil, nil, err
	}
	guards, ops, summary = append(guards, zones.guards...), append(ops, zones.ops...), append(summary, zones.summary...)
	missing := &MissingError{zones.missing}
	own, err := d.own(ids, rest[len(d.zoneSelects("")):])
	var lacks *MissingError
	if errors.As(err, &lacks) {
		missing.Rows = append(missing.Rows, lacks.Rows...)
	} else if err != nil {
		return nil, nil, err
	}
	if own != nil {
		guards, ops, summary = append(guards, own.guards...), append(ops, own.ops...), append(summary, own.summary...)
	}
	if len(ops) > 0 {
		ops = append(guards, ops...)
	}
	if len(missing.Rows) > 0 {
		return ops, summary, missing
	}
	return ops, summary, nil
}

// own returns the changes of own rows, for a bridge with external_ids that are the node's;
// nil if Desired has no own rows to look after.
func (d Desired) own(bridge map[string]string, read [][]values) (*ownChanges, error) {
	if d.Own == nil || bridge[keyNode] != d.Node {
		return nil, nil
	}
	if err := d.checkOwn(); err != nil {
		return nil, err
	}
	have, err := d.takeOwn(read)
	if err != nil {
		return nil, err
	}
	return d.ownRows(have)
}

// refused returns the error for a node that joined with --ovsdb read, to which nothing is
// written. It says what the node lacks.
func (d Desired) refused() error {
	var lacks []string
	if len(d.ZoneLimits) > 0 {
		lacks = append(lacks, "limits of connections")
	}
	for _, r := range d.Own {
		lacks = append(lacks, r.Table+" "+r.Key)
	}
	if len(lacks) == 0 {
		return ErrReadOnly
	}
	return fmt.Errorf("%w; it cannot have: %s", ErrReadOnly, strings.Join(bounded(lacks), "; "))
}

// difference returns the columns to write of a row that has the given ones, and a
// description of the change; nothing for a row of others.
func (r DesiredRow) difference(node string, have values) (row map[string]any, what []string, err error) {
	ids, err := have.pairs("external_ids")
	if err != nil || ids[keyNode] != node {
		return nil, nil, err
	}
	row = map[string]any{}
	for _, column := range slices.Sorted(maps.Keys(r.Strings)) {
		was, err := decodeOptional[string](have[column])
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", column, err)
		}
		if want := r.Strings[column]; was != want {
			row[column] = want
			what = append(what, fmt.Sprintf("%s %s %s: %q becomes %q", r.Table, r.Name, column, was, want))
		}
	}
	for _, column := range slices.Sorted(maps.Keys(r.Pairs)) {
		now, err := have.pairs(column)
		if err != nil {
			return nil, nil, err
		}
		differs := false
		for _, key := range slices.Sorted(maps.Keys(r.Pairs[column])) {
			want := r.Pairs[column][key]
			if now[key] == want {
				continue
			}
			differs = true
			what = append(what, fmt.Sprintf("%s %s %s:%s: %q becomes %q", r.Table, r.Name, column, key, now[key], want))
			if now[key] = want; want == "" {
				delete(now, key)
			}
		}
		if differs {
			row[column] = mapValue(now)
		}
	}
	return row, what, nil
}

// unchanged returns the operation that fails unless a row still has the columns that were
// read.
func unchanged(table string, have values, columns ...string) operation {
	rows := map[string]json.RawMessage{}
	for _, c := range columns {
		rows[c] = have[c]
	}
	return operation{"op": "wait", "table": table, "where": is(have), "columns": columns, "until": "==", "rows": []any{rows}, "timeout": 0}
}

// is returns the condition that holds for one row.
func is(have values) []any { return []any{[]any{"_uuid", "==", have["_uuid"]}} }

// mapValue returns a map in OVSDB's notation (RFC 7047, 5.1).
func mapValue(m map[string]string) []any {
	pairs := [][2]string{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		pairs = append(pairs, [2]string{key, m[key]})
	}
	return []any{"map", pairs}
}
