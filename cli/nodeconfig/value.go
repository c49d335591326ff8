package nodeconfig

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// row is one row of a table that ovs-vsctl printed with --format=json. It has the row's
// columns in the notation of RFC 7047, section 5.1.
type row map[string]json.RawMessage

// table is the output of "ovs-vsctl --format=json list".
type table struct {
	Headings []string            `json:"headings"`
	Data     [][]json.RawMessage `json:"data"`
}

// rows returns the rows of the table.
func (t table) rows() ([]row, error) {
	rows := make([]row, len(t.Data))
	for i, cells := range t.Data {
		if len(cells) != len(t.Headings) {
			return nil, fmt.Errorf("ovs-vsctl printed a row of %d cells under %d headings", len(cells), len(t.Headings))
		}
		rows[i] = make(row, len(cells))
		for j, cell := range cells {
			rows[i][t.Headings[j]] = cell
		}
	}
	return rows, nil
}

// atoms returns the elements of a set; a single atom is a set of one.
func (r row) atoms(column string) []json.RawMessage {
	var pair []json.RawMessage
	raw := r[column]
	if json.Unmarshal(raw, &pair) == nil && len(pair) == 2 && string(pair[0]) == `"set"` {
		var all []json.RawMessage
		if json.Unmarshal(pair[1], &all) == nil {
			return all
		}
	}
	if len(raw) == 0 {
		return nil
	}
	return []json.RawMessage{raw}
}

// text returns an atom as text: the text of a string or UUID, and the JSON of other atoms.
func text(atom json.RawMessage) string {
	var s string
	if json.Unmarshal(atom, &s) == nil {
		return s
	}
	var pair []string
	if json.Unmarshal(atom, &pair) == nil && len(pair) == 2 {
		return pair[1] // ["uuid", …]
	}
	return string(atom)
}

// texts returns a set as text, sorted.
func (r row) texts(column string) []string {
	var out []string
	for _, a := range r.atoms(column) {
		out = append(out, text(a))
	}
	slices.Sort(out)
	return out
}

// text returns an optional value as text, "" if it is absent.
func (r row) text(column string) string {
	if all := r.atoms(column); len(all) > 0 {
		return text(all[0])
	}
	return ""
}

// number returns an optional number, 0 if it is absent.
func (r row) number(column string) (n int64) {
	if all := r.atoms(column); len(all) == 1 {
		if err := json.Unmarshal(all[0], &n); err != nil {
			return 0
		}
	}
	return n
}

// dict returns a map of strings.
func (r row) dict(column string) map[string]string {
	var pair []json.RawMessage
	var entries [][]json.RawMessage
	if json.Unmarshal(r[column], &pair) != nil || len(pair) != 2 || json.Unmarshal(pair[1], &entries) != nil {
		return nil
	}
	m := make(map[string]string, len(entries))
	for _, e := range entries {
		if len(e) == 2 {
			m[text(e[0])] = text(e[1])
		}
	}
	return m
}

// value returns a column in the notation of ovs-vsctl(8), "Database Values"; "" for an empty
// set or map.
func (r row) value(column string) string {
	var pair []json.RawMessage
	if json.Unmarshal(r[column], &pair) == nil && len(pair) == 2 && string(pair[0]) == `"map"` {
		return dictValue(r.dict(column))
	}
	var all []string
	for _, a := range r.atoms(column) {
		all = append(all, atomValue(a))
	}
	if len(all) == 1 {
		return all[0]
	}
	return strings.Join(all, ",")
}

// atomValue returns an atom in the notation of ovs-vsctl(8).
func atomValue(atom json.RawMessage) string {
	var s string
	if json.Unmarshal(atom, &s) == nil {
		return valueQuote(s)
	}
	return string(atom)
}

// dictValue returns a map in the notation of ovs-vsctl(8), "" for an empty one.
func dictValue(m map[string]string) string {
	var parts []string
	for k, v := range m {
		parts = append(parts, valueQuote(k)+"="+valueQuote(v))
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}
