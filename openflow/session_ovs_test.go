package openflow

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func prefix32(ip [4]byte) netip.Prefix { return netip.PrefixFrom(netip.AddrFrom4(ip), 32) }

func testContext(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	tb.Cleanup(cancel)
	return ctx
}

func TestOVSHandshake(t *testing.T) {
	o := startOVS(t)
	s := o.session(Config{Role: RoleMaster, GenerationID: 7})
	if got := s.Features().DatapathID; got != 0xa1 {
		t.Errorf("datapath id %v, want a1", got)
	}
	if got := s.Desc(); got.Manufacturer != "Nicira, Inc." || !strings.HasPrefix(got.Software, "2.") && !strings.HasPrefix(got.Software, "3.") {
		t.Errorf("description %+v", got)
	}
	if got := portNames(s.Ports()); !slices.Equal(got, []string{"br0", "p1", "p2"}) {
		t.Errorf("ports %q", got)
	}
	m, err := s.Do(testContext(t), &RoleRequest{Role: RoleNoChange})
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := m.(*RoleReply); !ok || r.Role != RoleMaster || r.GenerationID != 7 {
		t.Errorf("role reply %+v", m)
	}
}

func portNames(ports []Port) []string {
	var names []string
	for _, p := range ports {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return names
}

func TestOVSBundle(t *testing.T) {
	o, ctx := startOVS(t), testContext(t)
	s := o.session(Config{})
	const n = 10_000
	if err := s.Bundle(ctx, BundleAtomic|BundleOrdered, testMods(n)); err != nil {
		t.Fatal(err)
	}
	got := make([]bool, n)
	err := s.Flows(ctx, AllFlows(), func(f *FlowStats) error {
		i := int(f.Cookie) - 1
		if i < 0 || i >= n || got[i] {
			t.Errorf("flow %v is not ours or there twice", f)
			return errors.New("stop")
		}
		got[i] = true
		if want := testFlow(i); f.Table != want.Table || f.Priority != want.Priority {
			t.Errorf("flow %d: table %d priority %d", i, f.Table, f.Priority)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if i := slices.Index(got, false); i >= 0 {
		t.Errorf("flow %d is missing", i)
	}
	sum, err := s.Aggregate(ctx, AllFlows())
	if err != nil || sum.Flows != n {
		t.Errorf("aggregate: %+v, %v", sum, err)
	}
	tables, err := s.Tables(ctx)
	if err != nil || len(tables) < 11 || tables[10].Active != n {
		t.Errorf("tables: %v", err)
	}
	if err := s.Bundle(ctx, BundleAtomic|BundleOrdered, slices.Values([][]byte{
		AppendFlowDeleteByCookie(nil, 0, TableAll, 17),
		AppendFlowDeleteByCookie(nil, 0, 10, 18),
	})); err != nil {
		t.Fatal(err)
	}
	if got := o.countFlows(); got != "9998" {
		t.Errorf("ovs-ofctl sees %s flows", got)
	}
}
