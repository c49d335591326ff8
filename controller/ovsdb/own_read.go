package ovsdb

import (
	"cmp"
	"fmt"
	"slices"
)

// ownRead is what a transaction reads about own rows: the rows of each table that have the
// node's mark, and the rows of others that own rows refer to or that refer to own rows.
type ownRead struct {
	tables [][]values // as ownTables
	rows   map[Row]values
	// refers has the uuids that rows of others refer to, by column.
	refers map[reference]map[string]bool
}

// reference is a column of a row of others that refers to own rows.
type reference struct {
	row    Row
	column string
}

// others returns the rows of others that own rows refer to or that refer to own rows, in a
// fixed order.
func (d Desired) others() []Row {
	var all []Row
	for _, r := range d.Own {
		if t, _ := ownTableOf(r.Table); t.parent != "" {
			all = append(all, Row{t.parent, r.On})
		}
		for _, v := range r.Columns {
			for _, a := range v.atoms() {
				if row, ok := a.(Row); ok {
					all = append(all, row)
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b Row) int { return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(a.Name, b.Name)) })
	return slices.Compact(all)
}

// atoms returns all atoms of a value.
func (v Value) atoms() []Atom {
	all := slices.Clone(v.set)
	for _, p := range v.pairs {
		all = append(all, p[0], p[1])
	}
	return all
}

// ownSelects returns the operations that read an ownRead; none without Desired.Own.
func (d Desired) ownSelects() []operation {
	if d.Own == nil {
		return nil
	}
	var ops []operation
	mine := []any{[]any{"external_ids", "includes", mapValue(map[string]string{keyNode: d.Node})}}
	for _, t := range ownTables() {
		ops = append(ops, operation{"op": "select", "table": t.name, "where": mine, "columns": append([]string{"_uuid", "external_ids"}, t.columns...)})
	}
	for _, r := range d.others() {
		ops = append(ops, operation{"op": "select", "table": r.Table, "where": named(r.Name), "columns": append([]string{"_uuid"}, references(r.Table)...)})
	}
	return ops
}

// references returns the columns of a table that refer to own rows.
func references(table string) (columns []string) {
	for _, t := range ownTables() {
		if t.parent == table {
			columns = append(columns, t.reference)
		}
	}
	return columns
}

// takeOwn sorts the answers to ownSelects.
func (d Desired) takeOwn(read [][]values) (o ownRead, err error) {
	tables, others := len(ownTables()), d.others()
	if len(read) != tables+len(others) {
		return o, fmt.Errorf("%d answers to %d questions", len(read), tables+len(others))
	}
	o = ownRead{tables: read[:tables], rows: map[Row]values{}, refers: map[reference]map[string]bool{}}
	for i, r := range others {
		found := read[tables+i]
		if len(found) != 1 { // name is a key of these tables
			continue
		}
		o.rows[r] = found[0]
		for _, column := range references(r.Table) {
			all := map[string]bool{}
			if err := eachUUID(found[0][column], func(id uuid) error { all[id.String()] = true; return nil }); err != nil {
				return o, fmt.Errorf("%s %s: %s: %w", r.Table, r.Name, column, err)
			}
			o.refers[reference{r, column}] = all
		}
	}
	return o, nil
}
