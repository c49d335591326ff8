package session

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/openflow"
)

// TestOVSKeepsTheMeaning installs every kind of flow in a real Open vSwitch,
// reads it back, and compares the text: OVS may reorder fields, but our text of both
// must be one. All else it must keep byte for byte, for a flow's cookie is a hash of
// its bytes.
func TestOVSKeepsTheMeaning(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	s := o.session(Config{})
	// What OVS rightly refuses here, and why.
	refused := map[string]string{
		"every instruction": "OFPMMFC_INVALID_METER", // there is no meter 6
		"groups and queues": "OFPBAC_BAD_OUT_GROUP",  // nor a group 4
	}
	// Kinds whose fields are in another order than that of Open vSwitch. It keeps
	// the bytes of all others.
	reordered := map[string]bool{"classify": true, "to a tunnel": true, "masks": true, "route": true, "ct state": true}
	for _, k := range flowKinds(t) {
		err := s.Bundle(ctx, openflow.BundleAtomic, slices.Values([][]byte{
			encode(t, openflow.NewFlowMod(openflow.FlowDelete, openflow.Flow{Table: openflow.TableAll})), k.flow.AppendAdd(nil, 0)}))
		if why := refused[k.name]; why != "" {
			if err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: error %v, want %s", k.name, err, why)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", k.name, err)
			continue
		}
		found := false
		if err := s.Flows(ctx, openflow.AllFlows(), func(f *openflow.FlowStats) error {
			if f.Table == k.flow.Table && f.Priority == k.flow.Priority && f.Cookie == k.flow.Cookie {
				found = true
				if diff := cmp.Diff(k.want, f.Flow.String()); diff != "" {
					t.Errorf("%s: sent (-) and read back (+):\n%s", k.name, diff)
				}
				same := bytes.Equal(f.Match, k.flow.Match) && bytes.Equal(f.Instructions, k.flow.Instructions)
				if same == reordered[k.name] {
					t.Errorf("%s: read back with the same bytes: %t", k.name, same)
				}
			}
			return nil
		}); err != nil || !found {
			t.Errorf("%s: found %v, error %v", k.name, found, err)
		}
	}
}

// TestOVSKeepsItsOwnFlows shows the one deletion by cookie that Open vSwitch
// refuses; see AppendFlowDeleteByCookie.
func TestOVSKeepsItsOwnFlows(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	s := o.session(Config{})
	for _, tt := range []struct {
		table openflow.TableID
		c     openflow.Cookie
		ok    bool
	}{{openflow.TableAll, 1, true}, {0, 0, true}, {openflow.TableAll, 0, false}} {
		err := s.Bundle(ctx, openflow.BundleAtomic, slices.Values([][]byte{openflow.AppendFlowDeleteByCookie(nil, 0, tt.table, tt.c)}))
		if (err == nil) != tt.ok || err != nil && !strings.Contains(err.Error(), "OFPBRC_EPERM") {
			t.Errorf("table %d cookie %v: %v", tt.table, tt.c, err)
		}
	}
}
