package answer

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// Times of the querier, by RFC 3376, 8, and RFC 3810, 9, which have the same defaults.
const (
	// queryResponse is the time in which hosts answer a question for all groups.
	queryResponse = 10 * time.Second
	// membershipInterval is how long a host counts as a member after it has reported.
	membershipInterval = queryRobustness*queryEvery + queryResponse
	// startupEvery is the time from the first question to a port to the second.
	startupEvery = queryEvery / 4
	// lastMemberEvery is the time between questions for one group, and in which hosts answer them.
	// Hosts answer the first question to a port within the same time.
	lastMemberEvery = time.Second
	lastMemberCount = queryRobustness
)

// Bounds of the querier.
const (
	snoopTick = 250 * time.Millisecond
	// compareEvery is how often the memberships are compared with those of the view.
	compareEvery = 5 * time.Second
	// retryEvery is when a port is asked again whose switch is away.
	retryEvery = 5 * time.Second
	// maxQueries and maxPortQueries are how many questions are sent in a tick: 2,000 a second, and 32
	// to one port. What is beyond them waits for the next tick.
	maxQueries     = 500
	maxPortQueries = 8
	// maxReporters is how many hosts behind a port are known as members of a group. If there are more,
	// it asks whether any is left whenever one leaves.
	maxReporters = 16
)

// Snooper knows which ports have joined which groups, in networks that send groups to their members
// only. It is the querier of these networks: it asks the hosts behind each port by itself, so no host
// and no other querier can keep it from asking.
type Snooper struct {
	now func() time.Time

	mu    sync.Mutex
	ports map[string]*snooped
	// groups counts the ports that have joined a group, by network and group; total is of all.
	groups map[string]map[netip.Addr]int
	total  int
	// changes are those that are yet to be reported.
	changes []pipeline.JoinChange
	seen    uint64 // of the view
	// compared is when the memberships were compared with those of a view, and comparedSeq with which.
	compared    time.Time
	comparedSeq uint64
	wake        chan struct{}
	refused     *prometheus.CounterVec
}

// snooped is a port of a network that sends groups to their members only.
type snooped struct {
	name, network string
	at            pipeline.Place
	groups        map[netip.Addr]*membership
	// next is when all hosts behind the port are asked next; asked is how often they were.
	next  time.Time
	asked int
	// due is when something is to be done for the port.
	due time.Time
}

// membership is a group that hosts behind a port have joined.
type membership struct {
	// until is when the membership ends, unless hosts report it again.
	until time.Time
	// reporters are the hosts that have reported it, each with when that ends. others says that there
	// may be more.
	reporters map[reporter]time.Time
	others    bool
	// old is until when hosts may be members that do not say when they leave.
	old time.Time
	// questions is how often hosts are yet to be asked whether any has joined it, next time at ask.
	questions int
	ask       time.Time
}

// reporter is a host, by its MAC: hosts report before they have an address, and then from another one.
type reporter = topology.MAC

// NewSnooper returns a snooper without memberships. now is the time, as time.Now.
func NewSnooper(now func() time.Time) *Snooper {
	return &Snooper{
		now: now, ports: map[string]*snooped{}, groups: map[string]map[netip.Addr]int{}, wake: make(chan struct{}, 1),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sdnd_multicast_refused_total",
			Help: "Reports of multicast groups for which there was no room, by the bound: of a port, of a network, or of all.",
		}, []string{"bound"}),
	}
}

// Collectors returns the metrics.
func (s *Snooper) Collectors() []prometheus.Collector {
	return []prometheus.Collector{s.refused, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "sdnd_multicast_memberships",
		Help: "Multicast groups that ports have joined, each counted once for each port.",
	}, func() float64 {
		s.mu.Lock()
		defer s.mu.Unlock()
		return float64(s.total)
	})}
}

// Cause brings what hosts report to the snooper.
func (s *Snooper) Cause() packetin.Cause {
	return packetin.Cause{
		Name: "group-report", Table: pipeline.TableReports, Answer: s.received, Deadline: 10 * time.Second,
		PerPort: packetin.Budget{Packets: 128, Bytes: 128 << 10}, Total: packetin.Budget{Packets: 8192, Bytes: 8 << 20},
	}
}

