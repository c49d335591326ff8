package pipeline_test

import (
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// TestStamp: a stamp returns the digest that it was made of, and a flow that resembles a
// stamp is not taken for one.
func TestStamp(t *testing.T) {
	for _, d := range []pipeline.Digest{{}, {Bundled: 1}, {Meters: 1}, {Bundled: 1<<63 | 0x5a, Meters: 7}, {Bundled: ^uint64(0), Meters: ^uint64(0)}} {
		var set pipeline.ItemSet
		e := set.AddStamp("node1", d)
		mod, err := openflow.DecodeFlowMod(set.Message(e))
		if err != nil {
			t.Fatal(err)
		}
		f := mod.Flow
		if got, ok := pipeline.StampOf(&f); !ok || got != d {
			t.Errorf("%+v is read as %+v, %t", d, got, ok)
		}
		if e.Cookie() != pipeline.CookieOf(&f) || !set.Rule(e).IsStamp() || set.Unit(e).Owner().Name != "node1" {
			t.Errorf("%+v: cookie %#x, rule %q, unit %v", d, e.Cookie(), set.Rule(e), set.Unit(e))
		}
		for name, change := range map[string]func(*openflow.Flow){
			"another table":     func(f *openflow.Flow) { f.Table-- },
			"another priority":  func(f *openflow.Flow) { f.Priority++ },
			"another match":     func(f *openflow.Flow) { f.Match = openflow.Match(nil).InPort(1) },
			"another action":    func(f *openflow.Flow) { f.Instructions = openflow.Instructions(nil).GotoTable(101) },
			"no action":         func(f *openflow.Flow) { f.Instructions = nil },
			"something besides": func(f *openflow.Flow) { f.Instructions = f.Instructions.GotoTable(101) },
		} {
			other := f
			change(&other)
			other.Cookie = pipeline.CookieOf(&other)
			if _, ok := pipeline.StampOf(&other); ok {
				t.Errorf("%s: %s is taken for a stamp", name, other.String())
			}
		}
		f.Cookie++
		if _, ok := pipeline.StampOf(&f); ok {
			t.Error("one with another cookie is taken for a stamp")
		}
	}
}
