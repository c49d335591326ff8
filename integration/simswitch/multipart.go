package simswitch

import "github.com/sdnctl/sdnctl/openflow"

// parts builds a multipart reply: an array of entries in as many messages as necessary, each
// as full as possible (OpenFlow 1.3.5, 7.3.5).
type parts struct {
	xid    openflow.Xid
	kind   openflow.MultipartType
	prefix []byte // first bytes of the body of each part
	buf    []byte
	send   func([]byte)
}

// parts begins a reply. The caller adds entries and calls end.
func (c *conn) parts(xid openflow.Xid, kind openflow.MultipartType, prefix ...byte) *parts {
	p := &parts{xid: xid, kind: kind, prefix: prefix, send: c.send}
	p.begin()
	return p
}

func (p *parts) begin() {
	m := openflow.MultipartReply{Kind: p.kind, Body: p.prefix}
	m.SetXid(p.xid)
	p.buf = mustAppend(p.buf[:0], &m)
}

// add adds an entry.
func (p *parts) add(entry []byte) {
	if len(p.buf)+len(entry) > openflow.MaxMessageLen {
		be.PutUint16(p.buf[10:], openflow.MultipartMore)
		p.flush()
		p.begin()
	}
	p.buf = append(p.buf, entry...)
}

// flush sends the present part.
func (p *parts) flush() {
	be.PutUint16(p.buf[2:], uint16(len(p.buf)))
	p.send(p.buf)
}

// end sends the last part.
func (p *parts) end() { p.flush() }

// multipart answers a multipart request (OpenFlow 1.3.5, 7.3.5).
func (c *conn) multipart(msg []byte) refusal {
	if len(msg) < multipartLen {
		return badLength
	}
	kind, body := openflow.MultipartType(be.Uint16(msg[8:])), msg[multipartLen:]
	want := 0 // expected length of the body
	switch kind {
	case openflow.MultipartFlow, openflow.MultipartAggregate:
		return c.flowStats(kind, msg)
	case openflow.MultipartPortStats, openflow.MultipartGroup, openflow.MultipartMeter, openflow.MultipartMeterConfig:
		want = 8
	case openflow.MultipartExperimenter:
		return c.multipartExperimenter(msg)
	case openflow.MultipartDesc, openflow.MultipartTable, openflow.MultipartPortDesc,
		openflow.MultipartGroupDesc, openflow.MultipartGroupFeatures, openflow.MultipartMeterFeatures:
	default:
		return badMultipart
	}
	if len(body) != want {
		return badLength
	}
	if be.Uint16(msg[10:])&openflow.MultipartMore != 0 {
		return badMultipart // these requests must be one message
	}
	if kind == openflow.MultipartMeter || kind == openflow.MultipartMeterConfig {
		return c.meterStats(kind, msg)
	}
	p := c.parts(be.Uint32(msg[4:]), kind)
	switch kind {
	case openflow.MultipartGroupDesc:
		c.groupDesc(p)
	case openflow.MultipartGroup:
		c.groupStats(p, be.Uint32(body))
	case openflow.MultipartGroupFeatures:
		p.add(groupFeatures())
	case openflow.MultipartMeterFeatures:
		p.add(featuresOfMeters())
	case openflow.MultipartDesc:
		p.add(mustAppend(nil, &c.s.cfg.Desc))
	case openflow.MultipartTable:
		for i := range numTables { // without the internal table
			p.add(mustAppend(nil, &openflow.TableStats{Table: openflow.TableID(i), Active: uint32(c.s.tables.perTable[i])}))
		}
	case openflow.MultipartPortDesc:
		for _, port := range c.s.ports {
			p.add(mustAppend(nil, &port.Port))
		}
	case openflow.MultipartPortStats:
		c.portStats(p, openflow.PortNo(be.Uint32(body)))
	}
	p.end()
	return accepted
}

func (c *conn) multipartExperimenter(msg []byte) refusal {
	if len(msg) < monitorBody {
		return badLength
	}
	switch {
	case be.Uint32(msg[multipartLen:]) != openflow.ExperimenterONF &&
		be.Uint32(msg[multipartLen:]) != openflow.ExperimenterNicira:
		return badExperimenter
	case be.Uint32(msg[multipartLen:]) == openflow.ExperimenterNicira,
		be.Uint32(msg[multipartLen+4:]) != openflow.ONFFlowMonitor:
		return badExpType
	case len(msg)%8 != 0:
		return badLength
	}
	return c.monitorRequest(msg)
}

// flowStatsLen is the length of ofp_flow_stats_request up to its match.
const flowStatsLen = 32

// flowStats answers a request for flows, or for their sum.
func (c *conn) flowStats(kind openflow.MultipartType, msg []byte) refusal {
	body := msg[multipartLen:]
	if len(body) < flowStatsLen || len(body)%8 != 0 {
		return badLength
	}
	fields, _, why := splitMatch(body[flowStatsLen:])
	if why != accepted {
		return why
	}
	r := &c.s.reader
	if why := r.match.parse(fields); why != accepted {
		return why
	}
	q := mod{command: openflow.FlowModify, table: openflow.TableID(body[0]),
		outPort: openflow.PortNo(be.Uint32(body[4:])), outGroup: be.Uint32(body[8:]),
		cookie: be.Uint64(body[16:]), cookieMask: be.Uint64(body[24:]), fields: r.match.append(nil)}
	if !knownPort(q.outPort) {
		return actionBadOutPort
	}
	chosen, why := c.s.tables.choose(&q)
	if why != accepted {
		chosen = nil // the switch does not show flows of its own table
	}
	p := c.parts(be.Uint32(msg[4:]), kind)
	if kind == openflow.MultipartAggregate {
		p.add(mustAppend(nil, &openflow.AggregateStats{Flows: uint32(len(chosen))}))
		p.end()
		return accepted
	}
	now := c.s.age()
	var b []byte
	for _, i := range chosen {
		e := &c.s.tables.entries[i]
		b = append(b[:0], e.raw...)
		age := now - e.born
		be.PutUint32(b[offDuration:], uint32(age/1e9))
		be.PutUint32(b[offDuration+4:], uint32(age%1e9))
		p.add(b)
	}
	p.end()
	return accepted
}