// Run asks hosts until ctx ends, and returns nil then. It calls report with the ports that have joined
// groups or left them. What the view has at the start stays for a whole membership interval.
func (s *Snooper) Run(ctx context.Context, to packetin.Switches, report func([]pipeline.JoinChange)) error {
	t := time.NewTicker(snoopTick)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-t.C:
			s.tick(to)
		}
		if changes := s.take(); len(changes) > 0 {
			report(changes)
		}
	}
}

// take returns the changes that are yet to be reported.
func (s *Snooper) take() []pipeline.JoinChange {
	s.mu.Lock()
	defer s.mu.Unlock()
	changes := s.changes
	s.changes = nil
	return changes
}

// tick looks for other ports, ends memberships and asks hosts, as far as it is time.
func (s *Snooper) tick(to packetin.Switches) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now, v := s.now(), to.View()
	if v.Seq != s.seen || v.Seq != s.comparedSeq && now.Sub(s.compared) >= compareEvery {
		s.seen = v.Seq
		s.look(v, now)
	}
	left := maxQueries
	for _, p := range s.ports {
		if !p.due.After(now) {
			s.attend(to, v, p, now, &left)
		}
	}
}

// look takes over the ports of a view. From time to time it also compares the memberships: a report
// may have been on its way to the view while its port went or moved.
func (s *Snooper) look(v *pipeline.View, now time.Time) {
	had := s.ports
	s.ports = make(map[string]*snooped, len(had))
	compare := now.Sub(s.compared) >= compareEvery
	if compare {
		s.compared, s.comparedSeq = now, v.Seq
	}
	for n := range v.Topo.Networks() {
		if n.Spec.Multicast != model.MulticastSnoop {
			continue
		}
		for port := range v.Topo.PortsOfNetwork(n.Name) {
			at := v.Place(port.Name)
			p := had[port.Name]
			if at.OFPort == 0 && p == nil {
				continue
			}
			if p != nil && p.stays(n.Name, at) {
				p.at = at
				s.ports[p.name] = p
				delete(had, p.name)
				if compare {
					s.compare(v, p)
				}
				continue
			}
			if at.OFPort != 0 {
				s.meet(v, n.Name, port.Name, at, now)
			}
		}
	}
	for _, p := range had { // the view has forgotten their memberships with them
		for group := range p.groups {
			s.uncount(p, group)
		}
	}
}

// stays reports whether a port is where it was.
func (p *snooped) stays(network string, at pipeline.Place) bool {
	return p.network == network && at.OFPort != 0 && p.at.Node == at.Node && p.at.Interface == at.Interface
}

// meet takes a port with the memberships that the view has.
func (s *Snooper) meet(v *pipeline.View, network, port string, at pipeline.Place, now time.Time) *snooped {
	p := &snooped{name: port, network: network, at: at, groups: map[netip.Addr]*membership{}, next: now, due: now}
	for group := range v.JoinsOf(port) {
		p.groups[group] = &membership{until: now.Add(membershipInterval), others: true, reporters: map[reporter]time.Time{}}
		s.count(p, group)
	}
	s.ports[port] = p
	return p
}

// compare reports again where the view has other memberships of a port.
func (s *Snooper) compare(v *pipeline.View, p *snooped) {
	missing := maps.Clone(p.groups)
	for group := range v.JoinsOf(p.name) {
		if p.groups[group] == nil {
			s.change(p, group, true)
		}
		delete(missing, group)
	}
	for group := range missing {
		s.change(p, group, false)
	}
}

func (s *Snooper) change(p *snooped, group netip.Addr, left bool) {
	s.changes = append(s.changes, pipeline.JoinChange{Join: pipeline.Join{Port: p.name, Group: group}, Left: left})
}

func (s *Snooper) count(p *snooped, group netip.Addr) {
	if s.groups[p.network] == nil {
		s.groups[p.network] = map[netip.Addr]int{}
	}
	s.groups[p.network][group]++
	s.total++
}

