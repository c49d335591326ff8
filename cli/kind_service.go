package cli

import (
	"encoding"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

type serviceView = view[model.ServiceSpec, api.ServiceStatus]

func serviceKind() kindDef {
	columns := []column[serviceView]{
		{header: "ADDRESSES", cell: serviceAddressesText},
		{header: "PORTS", cell: servicePortsText},
		{header: "BACKENDS", cell: func(v serviceView) string { return backendsText(v.spec.Backends) }},
		{header: "AVAILABLE", cell: func(v serviceView) string { return fmt.Sprintf("%d/%d", v.status.BackendsReady, v.status.BackendCount) }},
		{header: "FOR", cell: func(v serviceView) string { return scopesText(v.spec) }},
		{header: "CONDITIONS", cell: func(v serviceView) string { return conditionsText(v.status.Conditions) }},
	}
	return kindDef{
		kind:     api.KindService,
		is:       "an address under which clients reach one of several ports",
		flags:    serviceFlags,
		print:    tablePrinter(columns),
		details:  detailPrinter(columns, serviceDetails),
		more:     showServiceCounters,
		optional: "backends",
		required: []string{"ports"},
		example:  "web --address 10.96.0.10 --router r1 --ports tcp/80:8080 --backends app=web",
		change:   "web --backends app=web,tier=front",
		pin:      pinning(pinService),
	}
}

func serviceFlags(a *app, cmd *cobra.Command) specFlags {
	affinity := specFlag[model.ServiceSpec]{
		name: "session-affinity", usage: "whether clients keep their backend, by `kind`: ClientIP (new connections from one address go where the last one went) or None (default None)",
		fixed: []string{string(model.AffinityNone), string(model.AffinityClientIP)}, set: setServiceAffinity,
	}
	internal := specFlag[model.ServiceSpec]{
		name: "internal-traffic-policy", usage: "which backends ports of the networks reach, by `policy`: Cluster (any) or Local (those on their own node) (default Cluster)",
		fixed: []string{string(model.TrafficCluster), string(model.TrafficLocal)},
		set: func(s *model.ServiceSpec, text string, _ bool) error {
			return s.InternalTrafficPolicy.UnmarshalText([]byte(text))
		},
	}
	external := specFlag[model.ServiceSpec]{
		name: "external-traffic-policy", usage: "which backends machines outside reach, by `policy`: Cluster (any) or Local (those on the node whose node port they use, or that has the addresses on the uplink) (default Cluster)",
		fixed: []string{string(model.TrafficCluster), string(model.TrafficLocal)},
		set: func(s *model.ServiceSpec, text string, _ bool) error {
			return s.ExternalTrafficPolicy.UnmarshalText([]byte(text))
		},
	}
	return addSpecFlags(a, cmd, []specFlag[model.ServiceSpec]{
		{name: "address", usage: "`address` of the service, in no subnet of the networks that may use it; needed unless the service is headless; may be repeated, or several separated by commas", many: true, set: func(s *model.ServiceSpec, text string, first bool) error {
			return setAddresses(&s.Addresses, text, first)
		}},
		{name: "network", usage: "`network` whose ports may use the service; may be repeated, or several separated by commas", many: true, refers: api.KindNetwork,
			set: func(s *model.ServiceSpec, text string, first bool) error { return setNames(&s.Networks, text, first) }},
		{name: "router", usage: "`router` all of whose networks may use the service; may be repeated, or several separated by commas", many: true, refers: api.KindRouter,
			set: func(s *model.ServiceSpec, text string, first bool) error { return setNames(&s.Routers, text, first) }},
		{name: "ports", usage: "`port` of the service and, after a colon, that of the backends, such as tcp/80:8080, udp/53, http=tcp/80:8080 or tcp/80:web with the backends' own numbers of web, and behind @ the port of nodes by which machines outside reach it, as in tcp/80:8080@30080, or @auto for a free one; may be repeated, or several separated by commas", many: true, set: setServicePorts},
		{name: "backends", usage: "ports that answer, as a `selector` such as app=web; '*' for all, group:NAME or network:NAME", set: setServiceBackends},
		{name: "endpoint", usage: "`port` that answers, instead of a selector, with :draining behind its name if it gets no new connections; may be repeated, or several separated by commas", many: true, refers: api.KindPort, set: setServiceEndpoints},
		{name: "health-check", usage: "which backends get new connections, by `check`: tcp (their port accepts connections), http:/PATH (their port answers GET with a status from 200 to 399) or icmp (they answer pings), or none; with details as in tcp,port=8081,interval=5s,timeout=2s,failures=3,successes=1 or http:/healthz,host=web.example", set: setHealthCheck},
		{name: "uplink", usage: "addresses of the service on the network of an uplink of the type bridge, by which machines outside reach it, as `uplink:address`, several addresses separated by commas; none for no such addresses", refers: api.KindUplink, set: setServiceUplink},
		boolFlag("headless", "whether the service has no addresses and its name has those of its backends instead: true or false (default false)", func(s *model.ServiceSpec) *bool { return &s.Headless }),
		boolFlag("publish-not-ready", "whether the name of a headless service has the addresses of backends that are not ready, too: true or false (default false)", func(s *model.ServiceSpec) *bool { return &s.PublishNotReadyAddresses }),
		affinity,
		internal,
		external,
		valueFlag("health-check-node-port", "`port` of nodes' addresses at which a load balancer outside asks by HTTP whether the node has backends, 30000 to 32767, auto for a free one, or 0 for none; with node ports and the external traffic policy Local only", func(s *model.ServiceSpec) encoding.TextUnmarshaler { return &s.HealthCheckNodePort }),
		valueFlag("draining-time", "`time` that connections to a backend go on once it gets no new ones, such as 5m; then they are reset (default as long as they like)", func(s *model.ServiceSpec) encoding.TextUnmarshaler { return &s.DrainingTime }),
		valueFlag("session-affinity-timeout", "`time` that a client keeps its backend after its last new connection, such as 10m (default 3h)", func(s *model.ServiceSpec) encoding.TextUnmarshaler { return &s.SessionAffinityTimeout }),
	})
}

// serviceAddressesText is the addresses, or that there are none.
func serviceAddressesText(v serviceView) string {
	if v.spec.Headless {
		return "headless"
	}
	return listText(v.spec.Addresses, ",", netip.Addr.String)
}

// setServiceUplink reads "none", or an uplink and addresses, as in ext:192.0.2.90.
func setServiceUplink(s *model.ServiceSpec, text string, _ bool) error {
	name, addresses, given := strings.Cut(text, ":")
	if !given && (name == "" || strings.EqualFold(name, "none")) {
		s.Uplink = nil
		return nil
	}
	s.Uplink = &model.ServiceUplink{Name: name}
	return setAddresses(&s.Uplink.Addresses, addresses, true)
}

// setHealthCheck reads "none", or a protocol, a path after a colon, and details of a check.
func setHealthCheck(s *model.ServiceSpec, text string, _ bool) error {
	first, details, _ := strings.Cut(text, ",")
	protocol, path, _ := strings.Cut(first, ":")
	if strings.EqualFold(protocol, "none") || protocol == "" {
		s.HealthCheck = nil
		return nil
	}
	c := &model.HealthCheck{Path: path}
	if err := c.Protocol.UnmarshalText([]byte(protocol)); err != nil {
		return err
	}
	for _, d := range strings.Split(details, ",") {
		if d == "" {
			continue
		}
		key, value, _ := strings.Cut(d, "=")
		var err error
		switch strings.ToLower(key) {
		case "port":
			err = model.SetText(&c.Port, value)
		case "host":
			c.Host = value
		case "interval":
			err = model.SetText(&c.Interval, value)
		case "timeout":
			err = model.SetText(&c.Timeout, value)
		case "failures":
			c.Failures, err = strconv.Atoi(value)
		case "successes":
			c.Successes, err = strconv.Atoi(value)
		default:
			err = fmt.Errorf("write port, host, interval, timeout, failures or successes")
		}
		if err != nil {
			return fmt.Errorf("%q is not a detail of a health check: %w", d, err)
		}
	}
	s.HealthCheck = c
	return nil
}

// healthCheckText is the check in words.
func healthCheckText(h *model.HealthCheck) string {
	what := "icmp"
	switch h.Protocol {
	case model.CheckTCP:
		what = "tcp/" + h.Port.String()
	case model.CheckHTTP:
		what = fmt.Sprintf("GET %s on tcp/%v", h.Path, h.Port)
		if h.Host != "" {
			what += " with host " + h.Host
		}
	}
	return fmt.Sprintf("%s every %v, within %v; unhealthy after %d failures, healthy after %d successes", what, h.Interval, h.Timeout, h.Failures, h.Successes)
}

// setServiceAffinity sets the affinity. Without one there is no timeout.
func setServiceAffinity(s *model.ServiceSpec, text string, _ bool) error {
	if err := s.SessionAffinity.UnmarshalText([]byte(text)); err != nil {
		return err
	}
	if s.SessionAffinity != model.AffinityClientIP {
		s.SessionAffinityTimeout = 0
	}
	return nil
}

// setAddresses adds addresses, separated by commas, to a list.
func setAddresses(list *[]netip.Addr, text string, first bool) error {
	if first {
		*list = nil
	}
	for _, t := range strings.Split(text, ",") {
		if t == "" {
			continue
		}
		var a netip.Addr
		if err := model.SetText(&a, t); err != nil {
			return err
		}
		*list = append(*list, a)
	}
	return nil
}

// setNames adds names, separated by commas, to a list.
func setNames(list *[]string, text string, first bool) error {
	if first {
		*list = nil
	}
	for _, t := range strings.Split(text, ",") {
		if t != "" {
			*list = append(*list, t)
		}
	}
	return nil
}

func setServicePorts(s *model.ServiceSpec, text string, first bool) error {
	if first {
		s.Ports = nil
	}
	for _, t := range strings.Split(text, ",") {
		if t == "" {
			continue
		}
		p, err := parseServicePort(t)
		if err != nil {
			return err
		}
		s.Ports = append(s.Ports, p)
	}
	return nil
}

// parseServicePort reads "tcp/80", "tcp/80:8080" or "http=tcp/80:8080@30080".
func parseServicePort(text string) (p model.ServicePort, err error) {
	rest := text
	if name, of, named := strings.Cut(text, "="); named {
		p.Name, rest = name, of
	}
	rest, nodePort, outside := strings.Cut(rest, "@")
	if outside {
		if err := model.SetText(&p.NodePort, nodePort); err != nil {
			return p, fmt.Errorf("%q is not a port of a service: %w", text, err)
		}
	}
	protocol, numbers, ok := strings.Cut(rest, "/")
	p.Protocol = model.PolicyProtocol(strings.ToLower(protocol))
	port, target, has := strings.Cut(numbers, ":")
	if p.Port, err = portNumber(port); !ok || err != nil {
		return p, fmt.Errorf("%q is not a port of a service: write it as tcp/80, tcp/80:8080 or http=tcp/80:8080", text)
	}
	if has {
		if err := model.SetText(&p.TargetPort, target); err != nil {
			return p, fmt.Errorf("%q is not a port of a service: give the backends' port as a number from 1 to 65535, or by its name among their named ports", text)
		}
	}
	return p, nil
}

func portNumber(text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err == nil && n == 0 {
		err = strconv.ErrRange
	}
	return uint16(n), err
}

// servicePortsText is the ports in the form of the flag, with the node ports that were chosen.
func servicePortsText(v serviceView) string {
	return listText(v.spec.Ports, ",", func(p model.ServicePort) string {
		return servicePortText(pinNodePort(p, v.status))
	})
}

// pinNodePort returns a port with the node port that was chosen for it.
func pinNodePort(p model.ServicePort, status api.ServiceStatus) model.ServicePort {
	for _, n := range status.NodePorts {
		if p.NodePort.Auto && n.Protocol == p.Protocol && n.Port == p.Port {
			p.NodePort = model.NodePort{Number: n.NodePort}
		}
	}
	return p
}

// pinService gives ports the node ports that were chosen for them.
func pinService(s *model.ServiceSpec, status api.ServiceStatus) error {
	for i, p := range s.Ports {
		s.Ports[i] = pinNodePort(p, status)
	}
	if s.HealthCheckNodePort.Auto && status.HealthPort != 0 {
		s.HealthCheckNodePort = model.NodePort{Number: status.HealthPort}
	}
	return nil
}

func servicePortText(p model.ServicePort) string {
	text := fmt.Sprintf("%s/%d", p.Protocol, p.Port)
	if p.Name != "" {
		text = p.Name + "=" + text
	}
	if p.TargetPort != (model.TargetPort{Number: p.Port}) {
		text += ":" + p.TargetPort.String()
	}
	if !p.NodePort.IsZero() {
		text += "@" + p.NodePort.String()
	}
	return text
}

func setServiceBackends(s *model.ServiceSpec, text string, _ bool) (err error) {
	s.Backends = model.ServiceBackends{}
	s.Backends.PolicySelection, err = parseSelection(text)
	return err
}

func setServiceEndpoints(s *model.ServiceSpec, text string, first bool) error {
	if first {
		s.Backends = model.ServiceBackends{}
	}
	for _, t := range strings.Split(text, ",") {
		if t == "" {
			continue
		}
		e := model.ServiceEndpoint{State: model.EndpointReady}
		name, state, given := strings.Cut(t, ":")
		if e.Port = name; given {
			e.State = model.EndpointState(strings.ToLower(state))
		}
		s.Backends.Endpoints = append(s.Backends.Endpoints, e)
	}
	return nil
}

// backendsText returns the backends in the form of the flags.
func backendsText(b model.ServiceBackends) string {
	if b.Selects() {
		return selectionText(b.PolicySelection)
	}
	if n := len(b.Endpoints); n > 4 {
		return fmt.Sprintf("%d endpoints", n)
	}
	return listText(b.Endpoints, ",", func(e model.ServiceEndpoint) string {
		if e.State == model.EndpointDraining {
			return e.Port + ":" + string(e.State)
		}
		return e.Port
	})
}

func scopesText(s model.ServiceSpec) string {
	var all []string
	for _, ref := range s.Scopes() {
		all = append(all, ref.String())
	}
	return strings.Join(all, ",")
}

// onUplinkDetails are how machines outside reach the service at its addresses on an uplink.
func onUplinkDetails(v serviceView) (lines [][2]string) {
	if v.spec.ExternalTrafficPolicy != "" {
		lines = append(lines, [2]string{"external traffic", "Local: only to backends on the node that the client enters by"})
	}
	if u := v.spec.Uplink; u != nil {
		where := "on no node"
		if v.status.UplinkNode != "" {
			where = "on " + v.status.UplinkNode
		}
		lines = append(lines, [2]string{"uplink " + u.Name, listText(u.Addresses, ",", netip.Addr.String) + ", " + where})
	}
	return lines
}

// nodePortDetails are a line for each node port, with where machines outside reach it.
func nodePortDetails(v serviceView) (lines [][2]string) {
	for _, p := range v.status.NodePorts {
		var at []string
		for _, n := range v.status.NodePortNodes {
			for _, a := range n.Addresses {
				at = append(at, fmt.Sprintf("%s://%s (%s)", p.Protocol, netip.AddrPortFrom(a, p.NodePort), n.Node))
			}
		}
		where := "on no node: none has an uplink"
		if len(at) > 0 {
			where = "at " + strings.Join(at, ", ")
		}
		lines = append(lines, [2]string{fmt.Sprintf("node port %s/%d", p.Protocol, p.NodePort), fmt.Sprintf("to port %d, %s", p.Port, where)})
	}
	if n := v.status.HealthPort; n != 0 {
		var at []string
		for _, node := range v.status.NodePortNodes {
			if ready := node.LocalEndpoints; ready != nil {
				code := 200
				if *ready == 0 {
					code = 503
				}
				at = append(at, fmt.Sprintf("%s %d (%d ready)", node.Node, code, *ready))
			}
		}
		lines = append(lines, [2]string{fmt.Sprintf("health port tcp/%d", n), strings.Join(at, ", ")})
	}
	if n := len(v.status.NodePortNodes); v.status.NodePortNodeCount > n {
		lines = append(lines, [2]string{"more", fmt.Sprintf("%d nodes with node ports are not listed", v.status.NodePortNodeCount-n)})
	}
	return lines
}

// serviceDetails are the conditions, the number and a line for each backend.
func serviceDetails(v serviceView) [][2]string {
	lines := append(conditionLines(v.now, v.status.Ready, v.status.Conditions), [2]string{"number", fmt.Sprint(v.status.ID)})
	if v.spec.Headless {
		who := "that are ready"
		if v.spec.PublishNotReadyAddresses {
			who = "that are not draining, ready or not"
		}
		lines = append(lines, [2]string{"headless", "its name has the addresses of the backends " + who})
	}
	if v.spec.SessionAffinity == model.AffinityClientIP {
		lines = append(lines, [2]string{"session affinity", fmt.Sprintf("ClientIP, for %v after the last new connection", v.spec.SessionAffinityTimeout)})
	}
	if v.spec.InternalTrafficPolicy != "" {
		lines = append(lines, [2]string{"internal traffic", "Local: only to backends on the client's own node"})
	}
	lines = append(lines, onUplinkDetails(v)...)
	lines = append(lines, nodePortDetails(v)...)
	if v.spec.DrainingTime != 0 {
		lines = append(lines, [2]string{"draining time", fmt.Sprintf("%v, then connections are reset", v.spec.DrainingTime)})
	}
	if v.spec.HealthCheck != nil {
		lines = append(lines, [2]string{"health check", healthCheckText(v.spec.HealthCheck)})
	}
	for _, b := range v.status.Backends {
		state := string(b.State)
		switch {
		case !b.Bound:
			state = "not bound"
		case b.Node != "":
			state += ", on " + b.Node
		}
		if b.LinkDown {
			state += ", link down"
		}
		if b.Health != "" && b.Bound {
			state += ", " + string(b.Health)
		}
		if b.HealthWhy != "" {
			state += " (" + b.HealthWhy + ")"
		}
		if b.Unchecked != "" && b.Bound {
			state += ", not checked (" + b.Unchecked + ")"
		}
		if len(b.Unnamed) > 0 {
			state += ", without a port named " + strings.Join(b.Unnamed, " or ")
		}
		lines = append(lines, [2]string{"backend " + b.Port, state + ", " + listText(b.Addresses, ",", netip.Addr.String)})
	}
	if n := len(v.status.Backends); v.status.BackendCount > n {
		lines = append(lines, [2]string{"more", fmt.Sprintf("%d backends are not listed", v.status.BackendCount-n)})
	}
	return lines
}
