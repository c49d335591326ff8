package server

import (
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts requests by operation, which is a fixed set.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	watchers prometheus.Gauge
	denied   *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sdnd_api_requests_total",
			Help: "Requests answered, by operation of the API and HTTP status code.",
		}, []string{"operation", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "sdnd_api_request_duration_seconds",
			Help:    "Time to answer a request, by operation of the API. Waits and watches last as long as they are asked to.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 4, 9),
		}, []string{"operation"}),
		watchers: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sdnd_api_watchers",
			Help: "Watches that are open now.",
		}),
		denied: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sdnd_api_denied_total",
			Help: "Requests denied because of who made them, or how many, by the code of the error.",
		}, []string{"code"}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.seconds, m.watchers, m.denied)
	}
	return m
}

// observe is the middleware that counts requests.
func (m *metrics) observe(ctx huma.Context, next func(huma.Context)) {
	start := time.Now()
	next(ctx)
	op := ctx.Operation().OperationID
	code := ctx.Status()
	if code == 0 {
		code = 200
	}
	m.requests.WithLabelValues(op, strconv.Itoa(code)).Inc()
	m.seconds.WithLabelValues(op).Observe(time.Since(start).Seconds())
}
