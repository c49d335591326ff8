package openflow

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// ofpPrint returns what the real ovs-ofctl makes of one message. It skips the
// test where there is no ovs-ofctl.
func ofpPrint(t *testing.T, message []byte) string {
	t.Helper()
	path, err := exec.LookPath("ovs-ofctl")
	if err != nil {
		t.Skip("needs ovs-ofctl, of the package openvswitch-switch")
	}
	out, err := exec.Command(path, "-O", "OpenFlow13", "ofp-print", hex.EncodeToString(message)).CombinedOutput()
	if err != nil {
		t.Fatalf("ovs-ofctl: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// asOVSPrints puts our text of a flow into ofp-print's form of FLOW_MOD.
func asOVSPrints(f *Flow, xid Xid) string {
	parts := []string{fmt.Sprintf("OFPT_FLOW_MOD (OF1.3) (xid=0x%x): ADD", xid)}
	add := func(do bool, format string, args ...any) {
		if do {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(f.Table != 0, "table:%d", f.Table)
	match := f.Match.String()
	if f.Priority != 32768 { // its default
		match = strings.TrimSuffix(fmt.Sprintf("priority=%d,%s", f.Priority, match), ",")
	}
	add(match != "", "%s", match)
	add(f.Cookie != 0, "cookie:%v", f.Cookie)
	add(f.IdleTimeout != 0, "idle:%d", f.IdleTimeout)
	add(f.HardTimeout != 0, "hard:%d", f.HardTimeout)
	add(f.Flags != 0, "%s", strings.TrimSpace(string(appendFlowFlags(nil, f.Flags))))
	add(true, "actions=%v", f.Instructions)
	return strings.Join(parts, " ")
}

// TestFlowAsOVSReadsIt compares our text of each kind of flow with what
// ovs-ofctl prints for its bytes.
func TestFlowAsOVSReadsIt(t *testing.T) {
	for _, k := range flowKinds() {
		t.Run(k.name, func(t *testing.T) {
			got := ofpPrint(t, k.flow.AppendAdd(nil, 7))
			if diff := cmp.Diff(asOVSPrints(&k.flow, 7), got); diff != "" {
				t.Errorf("ours (-) and ovs-ofctl's (+) differ:\n%s", diff)
			}
		})
	}
}

// TestFlowsOfOVS decodes the flows of testdata/ovs/flows.txt as ovs-ofctl
// encoded them, and compares our text with ovs-ofctl's. With -update it records
// both anew.
func TestFlowsOfOVS(t *testing.T) {
	const golden = "testdata/ovs/flows.golden"
	if *update {
		out, err := exec.Command("ovs-ofctl", "-O", "OpenFlow13", "-mmmmm", "parse-flows", "testdata/ovs/flows.txt").Output()
		if err == nil {
			err = os.WriteFile(golden, out, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for text, message := range recordedFlows(t, golden) {
		m, err := DecodeFlowMod(message)
		if err != nil {
			t.Errorf("%s:\n%v", text, err)
			continue
		}
		if diff := cmp.Diff(text, asOVSPrints(&m.Flow, m.Xid())); diff != "" {
			t.Errorf("ovs-ofctl's text (-) and ours (+):\n%s", diff)
		}
		if again := encode(t, m); !bytes.Equal(message, again) {
			t.Errorf("%s: encoded again (-want +got):\n%s", text, cmp.Diff(hex.Dump(message), hex.Dump(again)))
		}
	}
}

// recordedFlows yields text and bytes of the messages in a file that ovs-ofctl
// wrote: a line of text, then a hexadecimal dump.
func recordedFlows(t testing.TB, file string) iter.Seq2[string, []byte] {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(string, []byte) bool) {
		var text string
		var message []byte
		for line := range strings.Lines(string(data)) {
			offset, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
			if _, err := hex.DecodeString(offset); err == nil && len(offset) == 8 {
				digits, _, _ := strings.Cut(rest, "|")
				b, err := hex.DecodeString(strings.NewReplacer(" ", "", "-", "").Replace(digits))
				if err != nil {
					t.Fatalf("%s: %q: %v", file, line, err)
				}
				message = append(message, b...)
				continue
			}
			if message != nil && !yield(text, message) {
				return
			}
			text, message = strings.TrimSpace(line), nil
		}
		if message != nil {
			yield(text, message)
		}
	}
}
