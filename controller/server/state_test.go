package server

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

func TestAcks(t *testing.T) {
	b := newBed(t, nil)
	ctx := t.Context()
	b.declareBlue()
	node1 := status.Pending{Node: "node1", Connected: true, Wanted: 1, Reason: "not confirmed yet"}
	node2 := status.Pending{Node: "node2", Wanted: 1, Reason: "not connected"}
	b.fabric.setPending(node1, node2)
	a, err := b.client.Acks(ctx, 1, 0)
	want := api.Acks{Revision: 1, Pending: []api.Pending{
		{Node: "node1", Connected: true, Wanted: 1, Reason: "not confirmed yet"},
		{Node: "node2", Wanted: 1, Reason: "not connected"},
	}}
	if diff := cmp.Diff(want, a); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	var seen []int
	waited := make(chan error, 1)
	progress := make(chan struct{}, 8)
	go func() {
		waited <- b.client.Wait(ctx, 1, func(a api.Acks) {
			seen = append(seen, len(a.Pending))
			progress <- struct{}{}
		})
	}()
	<-progress
	b.fabric.setPending(node2)
	<-progress
	b.fabric.setPending()
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{2, 1, 0}, seen); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
}

func TestAcksRefusals(t *testing.T) {
	b := newBed(t, nil)
	if e := b.refused("GET", "/v1/revisions/7/acks", "", nil); e.Code != api.CodeNotFound || !strings.Contains(e.Message, "newest is 0") {
		t.Errorf("future revision: %+v", e)
	}
	for _, wait := range []string{"x", "-1s", "1h"} {
		if e := b.refused("GET", "/v1/revisions/0/acks?wait="+wait, "", nil); e.Code != api.CodeInvalid {
			t.Errorf("wait=%s: %+v", wait, e)
		}
	}
	if e := b.refused("GET", "/v1/revisions/x/acks", "", nil); e.Code != api.CodeInvalid {
		t.Errorf("revision x: %+v", e)
	}
}

