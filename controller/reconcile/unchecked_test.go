package reconcile_test

import (
	"net/netip"
	"testing"
	"testing/synctest"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// TestUnchecked: a service has a condition while the node of a backend that has not passed is
// away, and none for the others.
func TestUnchecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newScriptBed(t)
		defer b.stop()
		b.run([]string{"apply"}, []string{"node n1", "node n2", "network pods segmented 10.1.0.0/16", "port web1 pods n1 eth1", "port web2 pods n2 eth1"})
		if err := b.store.apply([]topology.Op{{Verb: topology.Put, Ref: topology.Ref{Kind: model.KindService, Name: "web"}, Spec: model.ServiceSpec{
			Addresses: []netip.Addr{netip.MustParseAddr("10.96.0.10")}, Networks: []string{"pods"}, Ports: []model.ServicePort{{Port: 80}},
			Backends: model.ServiceBackends{Endpoints: []model.ServiceEndpoint{{Port: "web1"}, {Port: "web2"}}}, HealthCheck: &model.HealthCheck{},
		}}}); err != nil {
			t.Fatal(err)
		}
		b.run([]string{"connect", "n1", "eth1"}, nil)
		b.run([]string{"connect", "n2", "eth1"}, nil)
		expect := func(when string, unchecked, unhealthy int, word string) {
			t.Helper()
			synctest.Wait()
			is := b.fabric.Summary(0).Reasons
			if is[condition.BackendUnchecked] != unchecked || is[condition.BackendUnhealthy] != unhealthy {
				t.Errorf("%s: %v, want %d services with backends that cannot be checked, %d with unhealthy ones", when, is, unchecked, unhealthy)
			}
			if got := b.fabric.ServiceStatus(b.store.Snapshot(), "web").Health["web2"].Unchecked; got != word {
				t.Errorf("%s: web2 is not checked because %q, want %q", when, got, word)
			}
		}
		expect("both wait", 0, 1, "")
		b.run([]string{"disconnect", "n2"}, nil)
		expect("the node of web2 is away", 1, 1, "its node n2 is not connected")
		b.fabric.SetHealth([]pipeline.HealthChange{{Service: "web", Port: "web1", After: pipeline.Health{Healthy: true}}})
		expect("the other has passed", 1, 0, "its node n2 is not connected")
		b.run([]string{"connect", "n2", "eth1"}, nil)
		expect("the node is back", 0, 1, "")
		b.fabric.SetHealth([]pipeline.HealthChange{{Service: "web", Port: "web2", After: pipeline.Health{Healthy: true}}})
		b.run([]string{"disconnect", "n2"}, nil)
		expect("it has passed, and keeps its health", 0, 0, "its node n2 is not connected")
	})
}
