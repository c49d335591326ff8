package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/sdnctl/sdnctl/controller/version"
	"github.com/sdnctl/sdnctl/topology/store"
)

// newRegistry makes the registry of the daemon's metrics, with those of the
// process and of the topology.
func newRegistry(st store.Reader) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newPools(st.Snapshot),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "sdnd_build_info",
			Help:        "Always 1; the label has the version.",
			ConstLabels: prometheus.Labels{"version": version.String()},
		}, func() float64 { return 1 }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "sdnd_topology_revision",
			Help: "Current revision of the declared topology.",
		}, func() float64 { return float64(st.Snapshot().Revision()) }),
	)
	for kind, count := range map[string]func() int{
		"node":    func() int { return st.Snapshot().NumNodes() },
		"network": func() int { return st.Snapshot().NumNetworks() },
		"port":    func() int { return st.Snapshot().NumPorts() },
	} {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "sdnd_topology_objects",
			Help:        "Declared objects by kind.",
			ConstLabels: prometheus.Labels{"kind": kind},
		}, func() float64 { return float64(count()) }))
	}
	return reg
}
