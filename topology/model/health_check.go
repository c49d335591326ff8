package model

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// HealthCheck says how sdnd finds out which backends of a service answer. The probes come
// from the gateway of the backend's network, straight to the backend's port.
type HealthCheck struct {
	// Protocol as stored is never empty.
	Protocol CheckProtocol `json:"protocol" required:"false" doc:"tcp: the port accepts a connection, which is reset at once. http: the port answers GET with a status from 200 to 399. icmp: the backend answers a ping" enum:"tcp,http,icmp" default:"tcp" example:"tcp"`
	// Port as stored is zero with icmp, and else never.
	Port TargetPort `json:"port,omitzero" doc:"With tcp and http, the port at the backends, by number or by its name among their namedPorts; that of the service's first port of TCP when absent" example:"8080"`
	// Path as stored is empty except with http.
	Path string `json:"path,omitempty" doc:"With http, what is asked for; / when absent" maxLength:"200" example:"/healthz"`
	Host string `json:"host,omitempty" doc:"With http, the header Host; the backend's address and port when absent" maxLength:"253" example:"web.example"`
	// Interval, Timeout, Failures and Successes as stored are never 0.
	Interval  Duration `json:"interval,omitzero" doc:"From one probe of a backend to the next, 1s to 5m; 5s when absent" example:"5s"`
	Timeout   Duration `json:"timeout,omitzero" doc:"How long an answer may take, 1s to the interval; 2s when absent, or the interval if that is shorter" example:"2s"`
	Failures  int      `json:"failures,omitempty" doc:"After how many failed probes in a row a backend gets no new connections, 1 to 10; 3 when absent" example:"3"`
	Successes int      `json:"successes,omitempty" doc:"After how many good probes in a row a backend that has failed gets new connections again, 1 to 10; 1 when absent" example:"1"`
}

// CheckProtocol is the protocol of a health check.
type CheckProtocol string

// The protocols.
const (
	CheckTCP  CheckProtocol = "tcp"
	CheckHTTP CheckProtocol = "http"
	CheckICMP CheckProtocol = "icmp"
)

// UnmarshalText reads a protocol in any case.
func (p *CheckProtocol) UnmarshalText(b []byte) error {
	*p = CheckProtocol(strings.ToLower(string(b)))
	return nil
}

// Bounds of health checks.
const (
	DefaultCheckInterval = Duration(5 * time.Second)
	DefaultCheckTimeout  = Duration(2 * time.Second)
	DefaultCheckFailures = 3
	MaxCheckInterval     = Duration(5 * time.Minute)
	// MaxCheckThreshold is the most failures or successes in a row.
	MaxCheckThreshold = 10
	// MaxCheckPath and MaxCheckHost are how many bytes a path and a host have at most. Together
	// with the rest of the question they are in one packet, whatever the MTU is.
	MaxCheckPath = 200
	MaxCheckHost = 253
)

// normal checks the health check of a service with some ports, and returns a copy of it with
// defaults.
func (h *HealthCheck) normal(ports []ServicePort, bad Reporter) *HealthCheck {
	const field = "spec.healthCheck"
	if h == nil {
		return nil
	}
	c := *h
	switch c.Protocol {
	case "", CheckTCP, CheckHTTP:
		c.Protocol = cmp.Or(c.Protocol, CheckTCP)
		c.Port = c.portAmong(ports)
		if c.Port.IsZero() {
			bad(Invalid, field+".port", "the service has no port of TCP to check", "give spec.healthCheck.port, or check by icmp")
		}
	case CheckICMP:
		if !c.Port.IsZero() {
			bad(Invalid, field+".port", "a ping has no port", "leave the port out, or check by tcp or http")
		}
	case "https":
		bad(Invalid, field+".protocol", "sdnd cannot ask by https", "have the backends answer http on a port of its own and give that, or check by tcp that the port accepts connections")
	default:
		bad(Invalid, field+".protocol", fmt.Sprintf("%q is not a protocol of health checks", string(c.Protocol)), "write tcp, http or icmp")
	}
	c.normalQuestion(field, bad)
	if c.Interval == 0 {
		c.Interval = DefaultCheckInterval
	}
	if c.Interval > MaxCheckInterval {
		bad(Invalid, field+".interval", c.Interval.String()+" is too long", fmt.Sprintf("give 1s to %v", MaxCheckInterval))
	}
	if c.Timeout == 0 {
		c.Timeout = min(DefaultCheckTimeout, c.Interval)
	}
	if c.Timeout > c.Interval {
		bad(Invalid, field+".timeout", fmt.Sprintf("%v is longer than the interval of %v", c.Timeout, c.Interval), "give at most the interval")
	}
	if c.Failures == 0 {
		c.Failures = DefaultCheckFailures
	}
	if c.Successes == 0 {
		c.Successes = 1
	}
	for name, n := range map[string]int{"failures": c.Failures, "successes": c.Successes} {
		if n < 1 || n > MaxCheckThreshold {
			bad(Invalid, field+"."+name, fmt.Sprintf("%d is out of range", n), fmt.Sprintf("give 1 to %d", MaxCheckThreshold))
		}
	}
	return &c
}

// normalQuestion checks what is asked by HTTP, and fills in the path.
func (h *HealthCheck) normalQuestion(field string, bad Reporter) {
	if h.Protocol != CheckHTTP {
		if h.Protocol != CheckTCP && h.Protocol != CheckICMP {
			return // one problem is enough
		}
		if h.Path != "" {
			bad(Invalid, field+".path", "only a check by http has a path", "leave it out, or check by http")
		}
		if h.Host != "" {
			bad(Invalid, field+".host", "only a check by http has a host", "leave it out, or check by http")
		}
		return
	}
	h.Path = cmp.Or(h.Path, "/")
	if h.Path[0] != '/' || len(h.Path) > MaxCheckPath || !printable(h.Path, false) || strings.Contains(h.Path, "#") {
		bad(Invalid, field+".path", fmt.Sprintf("%.70q is not a path", h.Path), fmt.Sprintf("begin with / and use at most %d characters of printable ASCII without spaces and #, such as /healthz", MaxCheckPath))
	}
	if len(h.Host) > MaxCheckHost || h.Host != "" && !printable(h.Host, false) || strings.ContainsAny(h.Host, "/?#@") {
		bad(Invalid, field+".host", fmt.Sprintf("%.70q is not a host", h.Host), fmt.Sprintf("write a name or an address of at most %d characters, with a port if need be, such as web.example:8080", MaxCheckHost))
	}
}

// portAmong returns the port that is checked by TCP or HTTP.
func (h *HealthCheck) portAmong(ports []ServicePort) TargetPort {
	if !h.Port.IsZero() {
		return h.Port
	}
	for _, p := range ports {
		if p.Protocol == ProtocolTCP {
			return p.TargetPort
		}
	}
	return TargetPort{}
}

// Number returns the number that is checked at a backend with named ports; 0 if the check
// names a port that the backend has not.
func (h *HealthCheck) Number(named map[string]PolicyPort) uint16 {
	if h.Port.Name == "" {
		return h.Port.Number
	}
	if is := named[h.Port.Name]; is.Protocol == ProtocolTCP {
		return is.First
	}
	return 0
}
