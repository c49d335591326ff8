package ovsdb

import (
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strconv"
)

// checkExists returns an error for an update of a row that the view does not have: then the
// view differs from the server's database.
func checkExists(exists bool, op op) error {
	if op == opInsert && exists {
		return fmt.Errorf("inserted twice")
	}
	if op != opInsert && !exists {
		return fmt.Errorf("changed before it was inserted")
	}
	return nil
}

// applyRoot applies an update of the one row of table Open_vSwitch.
func (v *view) applyRoot(op op, r *row) error {
	if op == opDelete || r.Version == nil {
		return nil
	}
	version, err := decodeOptional[string](r.Version)
	if err != nil {
		return fmt.Errorf("ovs_version: %w", err)
	}
	v.version = version
	return nil
}

// applyBridge applies an update of a row of table Bridge.
func (v *view) applyBridge(id uuid, op op, r *row) error {
	b, ok := v.bridges[id]
	if err := checkExists(ok, op); err != nil {
		return err
	}
	switch op {
	case opInsert:
		b = &bridge{ports: make(map[uuid]struct{})}
		v.bridges[id] = b
	case opDelete:
		v.size -= b.cost()
		delete(v.bridges, id)
		delete(v.named, id)
		return nil
	case opModify:
		v.size -= b.cost()
	}
	if err := v.setBridge(b, r); err != nil {
		return err
	}
	if b.name == v.bridgeName {
		v.named[id] = struct{}{}
	} else {
		delete(v.named, id)
	}
	v.size += b.cost()
	return nil
}

