package lab

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
)

// TunnelPort is the name of each node's VXLAN port.
const TunnelPort = "vxlan-sdn"

// Trace is what ovs-vswitchd would do with a packet ("ovs-appctl ofproto/trace").
type Trace struct {
	// Text is the whole output.
	Text string
	// Ports are the OpenFlow ports of br-int to which the packet would be sent; InPort for
	// its ingress port.
	Ports []int
	// Tunnels are the VXLAN packets in which it would be sent.
	Tunnels []Tunnel
	// Final has the packet's final fields: "dl_dst", "nw_ttl", ….
	Final map[string]string
}

// InPort stands for the ingress port of a packet.
const InPort = -1

// Tunnel has the properties of a VXLAN packet.
type Tunnel struct {
	VNI    uint32
	Remote netip.Addr
}

// Trace returns what br-int would do with a packet, given in the syntax of ovs-fields(7), such
// as "in_port=3,icmp,dl_dst=…".
func (n *Node) Trace(ctx context.Context, packet string) (Trace, error) {
	text, err := n.AppCtl(ctx, "ofproto/trace", "br-int", packet)
	if err != nil {
		return Trace{}, err
	}
	return parseTrace(text)
}

// parseTrace parses the output of ofproto/trace.
func parseTrace(text string) (Trace, error) {
	t := Trace{Text: text, Final: map[string]string{}}
	var flow, final string
	output := regexp.MustCompile(`^\s+(?:output:(\d+)|(IN_PORT))$`)
	bridge := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "bridge("):
			bridge = line
		case strings.HasPrefix(line, "Flow: ") && flow == "":
			flow = line[len("Flow: "):]
		case strings.HasPrefix(line, "Final flow: ") && final == "":
			final = line[len("Final flow: "):]
		}
		// The output of br-phy for the tunnel packet does not count.
		if m := output.FindStringSubmatch(line); m != nil && bridge == `bridge("br-int")` {
			port := InPort
			if m[1] != "" {
				port, _ = strconv.Atoi(m[1]) // digits only
			}
			t.Ports = append(t.Ports, port)
		}
	}
	if final == "" || final == "unchanged" {
		final = flow
	}
	for field := range strings.SplitSeq(final, ",") {
		name, value, _ := strings.Cut(field, "=")
		t.Final[name] = value
	}
	push := regexp.MustCompile(`ipv[46]\(src=[\d.a-f:]+,dst=([\d.a-f:]+),.*?vxlan\(flags=0x[0-9a-f]+,vni=(0x[0-9a-f]+)\)`)
	for _, m := range push.FindAllStringSubmatch(text, -1) {
		remote, err := netip.ParseAddr(m[1])
		if err != nil {
			return t, fmt.Errorf("ofproto/trace: %w", err)
		}
		vni, err := strconv.ParseUint(m[2], 0, 24)
		if err != nil {
			return t, fmt.Errorf("ofproto/trace: %w", err)
		}
		t.Tunnels = append(t.Tunnels, Tunnel{uint32(vni), remote})
	}
	return t, nil
}

// Arrival is the end of an echo request's path.
type Arrival struct {
	// At is the interface through which it leaves br-int, "" if it is dropped or answered.
	// Node is the node where that happens.
	At, Node string
	// Answered is true if the flows answer it.
	Answered bool
	// TTL is its remaining time to live, from 64.
	TTL int
	// Text is the output of ovs-vswitchd on each node.
	Text string
}

