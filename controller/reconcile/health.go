package reconcile

import (
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// SetHealth takes what health checks have found of backends.
func (f *Fabric) SetHealth(changes []pipeline.HealthChange) { f.post(healthFound(changes)) }

// healthFound: health checks have found something else of some backends than before.
type healthFound []pipeline.HealthChange

func (e healthFound) happen(d *dispatcher) {
	for _, h := range e {
		if was := d.view.Health(h.Service, h.Port); was.Healthy != h.After.Healthy {
			d.f.log.Info("a backend's health has changed", "service", h.Service, "port", h.Port, "healthy", h.After.Healthy, "why", h.After.Why)
		}
	}
	d.advance(pipeline.Update{Health: e})
}

// saveHealth saves what an update has changed of the health of backends, so that a restart
// goes on with it.
func (d *dispatcher) saveHealth(before *pipeline.View, u pipeline.Update) {
	for _, h := range pipeline.HealthChanges(before, d.view, u) {
		d.f.saver.putHealth(store.Health{
			Service: h.Service, Port: h.Port, Healthy: h.After.Healthy, Why: h.After.Why, Gone: h.After == pipeline.Health{},
		})
	}
}

// rememberedHealth returns what was saved of services that have health checks.
func rememberedHealth(topo *topology.Snapshot, saved []store.Health) (all []pipeline.HealthChange) {
	for _, h := range saved {
		if o, ok := topo.Service(h.Service); ok && o.Spec.HealthCheck != nil {
			all = append(all, pipeline.HealthChange{Service: h.Service, Port: h.Port, After: pipeline.Health{Healthy: h.Healthy, Why: h.Why}})
		}
	}
	return all
}
