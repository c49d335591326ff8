package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/topology"
)

func TestDriftsAndAudit(t *testing.T) {
	b := newBed(t, nil)
	b.declareBlue()
	b.fabric.drifts = []worker.Drift{
		{Seq: 1, Time: clock(), Node: "node1", What: "deleted", Table: "forward", Before: "b", By: "monitor",
			Owner: topology.Ref{Kind: topology.KindPort, Name: "web"}},
		{Seq: 2, Time: clock(), Node: "node2", What: "added", Table: "arp", After: "a", By: "audit"},
	}
	all, err := b.client.Drifts(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	want := []api.Drift{
		{Seq: 1, Time: clock(), Node: "node1", What: "deleted", Table: "forward", Object: "port/web", Before: "b", By: "monitor"},
		{Seq: 2, Time: clock(), Node: "node2", What: "added", Table: "arp", After: "a", By: "audit"},
	}
	if diff := cmp.Diff(want, all.Items); diff != "" {
		t.Errorf("drifts (-want +got):\n%s", diff)
	}
	one, err := b.client.Drifts(t.Context(), "node1")
	if err != nil || len(one.Items) != 1 || one.Items[0].Node != "node1" {
		t.Errorf("drifts of node1: %+v, %v", one, err)
	}
	b.fabric.verdict = worker.Differs
	audit, err := b.client.Audit(t.Context(), "node1")
	if diff := cmp.Diff(api.Audit{Node: "node1", Verdict: "differs", Missing: 1}, audit); diff != "" || err != nil {
		t.Errorf("audit: %v (-want +got):\n%s", err, diff)
	}
	if _, err := b.client.Audit(t.Context(), "nosuch"); err == nil {
		t.Error("a node that does not exist was audited")
	}
	if _, err := b.client.Drifts(t.Context(), "nosuch"); err == nil {
		t.Error("a node that does not exist has drifts")
	}
}
