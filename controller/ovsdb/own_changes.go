package ovsdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ownChanges works out the operations that make own rows as desired.
type ownChanges struct {
	node string
	read ownRead
	// uuids has the uuids of own rows by key: those in the database or, for rows to be
	// created, the names in the transaction.
	uuids map[string][]any
	// texts has the uuids of the rows that exist, and going those of rows that are deleted.
	texts map[string]string
	going map[string]bool

	guards, ops []operation
	summary     []string
	missing     []string
}

// MissingError says which own rows cannot be written, because rows of others that they need
// do not exist. All other rows are as desired. Once the rows exist, a write succeeds.
type MissingError struct{ Rows []string }

// Error names the rows.
func (e *MissingError) Error() string {
	return "not in the node's database: " + e.Named()
}

// Named returns the first few rows, and how many more there are.
func (e *MissingError) Named() string { return strings.Join(bounded(e.Rows), "; ") }

// maxNamed is how many rows a summary or an error names.
const maxNamed = 5

// bounded returns the first few of a list, and how many more there are.
func bounded(all []string) []string {
	if len(all) <= maxNamed {
		return all
	}
	return append(slices.Clone(all[:maxNamed]), fmt.Sprintf("and %d more", len(all)-maxNamed))
}

// ownRows computes the changes of own rows. If the error is a *MissingError, the operations
// do everything that can be done.
func (d Desired) ownRows(read ownRead) (*ownChanges, error) {
	c := &ownChanges{node: d.Node, read: read, uuids: map[string][]any{}, texts: map[string]string{}, going: map[string]bool{}}
	have, extra, err := c.match(d.Own)
	if err != nil {
		return c, err
	}
	for _, r := range d.Own {
		if v, ok := have[r.Key]; ok {
			c.texts[r.Key] = uuidOf(v)
			c.uuids[r.Key] = []any{"uuid", uuidOf(v)}
		}
	}
	// Removals come first, for a parent may have room for one reference only. Whether a
	// referenced row exists is checked at the end of the transaction (RFC 7047, 5.1).
	for _, t := range ownTables() {
		for _, v := range extra[t.name] {
			c.remove(t, v)
		}
	}
	for _, t := range ownTables() { // which refer to earlier ones
		for _, r := range d.Own {
			if r.Table != t.name {
				continue
			}
			if err := c.row(t, r, have[r.Key]); err != nil {
				return c, fmt.Errorf("%s %s: %w", r.Table, r.Key, err)
			}
		}
	}
	if len(c.missing) > 0 {
		return c, &MissingError{c.missing}
	}
	return c, nil
}

// match finds the desired rows among those that have the node's mark, by table and key.
// Rows in extra have the mark, but are not desired, or exist twice.
func (c *ownChanges) match(own []OwnRow) (have map[string]values, extra map[string][]values, err error) {
	have, extra = map[string]values{}, map[string][]values{}
	tables := map[string]string{}
	for _, r := range own {
		tables[r.Key] = r.Table
	}
	for i, t := range ownTables() {
		for _, v := range c.read.tables[i] {
			ids, err := v.pairs("external_ids")
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", t.name, err)
			}
			if ids[keyNode] != c.node || ids[keyHash] == "" || ids[keyRow] == "" {
				continue // another's
			}
			if _, twice := have[ids[keyRow]]; twice || tables[ids[keyRow]] != t.name {
				extra[t.name] = append(extra[t.name], v)
				continue
			}
			have[ids[keyRow]] = v
		}
	}
	return have, extra, nil
}

// uuidOf is the uuid of a row that was read.
func uuidOf(v values) string {
	var id [2]string
	if json.Unmarshal(v["_uuid"], &id) != nil {
		return ""
	}
	return id[1]
}

// errMissing is returned if an own row cannot be written because a row that it needs does
// not exist.
type errMissing struct{ what string }

// Error says which row is missing.
func (e errMissing) Error() string { return e.what }

// row makes one row as desired; have is nil if it does not exist.
func (c *ownChanges) row(t ownTable, r OwnRow, have values) error {
	parent, refers, err := c.parent(t, r)
	if err == nil {
		err = c.refersTo(r)
	}
	var lacks errMissing
	if errors.As(err, &lacks) {
		c.missing = append(c.missing, fmt.Sprintf("%s %s (%v)", r.Table, r.Key, err))
		return nil
	}
	if have == nil {
		name := fmt.Sprintf("own%d", len(c.uuids))
		c.uuids[r.Key] = []any{"named-uuid", name}
		row := map[string]any{"external_ids": mapValue(r.marks(c.node))}
		for column, v := range r.Columns {
			row[column] = v.notation(c.notation)
		}
		c.ops = append(c.ops, operation{"op": "insert", "table": t.name, "row": row, "uuid-name": name})
		c.summary = append(c.summary, fmt.Sprintf("%s %s is made", t.name, r.Key))
	} else if err := c.update(t, r, have); err != nil {
		return err
	}
	if t.parent == "" {
		return nil
	}
	if refers[c.texts[r.Key]] {
		return nil
	}
	c.ops = append(c.ops, operation{"op": "mutate", "table": t.parent, "where": is(parent), "mutations": []any{[]any{t.reference, "insert", []any{"set", []any{c.uuids[r.Key]}}}}})
	if have != nil {
		c.summary = append(c.summary, fmt.Sprintf("%s %s has %s %s again", t.parent, r.On, t.name, r.Key))
	}
	return nil
}

