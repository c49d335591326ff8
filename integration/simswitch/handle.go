package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// handle handles one message. An error ends the connection.
func (c *conn) handle(msg []byte) error {
	typ := openflow.MessageType(msg[1])
	if !c.agreed {
		return c.hello(msg)
	}
	if msg[0] != openflow.Version && typ != openflow.TypeHello && typ != openflow.TypeError {
		return errBadVersion
	}
	switch why := c.dispatch(typ, msg); why {
	case accepted:
	case aborts:
		c.s.stats.Aborts++
		c.s.restart()
		return errAborted
	default:
		c.s.stats.Refused++
		c.send(appendRefusal(nil, why, msg))
	}
	return nil
}

// hello agrees on the version (OpenFlow 1.3.5, 6.3.1).
func (c *conn) hello(msg []byte) error {
	m, err := openflow.DecodeMessage(msg)
	if err != nil {
		return err
	}
	switch m := m.(type) {
	case *openflow.Hello:
		if m.Supports(openflow.Version) {
			c.agreed = true
			c.s.stats.Handshakes++
			return nil
		}
		e := openflow.ErrorMsg{ErrType: openflow.ErrTypeHelloFailed, Code: openflow.HelloFailedIncompatible,
			Data: []byte("this switch speaks OpenFlow 1.3 only")}
		c.reply(msg, &e)
		return errNotAgreed
	case *openflow.ErrorMsg:
		return m
	}
	return errNotAgreed
}

func (c *conn) dispatch(typ openflow.MessageType, msg []byte) refusal {
	s := c.s
	fixed := func(n int) bool { return len(msg) == openflow.HeaderLen+n }
	switch typ {
	case openflow.TypeEchoReply:
		return accepted
	case openflow.TypeEchoRequest:
		c.reply(msg, &openflow.EchoReply{Data: msg[openflow.HeaderLen:]})
		return accepted
	case openflow.TypeExperimenter:
		return c.experimenter(msg)
	case openflow.TypeFlowMod:
		return c.flowMod(msg)
	case openflow.TypeGroupMod:
		return c.groupMod(msg)
	case openflow.TypeMeterMod:
		return c.meterMod(msg)
	case openflow.TypeMultipartRequest:
		return c.multipart(msg)
	case openflow.TypePacketOut:
		return c.packetOut(msg)
	case openflow.TypePortMod:
		return c.portMod(msg)
	case openflow.TypeRoleRequest:
		return c.roleRequest(msg)
	case openflow.TypeSetConfig:
		return decodeInto(msg, &c.config)
	case openflow.TypeSetAsync:
		return c.setAsync(msg)
	}
	var answer openflow.Message
	switch typ {
	case openflow.TypeFeaturesRequest:
		answer = &openflow.FeaturesReply{DatapathID: s.cfg.DatapathID, Tables: numTables, Capabilities: capabilities}
	case openflow.TypeGetConfigRequest:
		answer = &openflow.GetConfigReply{Flags: c.config.Flags, MissSendLen: c.config.MissSendLen}
	case openflow.TypeGetAsyncRequest:
		answer = &openflow.GetAsyncReply{AsyncMasks: c.async}
	case openflow.TypeBarrierRequest:
		answer = &openflow.BarrierReply{} // the messages before it are processed already
	default:
		if len(msg) < leastLength(typ) {
			return badLength
		}
		return badType
	}
	if !fixed(0) {
		return badLength
	}
	c.reply(msg, answer)
	return accepted
}

// leastLength returns the minimum length of the messages that only switches send. Open vSwitch
// checks their length before it refuses their type.
func leastLength(t openflow.MessageType) int {
	switch t {
	case openflow.TypeError, openflow.TypeGetConfigReply:
		return 12
	case openflow.TypeFeaturesReply, openflow.TypeRoleReply:
		return 24
	case openflow.TypePacketIn:
		return 32
	case openflow.TypeFlowRemoved:
		return 48
	case openflow.TypePortStatus:
		return 80
	case openflow.TypeMultipartReply:
		return 16
	case openflow.TypeGetAsyncReply:
		return 32
	}
	return openflow.HeaderLen
}

