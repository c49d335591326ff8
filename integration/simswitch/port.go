package simswitch

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sdnctl/sdnctl/openflow"
)

// port is a port of the switch.
type port struct {
	openflow.Port
	born int64 // in ns of the switch's clock
}

// AddPort adds a port, or replaces the one with the same number, and reports that to the
// controllers. It fails if the number or the name is out of range, or if another port has the
// name.
func (s *Switch) AddPort(p openflow.Port) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.No == 0 || !knownPort(p.No) || p.No >= openflow.PortMax && p.No != openflow.PortLocal {
		return fmt.Errorf("port %q: number %v is out of range: use 1 to %d", p.Name, p.No, ofpMax-1)
	}
	if p.Name == "" || len(p.Name) > 15 {
		return fmt.Errorf("port %v: %q is not an interface name: use 1 to 15 bytes", p.No, p.Name)
	}
	at, found := s.findPort(p.No)
	for i, o := range s.ports {
		if o.Name == p.Name && (!found || i != at) {
			return fmt.Errorf("port %v: port %v already has the name %q", p.No, o.No, p.Name)
		}
	}
	reason := openflow.PortModified
	if !found {
		s.ports = slices.Insert(s.ports, at, port{born: s.age()})
		reason = openflow.PortAdded
	}
	s.ports[at].Port = p
	s.reportPort(reason, &p, nil)
	return nil
}

// RemovePort removes a port by name, and reports that to the controllers. It returns whether
// the port existed.
func (s *Switch) RemovePort(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.ports, func(p port) bool { return p.Name == name })
	if at < 0 {
		return false
	}
	p := s.ports[at].Port
	s.ports = slices.Delete(s.ports, at, at+1)
	s.reportPort(openflow.PortDeleted, &p, nil)
	return true
}

// Ports returns the ports by ascending number.
func (s *Switch) Ports() []openflow.Port {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]openflow.Port, len(s.ports))
	for i := range s.ports {
		all[i] = s.ports[i].Port
	}
	return all
}

func (s *Switch) findPort(no openflow.PortNo) (at int, found bool) {
	return slices.BinarySearchFunc(s.ports, no, func(p port, no openflow.PortNo) int { return cmp.Compare(p.No, no) })
}

// reportPort reports a port to all subscribed connections except the one that requested the
// change (OpenFlow 1.5, 7.4.3, describes this as the behaviour before 1.5).
func (s *Switch) reportPort(reason openflow.PortReason, p *openflow.Port, by *conn) {
	for c := range s.conns {
		if c != by && c.wants(c.async.PortStatus, uint8(reason)) {
			c.send(mustAppend(nil, &openflow.PortStatus{Reason: reason, Port: *p}))
			c.kick()
		}
	}
}

// portMod changes a port's configuration (OpenFlow 1.3.5, 7.3.4.5).
func (c *conn) portMod(msg []byte) refusal {
	if c.role == openflow.RoleSlave {
		return isSlave
	}
	var m openflow.PortMod
	if why := decodeInto(msg, &m); why != accepted {
		return why
	}
	at, found := c.s.findPort(m.No)
	switch {
	case !found:
		return portBadNumber
	case c.s.ports[at].HWAddr != m.HWAddr:
		return portBadAddress
	}
	p := &c.s.ports[at].Port
	config := p.Config&^m.Mask | m.Config&m.Mask
	if config != p.Config {
		p.Config = config
		c.s.reportPort(openflow.PortModified, p, c)
	}
	return accepted
}

// portStats adds the counters of one port, or for PortAny of all ports, to a reply. They are 0.
func (c *conn) portStats(p *parts, no openflow.PortNo) {
	now := c.s.age()
	for _, port := range c.s.ports {
		if no != openflow.PortAny && no != port.No {
			continue
		}
		age := now - port.born
		p.add(mustAppend(nil, &openflow.PortStats{No: port.No,
			DurationSec: uint32(age / 1e9), DurationNsec: uint32(age % 1e9)}))
	}
}
