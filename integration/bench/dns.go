package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

const (
	// dnsNodes is how many switches ask. Each question takes one of the 5,000 packet-ins a second
	// that sdnd takes of a switch in the long run (session.Config.PacketInRate), so 10 would just
	// do for dnsRate.
	dnsNodes = 40
	// dnsPorts is how many ports of each switch ask: at dnsRate each asks 250 times a second, half
	// of what its meter lets pass on a real switch.
	dnsPorts = 5
	// dnsRate is how many questions a second are asked where the rate is given.
	dnsRate = 50_000
	// dnsWindow is how many questions of a switch wait for their answers where the answers give the
	// rate. All together fit into the default buffer of the bare server's socket.
	dnsWindow = 5
)

// names returns the benches of answers by DNS.
func names() []Bench {
	return []Bench{{
		Name: "dns", Section: fmt.Sprintf("Names: questions of ports on %d simulated switches, until the answer is at the switch", dnsNodes),
		Limit: 4 * time.Minute, Run: answers,
	}, {
		Name: "dns/dnsperf", Section: "Names: questions of dnsperf in a container of a real node, until the answer is there", Run: dnsperf,
	}}
}

// answers measures how fast sdnd answers for names of ports, beside a bare name server that is
// asked the same by UDP.
func answers(ctx context.Context, e *Env, r *Report) (err error) {
	bed, err := newDNSBed(ctx, e)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bed.close()) }()
	bare, err := newBareNames(ctx, e, bed.ports)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.close()) }()
	sides := [2]*dnsSide{{askers: bed.askers(), of: bed.fleet.sdnd}, {askers: bare.askers(), of: bare.process}}
	span := time.Duration(e.Pick(1500, 200)) * time.Millisecond
	rate := e.Pick(dnsRate, dnsRate/10)
	rounds := e.Pick(8, 2)
	for i := range rounds + 1 { // the first one is to warm up
		for _, s := range sides {
			if err := s.round(ctx, span, rate, i > 0); err != nil {
				return err
			}
		}
	}
	r.Add(Line{
		Name: fmt.Sprintf("as fast as they are answered, %d at a time", dnsWindow*dnsNodes), Unit: "answers/s", Ours: sides[0].most(),
		Baseline: "bare server of the same library, by UDP", Theirs: sides[1].most(), Goal: AtLeast(dnsRate),
		Note: fmt.Sprintf("%d rounds of %v, one after the other for each; the best, since other load can only make it worse. The questions and both servers share the machine. Ours come in as packet-ins and leave as packet-outs, by one connection for each switch; the bare server has one socket and a table.", rounds, span),
	})
	r.Add(Line{
		Name: fmt.Sprintf("%s questions a second: p99 of a round", number(float64(rate))), Unit: "ms", Ours: sides[0].fixed(),
		Baseline: "bare server of the same library, by UDP", Theirs: sides[1].fixed(), Goal: AtMost(2),
	})
	return nil
}

// dnsSide is a server that is measured: its askers, and what came of the rounds.
type dnsSide struct {
	askers []*asker
	of     *process
	window []asked // as fast as they are answered
	rated  []asked // at a rate
	cpu    float64 // seconds that the server took for those at a rate
}

// round has the askers ask as fast as they are answered, and then at a rate.
func (s *dnsSide) round(ctx context.Context, span time.Duration, rate int, counts bool) error {
	fast, err := askAll(ctx, s.askers, load{window: dnsWindow, span: span})
	if err != nil {
		return err
	}
	before := s.of.cpu()
	rated, err := askAll(ctx, s.askers, load{rate: rate, span: span})
	if err == nil && counts {
		s.window, s.rated, s.cpu = append(s.window, fast), append(s.rated, rated), s.cpu+s.of.cpu()-before
	}
	return err
}

// most returns how many answers there were a second in the best round.
func (s *dnsSide) most() Figure {
	best, worst := s.window[0], s.window[0]
	unanswered := 0
	for _, a := range s.window {
		unanswered += a.unanswered
		if a.rate() > best.rate() {
			best = a
		}
		if a.rate() < worst.rate() {
			worst = a
		}
	}
	return Value(best.rate()).With("worst round %s; p99 %s ms; %s without an answer in all rounds",
		number(worst.rate()), number(best.took.at(0.99, time.Millisecond)), number(float64(unanswered)))
}

// fixed returns the 99th percentile in the best round at a rate.
func (s *dnsSide) fixed() Figure {
	var p99 samples
	best, answers, unanswered := s.rated[0], 0, 0
	for _, a := range s.rated {
		answers, unanswered = answers+len(a.took), unanswered+a.unanswered
		p99 = append(p99, time.Duration(a.took.at(0.99, 1)))
		if a.took.at(0.99, 1) < best.took.at(0.99, 1) {
			best = a
		}
	}
	return Value(best.took.at(0.99, time.Millisecond)).With("p50 %s; median of rounds %s, worst %s; %s µs of CPU each; %s of %s without an answer",
		number(best.took.at(0.5, time.Millisecond)), number(p99.at(0.5, time.Millisecond)), number(p99.at(1, time.Millisecond)),
		number(s.cpu/float64(answers)*1e6), number(float64(unanswered)), number(float64(answers+unanswered)))
}

