package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sdnctl/sdnctl/controller/pki"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/topology/store"
)

// expiry is the metric of when certificates expire: sdnd's own, the authority's
// and those that nodes connected with.
type expiry struct {
	source *pki.Source
	store  store.Reader
	fabric *reconcile.Fabric
	desc   *prometheus.Desc
	failed *prometheus.Desc
}

func newExpiry(source *pki.Source, st store.Reader, fabric *reconcile.Fabric) *expiry {
	return &expiry{
		source: source, store: st, fabric: fabric,
		desc: prometheus.NewDesc("sdnd_tls_certificate_expiry_seconds",
			"Time until a certificate expires, negative once it has: own and ca of sdnd, node/NAME as that node last connected with.",
			[]string{"certificate"}, nil),
		failed: prometheus.NewDesc("sdnd_tls_reload_failed",
			"1 while the files of the certificates have changed to what cannot be used, and the old ones stay in use.", nil, nil),
	}
}

// Describe is part of prometheus.Collector.
func (e *expiry) Describe(c chan<- *prometheus.Desc) {
	c <- e.desc
	c <- e.failed
}

// Collect is part of prometheus.Collector.
func (e *expiry) Collect(c chan<- prometheus.Metric) {
	observe := func(name string, end time.Time) {
		c <- prometheus.MustNewConstMetric(e.desc, prometheus.GaugeValue, time.Until(end).Seconds(), name)
	}
	for _, x := range e.source.Expiries() {
		observe(x.Certificate, x.NotAfter)
	}
	for n := range e.store.Snapshot().Nodes() {
		if s, ok := e.fabric.NodeStatus(n.Name); ok && !s.CertificateExpires.IsZero() {
			observe("node/"+n.Name, s.CertificateExpires)
		}
	}
	failed := 0.0
	if e.source.Err() != nil {
		failed = 1
	}
	c <- prometheus.MustNewConstMetric(e.failed, prometheus.GaugeValue, failed)
}
