package openflow

import (
	"encoding/hex"
	"fmt"
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
	match := fmt.Sprintf("priority=%d,%v", f.Priority, f.Match)
	add(true, "%s", strings.TrimSuffix(match, ","))
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
