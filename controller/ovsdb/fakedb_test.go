package ovsdb

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// dbServer is a little OVSDB server: a database and the update2 that leads from
// one state of it to the next.
type dbServer map[string]map[string]map[string]any // table, uuid, column: string, []string (uuids), []text (at most one) or map[string]string

func (s dbServer) clone() dbServer {
	c := dbServer{}
	for table, rows := range s {
		c[table] = map[string]map[string]any{}
		for id, r := range rows {
			c[table][id] = maps.Clone(r)
		}
	}
	return c
}

// text is a member of a set of at most one string.
type text string

// notation writes a column value.
func notation(v any) any {
	switch v := v.(type) {
	case []text:
		if len(v) == 1 {
			return v[0]
		}
		return []any{"set", []any{}}
	case []string:
		members := []any{}
		for _, id := range v {
			members = append(members, []any{"uuid", id})
		}
		return []any{"set", members}
	case map[string]string:
		pairs := []any{}
		for k, x := range v {
			pairs = append(pairs, []any{k, x})
		}
		return []any{"map", pairs}
	}
	return v
}

// difference is what leads from one column value to another.
func difference(a, b any) any {
	switch b := b.(type) {
	case []string:
		var d []string
		for _, id := range a.([]string) {
			if !slices.Contains(b, id) {
				d = append(d, id)
			}
		}
		for _, id := range b {
			if !slices.Contains(a.([]string), id) {
				d = append(d, id)
			}
		}
		return d
	case map[string]string:
		d := map[string]string{}
		for k, x := range a.(map[string]string) {
			if y, ok := b[k]; !ok {
				d[k] = x
			} else if x != y {
				d[k] = y
			}
		}
		for k, y := range b {
			if _, ok := a.(map[string]string)[k]; !ok {
				d[k] = y
			}
		}
		return d
	}
	return b
}

// updates2 returns the <table-updates2> that leads from s to next.
func (s dbServer) updates2(next dbServer) json.RawMessage {
	all := map[string]map[string]map[string]any{}
	put := func(table, id, what string, r any) {
		if all[table] == nil {
			all[table] = map[string]map[string]any{}
		}
		all[table][id] = map[string]any{what: r}
	}
	for table, rows := range next {
		for id, r := range rows {
			old, ok := s[table][id]
			columns := map[string]any{}
			for c, x := range r {
				if !ok {
					columns[c] = notation(x)
				} else if !gocmp.Equal(old[c], x) {
					columns[c] = notation(difference(old[c], x))
				}
			}
			if !ok {
				put(table, id, "insert", columns)
			} else if len(columns) > 0 {
				put(table, id, "modify", columns)
			}
		}
	}
	for table, rows := range s {
		for id := range rows {
			if _, ok := next[table][id]; !ok {
				put(table, id, "delete", nil)
			}
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		panic(err)
	}
	return b
}

// mutate makes a random change.
func (s dbServer) mutate(t *rapid.T) {
	id := func(prefix string) string {
		return fmt.Sprintf("%s0000000-0000-4000-8000-00000000000%d", prefix, rapid.IntRange(0, 5).Draw(t, "id"))
	}
	ids := func(prefix string, max int) []string {
		set := map[string]bool{}
		for range rapid.IntRange(0, max).Draw(t, "members") {
			set[id(prefix)] = true
		}
		return slices.Sorted(maps.Keys(set))
	}
	table := rapid.SampledFrom([]string{"Bridge", "Port", "Interface"}).Draw(t, "table")
	rows := s[table]
	var key string
	var r map[string]any
	switch table {
	case "Bridge":
		key = id("b")
		name := key
		// The name is unique: only who comes first is br-int.
		if rapid.Bool().Draw(t, "br-int") {
			name = "br-int"
			for other, r := range rows {
				if other != key && r["name"] == name {
					name = key
				}
			}
		}
		r = map[string]any{"name": name, "ports": ids("1", 4)}
	case "Port":
		key = id("1")
		r = map[string]any{"interfaces": ids("2", 2)}
	case "Interface":
		key = id("2")
		external := map[string]string{}
		for range rapid.IntRange(0, 2).Draw(t, "pairs") {
			k := rapid.SampledFrom([]string{"iface-id", "container_id", "container_iface", "other"}).Draw(t, "key")
			external[k] = rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "value")
		}
		options := map[string]string{}
		for range rapid.IntRange(0, 2).Draw(t, "options") {
			k := rapid.SampledFrom([]string{"remote_ip", "key", "dst_port", "csum", "peer"}).Draw(t, "option")
			options[k] = rapid.SampledFrom([]string{"flow", "1", "v0", "v1"}).Draw(t, "value")
		}
		optional := func(values ...text) []text {
			if i := rapid.IntRange(0, len(values)).Draw(t, "optional"); i > 0 {
				return []text{values[i-1]}
			}
			return []text{}
		}
		r = map[string]any{
			"name": "v" + key[len(key)-1:], "external_ids": external, "ofport": rapid.Int64Range(-1, 2).Draw(t, "ofport"),
			"type": rapid.SampledFrom([]string{"", "vxlan", "internal"}).Draw(t, "type"), "options": options,
			"link_state": optional("up", "down"), "admin_state": optional("up", "down"),
			"mac_in_use": optional("02:00:00:00:00:01", "02:00:00:00:00:02"), "error": optional("no such device"),
		}
	}
	if rapid.IntRange(0, 3).Draw(t, "delete") == 0 {
		delete(rows, key)
	} else {
		rows[key] = r
	}
}

// names returns the names of the interfaces of the bridge.
func (s dbServer) names() string {
	set := map[string]bool{}
	for _, b := range s["Bridge"] {
		if b["name"] != "br-int" {
			continue
		}
		for _, p := range b["ports"].([]string) {
			members, _ := s["Port"][p]["interfaces"].([]string)
			for _, i := range members {
				if f, ok := s["Interface"][i]; ok {
					set[f["name"].(string)] = true
				}
			}
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), " ")
}