// dnsPort is a port that asks, and is asked about.
type dnsPort struct {
	node, name string
	number     openflow.PortNo
	mac        net.HardwareAddr
	addr       netip.Addr
	// frame asks the gateway about another port, whose address is want.
	frame    []byte
	want     netip.Addr
	metadata uint64
}

// question returns the message that frame has; its number may be changed in place.
func (p *dnsPort) question() []byte { return p.frame[dnsHeaders:] }

// dnsHeaders is how many bytes are before a message: Ethernet, IPv4 without options, and UDP.
const dnsHeaders = 14 + 20 + 8

// dnsBed is sdnd with simulated switches of this process, whose ports ask.
type dnsBed struct {
	fleet     *fleet
	ports     []*dnsPort // by switch, dnsPorts of each
	sims      *simswitch.Fleet
	receivers map[string]func(packet []byte) // by switch, what takes its packet-outs
	stop      func()
}

func newDNSBed(ctx context.Context, e *Env) (_ *dnsBed, err error) {
	f, err := newFleet(e, dnsNodes, dnsPorts)
	if err != nil {
		return nil, err
	}
	b := &dnsBed{fleet: f, receivers: map[string]func([]byte){}, stop: func() {}}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	started, err := f.startDaemon()
	if err == nil {
		err = f.ready(ctx)
	}
	if err != nil {
		return nil, err
	}
	objects := append(f.nodeObjects(), object("lan", model.NetworkSpec{CIDR: netip.MustParsePrefix("10.0.0.0/16"), DNS: model.DNS{Enabled: true}}))
	for n := 1; n <= dnsNodes; n++ {
		for p := 1; p <= dnsPorts; p++ {
			objects = append(objects, portObject("lan", n, p))
		}
	}
	if _, err := f.declare(ctx, objects); err != nil {
		return nil, err
	}
	if err := b.readPorts(ctx); err != nil {
		return nil, err
	}
	b.start(ctx)
	_, err = f.awaitSync(ctx, started, nil)
	return b, err
}

// readPorts reads what sdnd has given the ports, and makes their questions: each asks about the
// next one.
func (b *dnsBed) readPorts(ctx context.Context) error {
	network, err := b.fleet.api.Network(ctx, "lan")
	if err != nil {
		return err
	}
	gateway := netip.MustParseAddr("10.0.0.1")
	mac, err := net.ParseMAC(network.Status.GatewayMAC)
	if err != nil {
		return err
	}
	for n := 1; n <= dnsNodes; n++ {
		for eth := 1; eth <= dnsPorts; eth++ {
			name := fmt.Sprintf("lan-%d-%d", n, eth)
			o, err := b.fleet.api.Port(ctx, name)
			if err != nil {
				return err
			}
			p := &dnsPort{node: nodeName(n), name: name + ".lan.internal.", number: firstSimPort + openflow.PortNo(eth), metadata: uint64(o.Status.VNI)}
			if p.addr, err = netip.ParseAddr(o.Status.IP); err != nil {
				return err
			}
			if p.mac, err = net.ParseMAC(o.Status.MAC); err != nil {
				return err
			}
			b.ports = append(b.ports, p)
		}
	}
	for i, p := range b.ports {
		about := b.ports[(i+1)%len(b.ports)]
		p.want = about.addr
		if p.frame, err = questionFrame(p, mac, gateway, about.name); err != nil {
			return err
		}
	}
	return nil
}

// questionFrame returns the frame by which a port asks its gateway for an address. It has no
// checksum of UDP, which is allowed (RFC 768), so that its number can be changed.
func questionFrame(p *dnsPort, mac net.HardwareAddr, gateway netip.Addr, name string) ([]byte, error) {
	message, err := new(dns.Msg).SetQuestion(name, dns.TypeA).Pack()
	if err != nil {
		return nil, err
	}
	buf := gopacket.NewSerializeBuffer()
	ip := &layers.IPv4{Version: 4, IHL: 5, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: p.addr.AsSlice(), DstIP: gateway.AsSlice()}
	err = gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true},
		&layers.Ethernet{SrcMAC: p.mac, DstMAC: mac, EthernetType: layers.EthernetTypeIPv4}, ip, gopacket.Payload(udpHeader(len(message))), gopacket.Payload(message))
	return buf.Bytes(), err
}

// udpHeader returns the header of a question without a checksum (RFC 768).
func udpHeader(payload int) []byte {
	b := binary.BigEndian.AppendUint16(nil, 40000)
	b = binary.BigEndian.AppendUint16(b, 53)
	b = binary.BigEndian.AppendUint16(b, uint16(8+payload))
	return append(b, 0, 0)
}