func (s *Snooper) uncount(p *snooped, group netip.Addr) {
	of := s.groups[p.network]
	if of[group]--; of[group] == 0 {
		delete(of, group)
	}
	if len(of) == 0 {
		delete(s.groups, p.network)
	}
	s.total--
}

// attend does what is due for a port: it ends memberships, and asks, as far as there are questions left.
func (s *Snooper) attend(to packetin.Switches, v *pipeline.View, p *snooped, now time.Time, left *int) {
	if !p.next.After(now) && *left > 0 {
		s.askAll(to, v, p, now, left)
	}
	p.due = p.next
	room := maxPortQueries
	for group, m := range p.groups {
		switch {
		case m.questions > 0 && !m.ask.After(now) && room > 0 && *left > 0:
			room--
			*left--
			if !p.send(to, v, group, lastMemberEvery) {
				m.questions, m.until = 0, now.Add(membershipInterval) // its switch is away
				break
			}
			m.questions--
			m.ask = now.Add(lastMemberEvery)
			m.until = now.Add(lastMemberEvery)
		case m.questions == 0 && !m.until.After(now):
			delete(p.groups, group)
			s.uncount(p, group)
			s.change(p, group, true)
			continue
		}
		at := m.until
		if m.questions > 0 {
			at = m.ask
		}
		if at.Before(p.due) {
			p.due = at
		}
	}
}

// askAll asks for all groups. While the switch is away nobody can answer, so that memberships stay.
func (s *Snooper) askAll(to packetin.Switches, v *pipeline.View, p *snooped, now time.Time, left *int) {
	*left--
	within := queryResponse
	if p.asked == 0 {
		within = lastMemberEvery
	}
	if !p.send(to, v, netip.Addr{}, within) {
		p.next = now.Add(retryEvery)
		for _, m := range p.groups {
			m.questions, m.until = 0, now.Add(membershipInterval)
		}
		return
	}
	p.asked++
	p.next = now.Add(queryEvery)
	if p.asked < queryRobustness {
		p.next = now.Add(startupEvery)
	}
}

// send asks the hosts behind a port for a group, or for all. It reports whether the switch takes that.
func (p *snooped) send(to packetin.Switches, v *pipeline.View, group netip.Addr, within time.Duration) bool {
	port, ok := v.Topo.Port(p.name)
	if !ok {
		return true
	}
	for _, f := range model.Families() {
		l := v.LinkOf(port, p.at.Node, f)
		if !l.Address.IsValid() || group.IsValid() && model.FamilyOf(group) != f {
			continue
		}
		q := query{srcMAC: l.MAC, src: l.Gateway, group: group, within: within}
		switch {
		case f == topology.IPv6:
			q.src = model.LinkLocal(l.MAC)
		case !l.Routes || !q.src.IsValid():
			q.src = netip.IPv4Unspecified()
		}
		if !to.PacketOut(p.at.Node, openflow.NewPacketOut(q.frame(), openflow.Actions(nil).Output(p.at.OFPort))) {
			return false
		}
	}
	return true
}

