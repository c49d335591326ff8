package pipeline_test

import (
	"bytes"
	"fmt"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

// table is the flows of a switch by cookie, as messages.
type table map[openflow.Cookie][]byte

func compile(v *pipeline.View, node string) table {
	var set pipeline.ItemSet
	new(pipeline.Compiler).CompileNode(&set, v, node)
	t := table{}
	for _, e := range set.Items() {
		t[e.Cookie()] = bytes.Clone(set.Message(e)) // of a group its sum
	}
	return t
}

// key returns the key of an item on a switch: an addition with the same key replaces it.
func key(msg []byte) string {
	switch m := decoded(msg).(type) {
	case *openflow.FlowMod:
		return fmt.Sprint(m.Flow.Key())
	case *openflow.GroupMod:
		return fmt.Sprint("group ", m.Group.ID)
	case *openflow.MeterMod:
		return fmt.Sprint("meter ", m.Meter.ID)
	}
	panic("no item")
}

// isNumbered reports whether a message is about a group or meter, not a flow.
func isNumbered(msg []byte) bool {
	return openflow.FrameType(msg) == openflow.TypeGroupMod || openflow.FrameType(msg) == openflow.TypeMeterMod
}

// decoded is a message that adds an item.
func decoded(msg []byte) openflow.Message {
	m, err := openflow.DecodeMessage(msg)
	if err != nil {
		panic(err)
	}
	return m
}

// apply applies a delta to the table as a switch does: removals, then additions.
func (t table) apply(d *pipeline.Delta) {
	for _, e := range d.Removed() {
		delete(t, e.Cookie())
	}
	for _, e := range d.Added() {
		msg := bytes.Clone(d.AddMessage(e))
		for c, other := range t {
			if key(other) == key(msg) {
				delete(t, c)
			}
		}
		t[e.Cookie()] = msg
	}
}

func describe(msg []byte) string {
	switch m := decoded(msg).(type) {
	case *openflow.FlowMod:
		return m.Flow.String()
	case *openflow.GroupMod:
		return m.Group.String()
	case *openflow.MeterMod:
		return m.Meter.String()
	}
	return "no item"
}