// setBridge copies the columns to b.
func (v *view) setBridge(b *bridge, r *row) (err error) {
	if r.Name != nil {
		if b.name, err = decodeText(r.Name); err != nil {
			return fmt.Errorf("name: %w", err)
		}
	}
	if r.DatapathID != nil {
		if b.datapathID, err = decodeOptional[string](r.DatapathID); err != nil {
			return fmt.Errorf("datapath_id: %w", err)
		}
	}
	if r.FailMode != nil {
		if b.facts.FailMode, err = decodeOptional[string](r.FailMode); err != nil {
			return fmt.Errorf("fail_mode: %w", err)
		}
	}
	if r.ExternalIDs != nil {
		if err = eachPair(r.ExternalIDs, b.toggle); err != nil {
			return fmt.Errorf("external_ids: %w", err)
		}
		b.facts.UnderlayMTU, _ = strconv.Atoi(b.mtu) // 0 if it is not a number
		b.facts.ReadOnly = b.access == accessRead
	}
	if r.Ports == nil {
		return nil
	}
	err = eachUUID(r.Ports, func(port uuid) error {
		by := +1
		if _, ok := b.ports[port]; ok {
			by = -1
			delete(b.ports, port)
		} else {
			b.ports[port] = struct{}{}
		}
		if b == v.target {
			v.refer(port, by)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("ports: %w", err)
	}
	return nil
}

// toggle applies one pair of the difference of external_ids.
func (b *bridge) toggle(key, value string) {
	switch key {
	case keyNode:
		toggle(&b.facts.Node, value)
	case "sdnctl-underlay-mtu":
		toggle(&b.mtu, value)
	case keyAccess:
		toggle(&b.access, value)
	}
}

// cost is what b adds to view.size.
func (b *bridge) cost() int {
	return rowCost + len(b.name) + len(b.datapathID) + len(b.facts.FailMode) + len(b.facts.Node) + len(b.mtu) + len(b.access) + refCost*len(b.ports)
}

// applyPort applies an update of a row of table Port.
func (v *view) applyPort(id uuid, op op, r *row) error {
	have, ok := v.ports[id]
	if err := checkExists(ok, op); err != nil {
		return err
	}
	watched := false
	if v.target != nil {
		_, watched = v.target.ports[id]
	}
	if op == opDelete {
		if watched {
			v.refer(id, -1)
		}
		v.size -= rowCost + refCost*len(have)
		delete(v.ports, id)
		return nil
	}
	if op == opInsert {
		v.size += rowCost
	}
	v.size -= refCost * len(have)
	if r.Interfaces != nil {
		err := eachUUID(r.Interfaces, func(f uuid) error {
			by := +1
			if i := slices.Index(have, f); i >= 0 {
				by = -1
				have = slices.Delete(have, i, i+1)
			} else if len(have) == maxBond {
				return fmt.Errorf("more than %d in one port", maxBond)
			} else {
				have = append(have, f)
			}
			if watched {
				v.referOne(f, by)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("interfaces: %w", err)
		}
	}
	v.ports[id] = have
	v.size += refCost * len(have)
	return nil
}

// applyInterface applies an update of a row of table Interface.
func (v *view) applyInterface(id uuid, op op, r *row) error {
	f, ok := v.ifaces[id]
	if err := checkExists(ok, op); err != nil {
		return err
	}
	v.dirty[id] = struct{}{}
	if ok {
		v.countName(f.now.Name, -1)
		v.leads(id, f.now.Peer, false)
	}
	switch op {
	case opInsert:
		f = &iface{}
		v.ifaces[id] = f
	case opDelete:
		v.gone = v.gone || f.was != nil
		v.size -= f.now.cost()
		delete(v.ifaces, id)
		return nil
	case opModify:
		v.size -= f.now.cost()
	}
	if err := f.now.set(r); err != nil {
		return err
	}
	v.size += f.now.cost()
	v.countName(f.now.Name, +1)
	v.leads(id, f.now.Peer, true)
	return nil
}

// set copies the columns to f.
func (f *Interface) set(r *row) (err error) {
	if r.Name != nil {
		if f.Name, err = decodeText(r.Name); err != nil {
			return fmt.Errorf("name: %w", err)
		}
	}
	if r.OFPort != nil {
		if f.OFPort, err = decodeOptional[int64](r.OFPort); err != nil {
			return fmt.Errorf("ofport: %w", err)
		}
	}
	for _, c := range []struct {
		name string
		raw  json.RawMessage
		take func(string)
	}{
		{"type", r.Type, func(s string) { f.Type = s }},
		{"admin_state", r.AdminState, func(s string) { f.Admin = linkOf(s) }},
		{"link_state", r.LinkState, func(s string) { f.Link = linkOf(s) }},
		{"mac_in_use", r.MACInUse, func(s string) { f.MAC = macOf(s) }},
		{"error", r.Error, func(s string) { f.Error = s }},
	} {
		if c.raw == nil {
			continue
		}
		text, err := decodeOptional[string](c.raw)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		c.take(text)
	}
	if r.Options != nil {
		if err = f.setOptions(r.Options); err != nil {
			return fmt.Errorf("options: %w", err)
		}
	}
	if r.ExternalIDs == nil {
		return nil
	}
	if err = f.setExternalIDs(r.ExternalIDs); err != nil {
		return fmt.Errorf("external_ids: %w", err)
	}
	return nil
}

// linkOf reads admin_state and link_state.
func linkOf(s string) Link {
	switch s {
	case "up":
		return LinkUp
	case "down":
		return LinkDown
	}
	return LinkUnknown
}

// macOf reads mac_in_use; it returns the zero MAC for a text that is not a MAC of 6 bytes.
func macOf(s string) (mac [6]byte) {
	if m, err := net.ParseMAC(s); err == nil {
		copy(mac[:], m)
	}
	return mac
}

// setExternalIDs applies the difference of external_ids.
func (f *Interface) setExternalIDs(raw json.RawMessage) error {
	var j Joined
	if f.Joined != nil {
		j = *f.Joined
	}
	err := eachPair(raw, func(key, value string) {
		switch key {
		case keyNode:
			toggle(&j.Node, value)
		case "sdnctl-local-ip":
			toggle(&j.LocalIP, value)
		case "sdnctl-dst-port":
			toggle(&j.DstPort, value)
		case "sdnctl-host-ranges":
			toggle(&j.HostRanges, value)
		case "sdnctl-host-addresses":
			toggle(&j.HostAddresses, value)
		case "sdnctl-node-ports":
			toggle(&j.NodePorts, value)
		case "sdnctl-node-ports-taken":
			toggle(&j.NodePortsTaken, value)
		case "sdnctl-node-ports-local":
			toggle(&j.NodePortsLocal, value)
		default:
			f.toggle(key, value)
		}
	})
	switch {
	case j == Joined{}:
		f.Joined = nil
	case f.Joined == nil || *f.Joined != j:
		f.Joined = &j
	}
	return err
}

// toggle applies one pair of the difference of external_ids.
func (f *Interface) toggle(key, value string) {
	switch key {
	case "iface-id":
		toggle(&f.IfaceID, value)
	case "container_id":
		toggle(&f.ContainerID, value)
	case "container_iface":
		toggle(&f.ContainerIface, value)
	case "iface-status":
		toggle(&f.IfaceStatus, value)
	case "sdnctl-attach":
		toggle(&f.Target, value)
	}
}

// setOptions applies the difference of options.
func (f *Interface) setOptions(raw json.RawMessage) error {
	var t Tunnel
	if f.Tunnel != nil {
		t = *f.Tunnel
	}
	err := eachPair(raw, func(key, value string) {
		switch key {
		case "remote_ip":
			toggle(&t.RemoteIP, value)
		case "local_ip":
			toggle(&t.LocalIP, value)
		case "key":
			toggle(&t.Key, value)
		case "dst_port":
			toggle(&t.DstPort, value)
		case "peer":
			toggle(&f.Peer, value)
		}
	})
	switch {
	case t == Tunnel{}:
		f.Tunnel = nil
	case f.Tunnel == nil || *f.Tunnel != t:
		f.Tunnel = &t
	}
	return err
}

// toggle applies one pair of a map's difference to the value kept for it: an equal value is
// removed, any other is added or replaces the value.
func toggle(at *string, value string) {
	if *at == value {
		value = ""
	}
	*at = value
}

// cost is what the row of f adds to view.size.
func (f *Interface) cost() int {
	n := rowCost + len(f.Peer) + len(f.Name) + len(f.IfaceID) + len(f.ContainerID) + len(f.ContainerIface) + len(f.IfaceStatus) + len(f.Target) + len(f.Type) + len(f.Error)
	if t := f.Tunnel; t != nil {
		n += len(t.RemoteIP) + len(t.LocalIP) + len(t.Key) + len(t.DstPort)
	}
	if j := f.Joined; j != nil {
		n += len(j.Node) + len(j.LocalIP) + len(j.DstPort) + len(j.HostRanges) + len(j.HostAddresses) +
			len(j.NodePorts) + len(j.NodePortsTaken) + len(j.NodePortsLocal)
	}
	return n
}
