package openflow

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecodeMessage checks that no bytes make the decoder panic, and that what
// it accepts survives encoding: decode, encode, decode gives the same message.
func FuzzDecodeMessage(f *testing.F) {
	for _, s := range samples(f) {
		f.Add(encode(f, s.msg))
	}
	for _, message := range recordedFlows(f, "testdata/ovs/flows.golden") {
		f.Add(message)
	}
	for _, message := range recordedMessages(f) {
		f.Add(message)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeMessage(b)
		if err != nil {
			return
		}
		walk(m)
		again, err := m.AppendBinary(nil)
		if err != nil {
			t.Fatalf("%T was decoded but does not encode: %v", m, err)
		}
		if len(again) > len(b)+8 {
			t.Fatalf("%d bytes decoded, %d encoded", len(b), len(again))
		}
		m2, err := DecodeMessage(again)
		if err != nil {
			t.Fatalf("%T does not decode again: %v", m, err)
		}
		if diff := cmp.Diff(m, m2, sameAddresses); diff != "" {
			t.Fatalf("decoded again (-first +second):\n%s", diff)
		}
	})
}

// FuzzFlowReply checks the entries of flow statistics as FuzzDecodeMessage does
// whole messages.
func FuzzFlowReply(f *testing.F) {
	for _, k := range flowKinds() {
		f.Add(encode(f, sampleStats(k.flow)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &MultipartReply{Kind: MultipartFlow, Body: b}
		for s, err := range m.Flows() {
			if err != nil {
				return
			}
			entry, err := s.AppendBinary(nil)
			if err != nil {
				t.Fatal(err)
			}
			for s2, err := range (&MultipartReply{Kind: MultipartFlow, Body: entry}).Flows() {
				if diff := cmp.Diff(s, s2); err != nil || diff != "" {
					t.Fatalf("decoded again: %v (-first +second):\n%s", err, diff)
				}
			}
		}
	})
}

// FuzzText checks that no bytes make printing panic, decoded or not.
func FuzzText(f *testing.F) {
	for _, k := range flowKinds() {
		f.Add([]byte(k.flow.Match), []byte(k.flow.Instructions))
	}
	f.Fuzz(func(t *testing.T, match, instructions []byte) {
		flow := Flow{Match: match, Instructions: instructions}
		if flow.String() == "" || Actions(instructions).String() == "" {
			t.Fatal("a flow without text")
		}
		_ = NewFlowMod(FlowAdd, flow).String()
		_ = sampleStats(flow).String()
	})
}
