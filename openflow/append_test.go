package openflow

import "testing"

// ordinary appends a flow like those that a port costs, instructions and match
// built anew in the same scratch buffers.
func ordinary(b []byte, m Match, in Instructions) []byte {
	m = m[:0].EthType(0x0800).InPort(3).EthSrc(macA).IPv4Src(host)
	a, mark := in[:0].BeginApply()
	in = a.SetMetadata(5001).SetReg(1, 7).EndApply(mark).GotoTable(10)
	f := Flow{Table: 0, Priority: 100, Cookie: 0x1234, Match: m, Instructions: in}
	return f.AppendAdd(b, 1)
}

func TestAppendDoesNotAllocate(t *testing.T) {
	b := make([]byte, 0, 64<<10)
	m, in := make(Match, 0, 256), make(Instructions, 0, 1024)
	tests := []struct {
		name string
		run  func()
	}{
		{"build and append", func() { ordinary(b, m, in) }},
		{"delete by cookie", func() { AppendFlowDeleteByCookie(b, 1, TableAll, 2) }},
		{"bundle add", func() {
			f := b[: 0 : cap(b)/2]
			AppendBundleAdd(b[cap(b)/2:cap(b)/2], 1, 2, BundleAtomic, AppendFlowDeleteByCookie(f, 1, 0, 2))
		}},
	}
	for _, k := range flowKinds() {
		tests = append(tests, struct {
			name string
			run  func()
		}{k.name, func() { k.flow.AppendAdd(b, 1) }})
	}
	for _, tt := range tests {
		if n := testing.AllocsPerRun(100, tt.run); n != 0 {
			t.Errorf("%s: %v allocations, want none", tt.name, n)
		}
	}
}

// TestBeginApply checks that the variant without a copy gives the same bytes.
func TestBeginApply(t *testing.T) {
	var actions Actions
	want := Instructions(nil).Meter(1).ApplyActions(actions.DecTTL().Output(7)).GotoTable(2)
	a, mark := Instructions(nil).Meter(1).BeginApply()
	got := a.DecTTL().Output(7).EndApply(mark).GotoTable(2)
	if string(got) != string(want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func BenchmarkFlowAppendAdd(b *testing.B) {
	buf := make([]byte, 0, 1024)
	flow := flowKinds()[2].flow // match on five fields, set_field, goto_table
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			flow.AppendAdd(buf, 1)
		}
	})
	b.Run("build_and_encode", func(b *testing.B) {
		m, in := make(Match, 0, 256), make(Instructions, 0, 1024)
		b.ReportAllocs()
		for b.Loop() {
			ordinary(buf, m, in)
		}
	})
}