// received takes what a host reports.
func (s *Snooper) received(v *pipeline.View, from packetin.Port, m *openflow.PacketIn) packetin.Reply {
	f, err := read(m.Data)
	if err != nil {
		return packetin.Reply{What: "cannot be read: " + err.Error()}
	}
	n, ok := v.Topo.NetworkByVNI(topology.VNI(metadataOf(m)))
	if !ok || n.Spec.Multicast != model.MulticastSnoop {
		return packetin.Reply{What: "its network keeps no members of groups"}
	}
	port := reportingPort(v, n, from, f.src)
	if port == nil {
		return packetin.Reply{What: "came in at no port of network " + n.Name}
	}
	all, err := readReports(f)
	if err != nil {
		return packetin.Reply{Port: port.Name, What: err.Error()}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, at := s.now(), v.Place(port.Name)
	p := s.ports[port.Name]
	if p == nil || !p.stays(n.Name, at) {
		if p != nil {
			for group := range p.groups {
				s.uncount(p, group)
			}
		}
		p = s.meet(v, n.Name, port.Name, at, now)
	}
	var joins, leaves, refuses []string
	for _, r := range all {
		if !pipeline.Joinable(r.group) {
			continue
		}
		switch bound := s.note(p, r, f.src, now); {
		case bound != "":
			s.refused.WithLabelValues(bound).Inc()
			refuses = append(refuses, r.group.String()+" (as many as there may be of a "+bound+")")
		case r.leaves:
			leaves = append(leaves, r.group.String())
		default:
			joins = append(joins, r.group.String())
		}
	}
	if len(s.changes) > 0 {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	return packetin.Reply{Port: port.Name, What: said(joins, leaves, refuses)}
}

// said describes a report in a few words.
func said(joins, leaves, refuses []string) string {
	var all []string
	for _, x := range []struct {
		what   string
		groups []string
	}{{"has joined ", joins}, {"leaves ", leaves}, {"has no room for ", refuses}} {
		const named = 4
		if n := len(x.groups); n > named {
			x.groups = append(x.groups[:named:named], fmt.Sprintf("%d more", n-named))
		}
		if len(x.groups) > 0 {
			all = append(all, x.what+strings.Join(x.groups, ", "))
		}
	}
	if len(all) == 0 {
		return "reports no groups that have to be joined"
	}
	return strings.Join(all, "; ")
}

// reportingPort returns the port of a network at which a frame came in; nil if there is none. Hosts behind a
// port may have MACs of their own.
func reportingPort(v *pipeline.View, n *topology.Network, from packetin.Port, mac topology.MAC) *topology.Port {
	here := func(p *topology.Port) bool {
		at := v.Place(p.Name)
		return p.Spec.Network == n.Name && at.Node == from.Node && at.OFPort == from.No
	}
	if p, ok := v.Topo.PortByMAC(n.Name, mac); ok && here(p) {
		return p
	}
	for p := range v.PortsOn(from.Node) {
		if here(p) {
			return p
		}
	}
	return nil
}

// note takes one report. It returns the bound that leaves no room for it, "" if there is room.
func (s *Snooper) note(p *snooped, r report, who reporter, now time.Time) (bound string) {
	m := p.groups[r.group]
	if r.leaves {
		if m != nil {
			m.leaves(who, r.silent, now)
			p.attendBy(m.next())
		}
		return ""
	}
	if m == nil {
		of := s.groups[p.network]
		switch {
		case len(p.groups) >= pipeline.MaxPortGroups:
			return "port"
		case of[r.group] == 0 && len(of) >= pipeline.MaxNetworkGroups:
			return "network"
		case s.total >= pipeline.MaxJoins:
			return "daemon"
		}
		m = &membership{reporters: map[reporter]time.Time{}}
		p.groups[r.group] = m
		s.count(p, r.group)
		s.change(p, r.group, false)
	}
	m.questions, m.until = 0, now.Add(membershipInterval)
	if r.old {
		m.old = m.until
	}
	if _, known := m.reporters[who]; known || len(m.reporters) < maxReporters {
		m.reporters[who] = m.until
	} else {
		m.others = true
	}
	p.attendBy(m.next())
	return ""
}

// leaves notes that a host has left. All are asked if none is known that has joined it too, or if one of
// them has to be the next that says when it leaves.
func (m *membership) leaves(who reporter, silent bool, now time.Time) {
	delete(m.reporters, who)
	maps.DeleteFunc(m.reporters, func(_ reporter, until time.Time) bool { return !until.After(now) })
	switch {
	case m.old.After(now) || m.questions > 0:
		// Hosts that do not say when they leave would not answer either (RFC 3376, 7.3.2), and whoever
		// answers the questions that are under way has not left.
	case len(m.reporters) > 0 && !m.others && !silent:
		m.until = slices.MaxFunc(slices.Collect(maps.Values(m.reporters)), time.Time.Compare)
	default:
		m.others = false // those that answer are known then
		m.questions, m.ask = lastMemberCount, now
	}
}

// next returns when something is due for the group.
func (m *membership) next() time.Time {
	if m.questions > 0 {
		return m.ask
	}
	return m.until
}

// attendBy has the port attended to at a time, at the latest.
func (p *snooped) attendBy(at time.Time) {
	if at.Before(p.due) {
		p.due = at
	}
}