// parent returns the row that refers to the own row, and the uuids that it refers to; nil
// for a table without. A column that has room for one reference and refers to a row of
// others counts as missing.
func (c *ownChanges) parent(t ownTable, r OwnRow) (values, map[string]bool, error) {
	if t.parent == "" {
		return nil, nil, nil
	}
	parent, ok := c.read.rows[Row{t.parent, r.On}]
	if !ok {
		return nil, nil, errMissing{fmt.Sprintf("there is no %s %s", t.parent, r.On)}
	}
	refers := c.read.refers[reference{Row{t.parent, r.On}, t.reference}]
	for id := range refers {
		if t.many || id == c.texts[r.Key] || c.going[id] {
			continue
		}
		return nil, nil, errMissing{fmt.Sprintf("%s of %s %s is that of somebody else; to give it up: ovs-vsctl clear %s %s %s", t.reference, t.parent, r.On, t.parent, r.On, t.reference)}
	}
	return parent, refers, nil
}

// refersTo checks that all rows that a row refers to exist, or will.
func (c *ownChanges) refersTo(r OwnRow) error {
	for _, column := range slices.Sorted(maps.Keys(r.Columns)) {
		for _, a := range r.Columns[column].atoms() {
			switch a := a.(type) {
			case Own:
				if c.uuids[string(a)] == nil {
					return errMissing{fmt.Sprintf("there is no %q", string(a))}
				}
			case Row:
				if _, ok := c.read.rows[a]; !ok {
					return errMissing{fmt.Sprintf("there is no %s %s", a.Table, a.Name)}
				}
			}
		}
	}
	return nil
}

// update writes the columns of a row that differ, if its content or its mark does.
func (c *ownChanges) update(t ownTable, r OwnRow, have values) error {
	row := map[string]any{}
	for _, column := range t.columns {
		want, set := r.Columns[column]
		was, err := canonicalOf(have[column])
		if err != nil {
			return fmt.Errorf("%s: %w", column, err)
		}
		if !set {
			if fresh := t.defaultOf(column, have[column]); was != fresh.render(c.text) {
				row[column] = fresh.notation(c.notation)
			}
			continue
		}
		if was != want.render(c.text) {
			row[column] = want.notation(c.notation)
		}
	}
	ids, err := have.pairs("external_ids")
	if err != nil {
		return err
	}
	what := slices.Sorted(maps.Keys(row))
	if mark := r.hash(); ids[keyHash] != mark {
		if t.parent != "" { // it may have been on another
			ref := []any{"set", []any{have["_uuid"]}}
			c.ops = append(c.ops, operation{"op": "mutate", "table": t.parent, "where": []any{[]any{t.reference, "includes", ref}, []any{"name", "!=", r.On}}, "mutations": []any{[]any{t.reference, "delete", ref}}})
		}
		ids[keyHash] = mark
		row["external_ids"] = mapValue(ids)
	}
	if len(row) == 0 {
		return nil
	}
	c.guards = append(c.guards, unchanged(t.name, have, append([]string{"external_ids"}, t.columns...)...))
	c.ops = append(c.ops, operation{"op": "update", "table": t.name, "where": is(have), "row": row})
	c.summary = append(c.summary, fmt.Sprintf("%s %s: %s", t.name, r.Key, strings.Join(append(what, "set"), " ")))
	return nil
}

// defaultOf returns the default of a column (RFC 7047, 5.2.1), given a value of it.
func (t ownTable) defaultOf(column string, have json.RawMessage) Value {
	switch {
	case column == t.text:
		return Set(Text(""))
	case strings.HasPrefix(string(have), `["map"`):
		return Map()
	case string(have) == "true" || string(have) == "false":
		return Set(Bool(false))
	}
	return Set()
}

// remove deletes a row of sdnd's own, and the references to it.
func (c *ownChanges) remove(t ownTable, have values) {
	c.going[uuidOf(have)] = true
	c.guards = append(c.guards, unchanged(t.name, have, "external_ids"))
	if t.parent != "" {
		ref := []any{"set", []any{have["_uuid"]}}
		c.ops = append(c.ops, operation{"op": "mutate", "table": t.parent, "where": []any{[]any{t.reference, "includes", ref}}, "mutations": []any{[]any{t.reference, "delete", ref}}})
	}
	c.ops = append(c.ops, operation{"op": "delete", "table": t.name, "where": is(have)})
	ids, _ := have.pairs("external_ids") // match has read it
	c.summary = append(c.summary, fmt.Sprintf("%s %s is deleted", t.name, ids[keyRow]))
}

// notation is an atom in OVSDB's notation.
func (c *ownChanges) notation(a Atom) any {
	switch a := a.(type) {
	case Own:
		return c.uuids[string(a)]
	case Row:
		return c.read.rows[a]["_uuid"]
	}
	return a
}

// text is an atom as canonicalOf writes it.
func (c *ownChanges) text(a Atom) string {
	switch a := a.(type) {
	case Own:
		return uuidText(c.texts[string(a)])
	case Row:
		return uuidText(uuidOf(c.read.rows[a]))
	}
	return a.text()
}