func TestAcksAnswerInTime(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	b.fabric.setPending(status.Pending{Node: "node1", Wanted: 1})
	a, err := b.client.Acks(t.Context(), 1, 10*time.Millisecond)
	if err != nil || a.Done || len(a.Pending) != 1 {
		t.Errorf("%+v %v", a, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.client.Wait(ctx, 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestStatusAndNodes(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	b.apply(object(t, "main", model.RouterSpec{Networks: []string{"blue"}}))
	since := clock().Add(-time.Hour)
	b.fabric.setNode(status.Node{
		Node: "node1", Connected: true, Since: since, Address: "192.168.50.11:41234", OVSVersion: "3.1.0",
		Wanted: 2, Acknowledged: 2, InSync: true, Items: pipeline.Counts{24, 3, 2}, Ports: 4, TunnelPort: true, OVSDB: true,
	})
	refused := condition.Condition{
		Reason: condition.FlowsRefused, Severity: condition.Error, Message: "table 20: bundle refused", Action: "look", Since: since,
	}
	b.fabric.setNode(status.Node{
		Node: "node2", Wanted: 2, LastError: "table 20: bundle refused", Conditions: []condition.Condition{refused},
	})
	b.fabric.switches = []status.Switch{{DatapathID: 7}}
	got, err := b.client.Status(t.Context())
	want := api.Status{
		Version: "test", StartedAt: clock(), Revision: 2, Nodes: 2, NodesConnected: 1, NodesInSync: 1,
		Networks: 1, Routers: 1, Ports: 2, Switches: 1, NodesReady: 1, PortsBound: 2, PortsReady: 2,
		Reasons: []api.ReasonCount{{Reason: "FlowsRefused", Severity: api.SeverityError, Count: 1}},
		Objects: []api.ObjectConditions{{Object: "node/node2", Conditions: []api.Condition{{
			Reason: "FlowsRefused", Severity: api.SeverityError, Message: "table 20: bundle refused", Action: "look", Since: since.UTC(),
		}}}},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	node, err := b.client.Node(t.Context(), "node1")
	wantNode := &api.NodeStatus{
		Ready: true, Conditions: []api.Condition{},
		DatapathID: model.DatapathIDFor("node1").String(), Connected: true, Since: &since, Address: "192.168.50.11:41234",
		OVSVersion: "3.1.0", WantedRevision: 2, AcknowledgedRevision: 2, InSync: true, Flows: 24, Groups: 3, Meters: 2, Ports: 4, TunnelPort: true, OVSDB: true,
	}
	if diff := cmp.Diff(wantNode, node.Status); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	node, err = b.client.Node(t.Context(), "node2")
	if err != nil || node.Status.LastError != "table 20: bundle refused" || node.Status.Since != nil || node.Status.Ready {
		t.Errorf("node2: %+v %v", node.Status, err)
	}
	wantConditions := []api.Condition{{
		Reason: "FlowsRefused", Severity: api.SeverityError, Message: "table 20: bundle refused", Action: "look", Since: since.UTC(),
	}}
	if diff := cmp.Diff(wantConditions, node.Status.Conditions); diff != "" {
		t.Errorf("conditions of node2 (-want +got):\n%s", diff)
	}
}

func TestSwitches(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	taken := model.DatapathIDFor("node1")
	b.fabric.switches = []status.Switch{
		{DatapathID: taken, Address: "192.168.50.66:40112", Since: clock(), Reason: "another connection has this datapath id"},
		{Address: "192.168.50.14:40113", Since: clock(), Reason: "switch offers OpenFlow 1.0, but not OpenFlow 1.3", Action: "allow it"},
		{DatapathID: 0xa1, Address: "192.168.50.13:40112", OVSVersion: "3.1.0", Since: clock(), Reason: "no node has this datapath id"},
	}
	got, err := b.client.Switches(t.Context())
	want := api.Switches{Items: []api.Switch{
		{Address: "192.168.50.14:40113", Since: clock(), Reason: "switch offers OpenFlow 1.0, but not OpenFlow 1.3", Action: "allow it"},
		{
			DatapathID: "00000000000000a1", Address: "192.168.50.13:40112", OVSVersion: "3.1.0", Since: clock(), Reason: "no node has this datapath id",
			Adopt: "sdnctl node adopt 00000000000000a1 NAME --tunnel-ip 192.168.50.13",
		},
		{DatapathID: taken.String(), Address: "192.168.50.66:40112", Since: clock(), Reason: "another connection has this datapath id"},
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestFlows(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	flow := func(table openflow.TableID, priority uint16, ip string) openflow.Flow {
		return openflow.Flow{
			Table: table, Priority: priority, Cookie: 0xab,
			Match:        openflow.Match{}.EthType(0x0800).IPv4Dst(netip.MustParsePrefix(ip + "/32")),
			Instructions: openflow.Instructions{}.GotoTable(60),
		}
	}
	b.fabric.flows = []worker.FlowView{
		{Flow: flow(20, 1, "10.0.0.3"), TableName: "arp", Installed: true},
		{Flow: flow(0, 100, "10.0.0.2"), TableName: "classify", Owner: topology.Ref{Kind: topology.KindPort, Name: "web1"}, Why: "because", Wanted: true, Installed: true, Packets: 3, Bytes: 99},
		{Flow: flow(0, 200, "10.0.0.9"), TableName: "classify", Wanted: true},
	}
	got, err := b.client.Flows(t.Context(), "node1")
	want := api.Flows{Node: "node1", Flows: []api.Flow{
		{Table: 0, TableName: "classify", Priority: 200, Match: "ip,nw_dst=10.0.0.9", Actions: "goto_table:60", Cookie: "0xab", Installed: api.FlowMissing},
		{Table: 0, TableName: "classify", Priority: 100, Match: "ip,nw_dst=10.0.0.2", Actions: "goto_table:60", Cookie: "0xab", Object: "port/web1", Why: "because", Packets: 3, Bytes: 99, Installed: api.FlowInstalled},
		{Table: 20, TableName: "arp", Priority: 1, Match: "ip,nw_dst=10.0.0.3", Actions: "goto_table:60", Cookie: "0xab", Installed: api.FlowForeign},
	}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := b.client.Flows(t.Context(), "nowhere"); codeFrom(t, err) != api.CodeNotFound {
		t.Errorf("unknown node: %v", err)
	}
	b.fabric.flowsErr = errors.New("connection lost")
	if _, err := b.client.Flows(t.Context(), "node1"); codeFrom(t, err) != api.CodeUnavailable {
		t.Errorf("failure: %v", err)
	}
}

func TestGroupsAndMeters(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	owner := topology.Ref{Kind: topology.KindPort, Name: "web1"}
	b.fabric.groups = []worker.NumberedView{
		{Number: 7, Text: "group_id=7,type=all", Owner: owner, Why: "because", Wanted: true, Installed: true, Flows: 1, Packets: 3, Bytes: 99},
		{Number: 8, Text: "group_id=8,type=all", Owner: owner, Why: "because", Wanted: true},
		{Number: 9, Text: "group_id=9,type=all", Installed: true},
	}
	b.fabric.meters = []worker.NumberedView{{Number: 7, Text: "meter=7 kbps", Owner: owner, Wanted: true, Installed: true, Flows: 1, Packets: 3, Bytes: 99, Exceeded: 2}}
	groups, err := b.client.Groups(t.Context(), "node1")
	if diff := cmp.Diff(api.Groups{Node: "node1", Groups: []api.Group{
		{ID: 7, Group: "group_id=7,type=all", Object: "port/web1", Why: "because", Flows: 1, Packets: 3, Bytes: 99, Installed: api.FlowInstalled},
		{ID: 8, Group: "group_id=8,type=all", Object: "port/web1", Why: "because", Installed: api.FlowMissing},
		{ID: 9, Group: "group_id=9,type=all", Installed: api.FlowForeign},
	}}, groups); diff != "" || err != nil {
		t.Errorf("groups: %v (-want +got):\n%s", err, diff)
	}
	meters, err := b.client.Meters(t.Context(), "node1")
	if diff := cmp.Diff(api.Meters{Node: "node1", Meters: []api.Meter{
		{ID: 7, Meter: "meter=7 kbps", Object: "port/web1", Flows: 1, Packets: 3, Bytes: 99, Exceeded: 2, Installed: api.FlowInstalled},
	}}, meters); diff != "" || err != nil {
		t.Errorf("meters: %v (-want +got):\n%s", err, diff)
	}
	if _, err := b.client.Groups(t.Context(), "nowhere"); codeFrom(t, err) != api.CodeNotFound {
		t.Errorf("groups of an unknown node: %v", err)
	}
	b.fabric.flowsErr = errors.New("connection lost")
	if _, err := b.client.Meters(t.Context(), "node1"); codeFrom(t, err) != api.CodeUnavailable {
		t.Errorf("failure: %v", err)
	}
}

func TestDaemonRoutes(t *testing.T) {
	reg := prometheus.NewRegistry()
	var notReady error
	b := newBed(t, func(c *Config) {
		c.Registerer = reg
		c.Metrics = promhttp.HandlerFor(reg, promhttp.HandlerOpts{})
		c.Ready = func() error { return notReady }
	})
	if resp, body := b.raw("GET", "/healthz", "", nil); resp.StatusCode != http.StatusOK || body != "ok\n" {
		t.Errorf("healthz: %s %q", resp.Status, body)
	}
	if resp, _ := b.raw("GET", "/readyz", "", nil); resp.StatusCode != http.StatusOK {
		t.Errorf("readyz: %s", resp.Status)
	}
	notReady = errors.New("stopping")
	if e := b.refused("GET", "/readyz", "", nil); e.Status != http.StatusServiceUnavailable || !strings.Contains(e.Message, "stopping") {
		t.Errorf("readyz: %+v", e)
	}
	b.refused("GET", "/v1/ports/none", "", nil)
	_, text := b.raw("GET", "/metrics", "", nil)
	for _, want := range []string{
		`sdnd_api_requests_total{code="404",operation="get-port"} 1`,
		`sdnd_api_requests_total{code="503",operation="readyz"} 1`,
		`sdnd_api_request_duration_seconds_count{operation="healthz"} 1`,
		`sdnd_api_watchers 0`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics have no %s", want)
		}
	}
}