// firstSimPort is the number before that of the first interface of a switch.
const firstSimPort = 10

// start connects the switches.
func (b *dnsBed) start(ctx context.Context) {
	cfg := simswitch.FleetConfig{Controller: b.fleet.openflow, Switch: func(name string, _ int) simswitch.Config {
		ports := []openflow.Port{{No: 1, Name: pipeline.TunnelPort}, {No: openflow.PortLocal, Name: "br-int"}}
		for eth := 1; eth <= dnsPorts; eth++ {
			ports = append(ports, openflow.Port{No: firstSimPort + openflow.PortNo(eth), Name: fmt.Sprintf("eth%d", eth)})
		}
		return simswitch.Config{
			DatapathID: openflow.DatapathID(model.DatapathIDFor(name)), Ports: ports, Probe: 5 * time.Second,
			PacketOut: func(packet []byte) { b.receivers[name](packet) },
		}
	}}
	for n := 1; n <= dnsNodes; n++ {
		cfg.Names = append(cfg.Names, nodeName(n))
		b.receivers[nodeName(n)] = func([]byte) {}
	}
	b.sims = simswitch.NewFleet(cfg)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		b.sims.Run(ctx)
	}()
	b.stop = func() { cancel(); <-ended }
}

// askers returns one for each switch. It must be called before anybody asks.
func (b *dnsBed) askers() []*asker {
	var all []*asker
	for n := range dnsNodes {
		ports := b.ports[n*dnsPorts:][:dnsPorts]
		name := nodeName(n + 1)
		sw := b.sims.Switch(name)
		a := newAsker(ports)
		a.send = func(ids []uint16) error {
			in := make([]openflow.PacketIn, len(ids))
			for i, id := range ids {
				p := a.portOf(id)
				frame := append([]byte(nil), p.frame...)
				binary.BigEndian.PutUint16(frame[dnsHeaders:], id)
				in[i] = openflow.PacketIn{
					BufferID: openflow.NoBuffer, TotalLen: uint16(len(frame)), Reason: openflow.ReasonAction, Table: pipeline.TableDNS,
					Match: openflow.Match(nil).InPort(p.number).Metadata(p.metadata), Data: frame,
				}
			}
			sw.PacketIn(in...)
			return nil
		}
		b.receivers[name] = func(packet []byte) {
			if len(packet) > dnsHeaders {
				a.answered(packet[dnsHeaders:])
			}
		}
		all = append(all, a)
	}
	return all
}

func (b *dnsBed) close() error {
	b.stop()
	return b.fleet.close()
}

// bareNames is the name server to compare with, and sockets that ask it.
type bareNames struct {
	*process
	ports []*dnsPort
	conns []net.Conn
}

// newBareNames starts a server that knows the names of the ports.
func newBareNames(ctx context.Context, e *Env, ports []*dnsPort) (_ *bareNames, err error) {
	path, err := e.program("dnsbare")
	if err != nil {
		return nil, err
	}
	var table strings.Builder
	for _, p := range ports {
		fmt.Fprintln(&table, p.name, p.addr)
	}
	p := &process{cmd: exec.Command(path), ended: make(chan error, 1)}
	p.cmd.Stdin, p.cmd.Stderr = strings.NewReader(table.String()), os.Stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	b := &bareNames{process: p, ports: ports}
	addr, readErr := bufio.NewReader(out).ReadString('\n')
	go func() { p.ended <- p.cmd.Wait() }()
	if readErr != nil {
		return nil, errors.Join(fmt.Errorf("dnsbare says no address: %w", readErr), b.close())
	}
	for range dnsNodes {
		c, err := new(net.Dialer).DialContext(ctx, "udp4", strings.TrimSpace(addr))
		if err != nil {
			return nil, errors.Join(err, b.close())
		}
		b.conns = append(b.conns, c)
	}
	return b, nil
}

// askers returns one for each socket.
func (b *bareNames) askers() []*asker {
	var all []*asker
	for n, c := range b.conns {
		a := newAsker(b.ports[n*dnsPorts:][:dnsPorts])
		a.send = func(ids []uint16) error {
			for _, id := range ids {
				q := a.portOf(id).question()
				binary.BigEndian.PutUint16(q, id)
				if _, err := c.Write(q); err != nil {
					return err
				}
			}
			return nil
		}
		go func() { // ends when the socket is closed
			buf := make([]byte, 4096)
			for {
				n, err := c.Read(buf)
				if err != nil {
					return
				}
				a.answered(buf[:n])
			}
		}()
		all = append(all, a)
	}
	return all
}

func (b *bareNames) close() error {
	var all []error
	for _, c := range b.conns {
		all = append(all, c.Close())
	}
	return errors.Join(append(all, b.stop(syscall.SIGTERM))...)
}
