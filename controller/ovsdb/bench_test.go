package ovsdb

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// What one port more or less costs, on a node that has n.
func BenchmarkOnePortAdded(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rows := dbServer{"Bridge": {u1: {"name": "br-int", "ports": []string{}}}, "Port": {}, "Interface": {}}
			add := func(s dbServer, i int) {
				port, f := fmt.Sprintf("10000000-0000-4000-8000-%012d", i), fmt.Sprintf("20000000-0000-4000-8000-%012d", i)
				s["Port"][port] = map[string]any{"interfaces": []string{f}}
				s["Interface"][f] = map[string]any{"name": fmt.Sprint("v", i), "external_ids": map[string]string{"iface-id": fmt.Sprint("p", i)}}
				r := maps.Clone(s["Bridge"][u1])
				r["ports"] = append(slices.Clone(r["ports"].([]string)), port)
				s["Bridge"][u1] = r
			}
			for i := range n {
				add(rows, i)
			}
			more := rows.clone()
			add(more, n)
			v := newView("br-int", 1<<30, partOf(newPool(1<<30)))
			step := func(raw json.RawMessage) {
				if err := v.apply(raw); err != nil {
					b.Fatal(err)
				}
				if changed, err := v.commit(); !changed || err != nil {
					b.Fatal(changed, err)
				}
			}
			step(dbServer{}.updates2(rows))
			come, leave := rows.updates2(more), more.updates2(rows)
			b.ReportAllocs()
			for b.Loop() {
				step(come)
				step(leave)
			}
		})
	}
}
