package openflow

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMultipartBodies(t *testing.T) {
	reply := func(k MultipartType, entries ...interface {
		AppendBinary([]byte) ([]byte, error)
	}) *MultipartReply {
		return &MultipartReply{Kind: k, Body: encode(t, entries...)}
	}
	check := func(name string, want, got any, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
	desc, err := reply(MultipartDesc, sampleDesc()).Desc()
	check("desc", *sampleDesc(), desc, err)

	sums := AggregateStats{Packets: 1, Bytes: 2, Flows: 3}
	aggregate, err := reply(MultipartAggregate, &sums).Aggregate()
	check("aggregate", sums, aggregate, err)

	table := TableStats{Table: 1, Active: 2, Lookups: 3, Matched: 4}
	tables, err := reply(MultipartTable, &table, &table).Tables()
	check("tables", []TableStats{table, table}, tables, err)

	ports, err := reply(MultipartPortDesc, samplePort(), samplePort()).Ports()
	check("ports", []Port{*samplePort(), *samplePort()}, ports, err)

	counters, err := reply(MultipartPortStats, samplePortStats()).PortStats()
	check("port stats", []PortStats{*samplePortStats()}, counters, err)

	query := FlowStatsRequest{Table: 1, OutPort: 2, OutGroup: 3, Cookie: 4, CookieMask: 5, Match: Match(nil).InPort(6)}
	got, err := query.Message(MultipartAggregate).FlowStats()
	check("flow request", query, got, err)
}

func TestFlowsInOrder(t *testing.T) {
	var body []byte
	var want []string
	for _, k := range flowKinds() {
		s := sampleStats(k.flow)
		body = append(body, encode(t, s)...)
		want = append(want, s.String())
	}
	var got []string
	for s, err := range (&MultipartReply{Kind: MultipartFlow, Body: body}).Flows() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flows (-want +got):\n%s", diff)
	}
}

// TestMultipartErrors checks that bodies cut anywhere within an entry give an
// error that names it.
func TestMultipartErrors(t *testing.T) {
	flow := flowKinds()[2].flow
	bodies := map[MultipartType][]byte{
		MultipartDesc:          encode(t, sampleDesc()),
		MultipartFlow:          encode(t, sampleStats(flow)),
		MultipartAggregate:     encode(t, &AggregateStats{}),
		MultipartTable:         encode(t, &TableStats{}),
		MultipartPortDesc:      encode(t, samplePort()),
		MultipartPortStats:     encode(t, samplePortStats()),
		MultipartGroup:         encode(t, sampleGroupStats()),
		MultipartMeter:         encode(t, sampleMeterCounters()),
		MultipartMeterFeatures: encode(t, &MeterFeatures{}),
	}
	for _, g := range groupKinds() {
		bodies[MultipartGroupDesc], _ = g.AppendDesc(nil)
	}
	for _, m := range meterKinds() {
		bodies[MultipartMeterConfig], _ = m.AppendConfig(nil)
	}
	for kind, body := range bodies {
		for n := 1; n < len(body); n++ {
			err := readBody(&MultipartReply{Kind: kind, Body: body[:n]})
			if err == nil || !strings.HasPrefix(err.Error(), fmt.Sprintf("multipart_reply: %v: ", kind)) {
				t.Errorf("%v: %d of %d bytes: error %v", kind, n, len(body), err)
			}
		}
		for other := range bodies {
			if other == kind {
				continue
			}
			if err := readAs(&MultipartReply{Kind: other, Body: body}, kind); !errors.Is(err, ErrBadValue) {
				t.Errorf("%v read as %v: error %v", other, kind, err)
			}
		}
	}
	if _, err := DescRequest().FlowStats(); !errors.Is(err, ErrBadValue) {
		t.Errorf("a desc request read as one about flows: %v", err)
	}
}

// readBody reads a reply as what it says it is.
func readBody(m *MultipartReply) error { return readAs(m, m.Kind) }

// readAs reads a reply as being of that kind.
func readAs(m *MultipartReply, kind MultipartType) (err error) {
	switch kind {
	case MultipartDesc:
		_, err = m.Desc()
	case MultipartFlow:
		for _, e := range m.Flows() {
			err = e
		}
	case MultipartAggregate:
		_, err = m.Aggregate()
	case MultipartTable:
		_, err = m.Tables()
	case MultipartPortDesc:
		_, err = m.Ports()
	case MultipartPortStats:
		_, err = m.PortStats()
	case MultipartGroupDesc:
		for _, e := range m.Groups() {
			err = e
		}
	case MultipartGroup:
		for _, e := range m.GroupStats() {
			err = e
		}
	case MultipartMeterConfig:
		for _, e := range m.Meters() {
			err = e
		}
	case MultipartMeterFeatures:
		_, err = m.MeterFeatures()
	case MultipartMeter:
		for _, e := range m.MeterCounters() {
			err = e
		}
	}
	return err
}

func BenchmarkFlowReply(b *testing.B) {
	flow := flowKinds()[2].flow
	var body []byte
	n := 0
	for ; len(body) < 60000; n++ {
		body = append(body, encode(b, sampleStats(flow))...)
	}
	m := &MultipartReply{Kind: MultipartFlow, Body: body}
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range m.Flows() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/flow")
}