// capabilities are those of Open vSwitch (OpenFlow 1.3.5, 7.3.1): statistics of flows, tables,
// ports, groups and queues.
const capabilities = 0x4f

func (c *conn) experimenter(msg []byte) refusal {
	if len(msg) < expHeaderLen {
		return badLength
	}
	vendor, typ := be.Uint32(msg[8:]), be.Uint32(msg[12:])
	switch {
	case vendor == openflow.ExperimenterNicira && typ == openflow.NiciraSetAsyncConfig:
		return c.setAsyncConfig(msg)
	case vendor == openflow.ExperimenterNicira:
		return badExpType
	case vendor != openflow.ExperimenterONF:
		return badExperimenter
	}
	switch typ {
	case openflow.ONFBundleControl:
		return c.bundleControl(msg)
	case openflow.ONFBundleAdd:
		return c.bundleAdd(msg)
	case openflow.ONFFlowMonitorCancel:
		return c.monitorCancel(msg)
	}
	return badExpType
}

// decodeInto decodes a message of m's type into m.
func decodeInto[T any, P interface {
	*T
	openflow.Message
}](msg []byte, m P) refusal {
	d, err := openflow.DecodeMessage(msg)
	if err != nil {
		return badLength
	}
	*m = *d.(P)
	return accepted
}

// maxPacketIn is the greatest number of bytes of a packet in a packet-in.
const maxPacketIn = openflow.MaxMessageLen - 64

// packetOut gives a packet to Config.PacketOut, and discards it unless an action sends it back to
// the controller.
func (c *conn) packetOut(msg []byte) refusal {
	if c.role == openflow.RoleSlave {
		return isSlave
	}
	const actionsAt = 24
	if len(msg) < actionsAt {
		return badLength
	}
	n, in := int(be.Uint16(msg[16:])), msg[actionsAt:]
	port := openflow.PortNo(be.Uint32(msg[12:]))
	if !knownPort(port) || port == openflow.PortAny {
		return badPort
	}
	if n > len(in) {
		return actionBadLength
	}
	p := program{table: openflow.TableAll}
	actions, why := p.actions(nil, in[:n])
	if why != accepted {
		return why
	}
	if be.Uint32(msg[8:]) != openflow.NoBuffer {
		return bufferUnknown
	}
	if why := c.s.tables.lacks(p.needs); why != accepted {
		return why
	}
	data := in[n:]
	if c.s.cfg.PacketOut != nil {
		c.s.cfg.PacketOut(data)
	}
	if c.s.cfg.Tunnelled != nil {
		if to := tunnelDestination(in[:n]); to.IsValid() {
			c.s.cfg.Tunnelled(to, data)
		}
	}
	for len(actions) > 0 {
		if be.Uint16(actions) == actOutput && openflow.PortNo(be.Uint32(actions[4:])) == openflow.PortController {
			size := min(len(data), int(be.Uint16(actions[8:])), maxPacketIn)
			c.s.packetIn(&openflow.PacketIn{BufferID: openflow.NoBuffer, TotalLen: uint16(len(data)),
				Reason: openflow.ReasonAction, Cookie: ^openflow.Cookie(0),
				Match: openflow.Match(nil).InPort(port), Data: data[:size]})
			for other := range c.s.conns {
				other.kick()
			}
		}
		actions = actions[be.Uint16(actions[2:]):]
	}
	return accepted
}

// PacketIn sends packets to the controllers that subscribe to their reason, in one write for each.
func (s *Switch) PacketIn(all ...openflow.PacketIn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range all {
		s.packetIn(&all[i])
	}
	for c := range s.conns {
		c.kick()
	}
}

// packetIn queues a packet for the controllers that subscribe to its reason.
func (s *Switch) packetIn(m *openflow.PacketIn) {
	for c := range s.conns {
		if c.wants(c.async.PacketIn, uint8(m.Reason)) {
			c.send(mustAppend(nil, m))
		}
	}
}