// TraceEcho follows an echo request from a container to an address through the flows, without
// sending it, and over a tunnel if necessary. dstMAC is the destination MAC of the request: that
// of the peer or of the gateway.
func (l *Lab) TraceEcho(ctx context.Context, from *Container, dstMAC string, to netip.Addr) (Arrival, error) {
	n, err := l.Node(from.Node)
	if err != nil {
		return Arrival{}, err
	}
	in, err := n.OFPort(ctx, from.Interface)
	if err != nil {
		return Arrival{}, err
	}
	packet := func(in int, src, dst string, ttl string) string {
		if to.Is6() {
			return fmt.Sprintf("in_port=%d,icmp6,dl_src=%s,dl_dst=%s,ipv6_src=%s,ipv6_dst=%s,nw_ttl=%s,icmpv6_type=128,icmpv6_code=0",
				in, src, dst, from.IP6.Addr(), to, ttl)
		}
		return fmt.Sprintf("in_port=%d,icmp,dl_src=%s,dl_dst=%s,nw_src=%s,nw_dst=%s,nw_ttl=%s,icmp_type=8,icmp_code=0",
			in, src, dst, from.IP.Addr(), to, ttl)
	}
	t, err := n.Trace(ctx, packet(in, from.MAC, dstMAC, "64"))
	if err != nil {
		return Arrival{}, err
	}
	text := fmt.Sprintf("on %s:\n%s", n.Name, t.Text)
	if len(t.Tunnels) > 1 {
		return Arrival{Text: text}, fmt.Errorf("one packet is sent to %d nodes:\n%s", len(t.Tunnels), text)
	}
	if len(t.Tunnels) == 1 {
		src, tunnel := n, t.Tunnels[0]
		if n, err = l.nodeAt(t.Tunnels[0].Remote); err != nil {
			return Arrival{Text: text}, fmt.Errorf("%w:\n%s", err, text)
		}
		if in, err = n.OFPort(ctx, TunnelPort); err != nil {
			return Arrival{}, err
		}
		outer := fmt.Sprintf("tun_id=%d,tun_src=%s,tun_dst=%s,", tunnel.VNI, src.Addr, n.Addr)
		if tunnel.Remote.Is6() {
			outer = fmt.Sprintf("tun_id=%d,tun_ipv6_src=%s,tun_ipv6_dst=%s,", tunnel.VNI, src.Addr6, n.Addr6)
		}
		t, err = n.Trace(ctx, outer+
			packet(in, t.Final["dl_src"], t.Final["dl_dst"], t.Final["nw_ttl"]))
		if err != nil {
			return Arrival{}, err
		}
		text += fmt.Sprintf("on %s:\n%s", n.Name, t.Text)
	}
	return arrival(ctx, n, t, text)
}

// arrival returns the end of the path from the last node's trace.
func arrival(ctx context.Context, n *Node, t Trace, text string) (Arrival, error) {
	a := Arrival{Node: n.Name, Text: text}
	a.TTL, _ = strconv.Atoi(t.Final["nw_ttl"]) // absent, hence 0, when not IP
	switch {
	case len(t.Ports) == 0:
		return a, nil
	case len(t.Ports) > 1:
		return a, fmt.Errorf("one packet leaves by %d ports:\n%s", len(t.Ports), text)
	case t.Ports[0] == InPort:
		a.Answered = true
		return a, nil
	}
	out, err := n.VSCtl(ctx, "--bare", "--columns=name", "find", "interface", fmt.Sprintf("ofport=%d", t.Ports[0]))
	if err != nil {
		return a, err
	}
	// Each bridge has its own port numbers, so br-phy may have the same one.
	for name := range strings.FieldsSeq(out) {
		if br, err := n.VSCtl(ctx, "iface-to-br", name); err == nil && strings.TrimSpace(br) == "br-int" {
			a.At = name
		}
	}
	if a.At == "" {
		return a, fmt.Errorf("port %d of %s is not there:\n%s", t.Ports[0], n.Name, text)
	}
	return a, nil
}

func (l *Lab) nodeAt(addr netip.Addr) (*Node, error) {
	for _, n := range l.Nodes {
		if n.Addr == addr || n.Addr6 == addr {
			return n, nil
		}
	}
	return nil, fmt.Errorf("no node has the tunnel endpoint %s", addr)
}

// NextHopMAC returns the MAC to which the container sends packets for an address: that of the
// peer or of the gateway. It fails if the container has not sent a packet to it yet, so that it
// has no neighbour entry.
func (c *Container) NextHopMAC(ctx context.Context, to netip.Addr) (string, error) {
	route, err := c.Exec(ctx, "ip", "route", "get", to.String())
	if err != nil {
		return "", err
	}
	hop := to.String()
	if m := regexp.MustCompile(` via (\S+)`).FindStringSubmatch(route); m != nil {
		hop = m[1]
	}
	out, err := c.Exec(ctx, "ip", "neigh", "show", "to", hop, "dev", "eth0")
	if err != nil {
		return "", err
	}
	m := regexp.MustCompile(`lladdr (\S+)`).FindStringSubmatch(out)
	if m == nil {
		return "", fmt.Errorf("container %q does not know the MAC of %s", c.Name, hop)
	}
	return m[1], nil
}
