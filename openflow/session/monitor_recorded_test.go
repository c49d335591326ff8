package session

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/openflow"
)

// flowUpdatesFile holds what Open vSwitch reports of changes: a line for each
// message, and one for each change in it as we read it.
const flowUpdatesFile = "../testdata/ovs/flow_updates.golden"

// TestRecordedFlowUpdates reads and encodes again what a real Open vSwitch has
// reported of every kind of flow. With -update it records that anew.
func TestRecordedFlowUpdates(t *testing.T) {
	if *update {
		recordFlowUpdates(t)
	}
	want, err := os.ReadFile(flowUpdatesFile)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for line := range strings.Lines(string(want)) {
		digits, is := strings.CutPrefix(strings.TrimSpace(line), "< ")
		if !is {
			continue
		}
		b, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		printFlowUpdates(t, &got, b)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("recorded (-) and read now (+):\n%s", diff)
	}
}

func printFlowUpdates(t *testing.T, w *bytes.Buffer, message []byte) {
	t.Helper()
	fmt.Fprintf(w, "< %x\n", message)
	m, err := openflow.DecodeMessage(message)
	if err != nil {
		t.Fatal(err)
	}
	r, ok := m.(*openflow.MultipartReply)
	if !ok {
		t.Fatalf("%T among the reports", m)
	}
	again := &openflow.MultipartReply{Header: r.Header, Kind: r.Kind, Flags: r.Flags, Body: slices.Clone(r.Body[:openflow.ExperimenterBodyLen])}
	for u, err := range r.FlowUpdates() {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(w, "  %v\n", u)
		again.Body = append(again.Body, encode(t, u)...)
	}
	if b := encode(t, again); !bytes.Equal(b, message) {
		t.Errorf("encoded again (-want +got):\n%s", cmp.Diff(hex.Dump(message), hex.Dump(b)))
	}
}

// recordFlowUpdates has one session add and delete each kind of flow, and writes
// down the reports that another gets.
func recordFlowUpdates(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	conn := &recordingConn{Conn: o.accept()}
	s, err := Handshake(context.Background(), conn, Config{})
	if err != nil {
		t.Fatal(err)
	}
	runSession(t, s)
	monitorAll(t, s)
	foreign := o.another()
	for _, k := range flowKinds(t) {
		for _, cmd := range []openflow.FlowCommand{openflow.FlowAdd, openflow.FlowModifyStrict, openflow.FlowDeleteStrict} {
			f := k.flow
			if cmd == openflow.FlowModifyStrict {
				f.Instructions = openflow.Instructions(nil).ApplyActions(openflow.Actions{}.Output(1))
			}
			if _, err := foreign.Do(ctx, openflow.NewFlowMod(cmd, f)); err != nil {
				t.Logf("%s: %v", k.name, err) // for want of a group or meter
			}
		}
	}
	if err := s.Bundle(ctx, openflow.BundleAtomic, testMods(3)); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	conn.mu.Lock()
	defer conn.mu.Unlock()
	for _, m := range conn.said {
		if m.bySwitch && openflow.IsFlowUpdates(m.frame) {
			printFlowUpdates(t, &text, m.frame)
		}
	}
	if err := os.WriteFile(flowUpdatesFile, text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
