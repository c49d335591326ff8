package openflow

import "testing"

// TestModFields: fields that are read in place are those of the message.
func TestModFields(t *testing.T) {
	for _, k := range flowKinds() {
		table, priority, match := FlowModKey(k.flow.AppendAdd(nil, 1))
		if table != k.flow.Table || priority != k.flow.Priority || string(match) != string(k.flow.Match) {
			t.Errorf("%s: table %d, priority %d, match %x", k.name, table, priority, match)
		}
	}
	for text, g := range groupKinds() {
		if id := ModNumber(g.AppendPut(nil, 1)); id != g.ID {
			t.Errorf("%s: number %d", text, id)
		}
	}
	for text, m := range meterKinds() {
		msg := m.AppendMod(nil, 1, MeterAdd)
		SetMeterCommand(msg, MeterModify)
		mod, err := DecodeMeterMod(msg)
		if err != nil || mod.Command != MeterModify || mod.Meter.ID != m.ID || ModNumber(msg) != m.ID {
			t.Errorf("%s: number %d, read back as %v, %v", text, ModNumber(msg), mod, err)
		}
	}
}
