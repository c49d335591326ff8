package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/sdnctl/sdnctl/topology/model"
)

// dialers is how many connections a client has open at once.
const dialers = 4

// serviceSide is a client of a service with ten backends, each of which has a real server, all on
// one node.
type serviceSide struct {
	node    *lab.Node
	client  *lab.Container
	servers []*lab.Container
	// to is an address and port of a service.
	to netip.AddrPort
	// cold empties the caches of the data path; nil if it has none.
	cold func(ctx context.Context) error
	// ports is how many ports of the client have been used.
	ports atomic.Uint32
	first samples
	rates samplesOf
}

// servicePackets measures first packets and connections per second through one of many services.
func servicePackets(ctx context.Context, e *Env, r *Report) (err error) {
	n := e.Pick(1000, 50)
	var sides []*serviceSide
	var stops []func() error
	defer func() {
		for _, stop := range stops {
			err = errors.Join(err, stop())
		}
	}()
	missing := map[string]error{}
	side := func(name string, of func(context.Context, *Env, int) (*serviceSide, func() error, error)) *serviceSide {
		s, stop, err := of(ctx, e, n)
		if err != nil {
			missing[name] = err
			return nil
		}
		stops = append(stops, stop)
		sides = append(sides, s)
		return s
	}
	ours := side("ours", ourServiceSide)
	if ours == nil {
		return missing["ours"]
	}
	const ovn, iptables = "OVN's load balancer", "iptables, the chains of kube-proxy (random, statistic), containers routed by the kernel"
	theirs := map[string]*serviceSide{ovn: side(ovn, ovnServiceSide), iptables: side(iptables, iptablesSide)}
	for _, s := range sides {
		stop, err := s.serve()
		if err != nil {
			return err
		}
		stops = slices.Insert(stops, 0, stop)
	}
	for range e.Pick(100, 5) {
		for _, s := range sides {
			if err := s.firstPacket(ctx); err != nil {
				return err
			}
		}
	}
	for range e.Pick(5, 1) {
		for _, s := range sides {
			if err := s.rate(ctx, time.Duration(e.Pick(2000, 200))*time.Millisecond); err != nil {
				return err
			}
		}
	}
	among := fmt.Sprintf("one of %s services of ten backends", number(float64(n)))
	for _, name := range []string{ovn, iptables} {
		s := theirs[name]
		figure := func(of func(*serviceSide) Figure) Figure {
			if s == nil {
				return None(missing[name].Error())
			}
			return of(s)
		}
		r.Add(Line{
			Name: "TCP connection by " + among + ", no caches", Unit: "ms", Ours: ours.first.p50(time.Millisecond),
			Baseline: name, Theirs: figure(func(s *serviceSide) Figure { return s.first.p50(time.Millisecond) }),
			Note: "From the SYN to the SYN-ACK at a real client; the client and all backends are on one node. The kernel has no caches to empty.",
		})
		r.Add(Line{
			Name: "new TCP connections per second by " + among, Unit: "1/s", Ours: ours.rates.best(),
			Baseline: name, Theirs: figure(func(s *serviceSide) Figure { return s.rates.best() }),
			Note: fmt.Sprintf("A real client with %d connections at once, each of which it resets once it is accepted.", dialers),
		})
	}
	return nil
}

// serve has each server accept connections until stop is called.
func (s *serviceSide) serve() (stop func() error, err error) {
	var listeners []net.Listener
	stop = func() (err error) {
		for _, l := range listeners {
			err = errors.Join(err, l.Close())
		}
		return err
	}
	for _, c := range s.servers {
		l, err := c.Listen("tcp4", ":80")
		if err != nil {
			return nil, errors.Join(err, stop())
		}
		listeners = append(listeners, l)
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go func() {
					_, _ = io.Copy(io.Discard, c) // until the client resets it
					_ = c.Close()
				}()
			}
		}()
	}
	return stop, nil
}

// dial makes one connection and resets it, so that no port of the client stays in use.
func (s *serviceSide) dial(ctx context.Context) (took time.Duration, err error) {
	limit, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	start := time.Now()
	// Each connection has a port of its own: the connection tracker keeps what is known of the
	// last one for a while.
	from := netip.AddrPortFrom(s.client.IP.Addr(), uint16(1024+s.ports.Add(1)%64000))
	c, err := (&net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(from)}).DialContext(limit, "tcp4", s.to.String())
	if err != nil {
		return 0, fmt.Errorf("%s to %v: %w", s.client.Name, s.to, err)
	}
	took = time.Since(start)
	return took, errors.Join(c.(*net.TCPConn).SetLinger(0), c.Close())
}

// firstPacket measures a connection that finds no caches, but neighbours that are known.
func (s *serviceSide) firstPacket(ctx context.Context) error {
	return s.client.Inside(func() error {
		for range 3 {
			if _, err := s.dial(ctx); err != nil {
				return err
			}
		}
		if s.cold != nil {
			if err := s.cold(ctx); err != nil {
				return err
			}
		}
		took, err := s.dial(ctx)
		s.first = append(s.first, took)
		return err
	})
}

// rate measures how many connections a client makes in a second.
func (s *serviceSide) rate(ctx context.Context, during time.Duration) error {
	var made atomic.Int64
	var g errgroup.Group
	start := time.Now()
	for range dialers {
		g.Go(func() error {
			return s.client.Inside(func() error {
				for time.Since(start) < during {
					if _, err := s.dial(ctx); err != nil {
						return err
					}
					made.Add(1)
				}
				return nil
			})
		})
	}
	err := g.Wait()
	s.rates = append(s.rates, float64(made.Load())/time.Since(start).Seconds())
	return err
}

// coldOVS empties the caches and the connections of a node's Open vSwitch.
func coldOVS(n *lab.Node) func(context.Context) error {
	return func(ctx context.Context) error {
		if _, err := n.AppCtl(ctx, "dpctl/flush-conntrack"); err != nil {
			return err
		}
		return n.ColdCaches(ctx)
	}
}

// ourServiceSide is sdnctl with n services.
func ourServiceSide(ctx context.Context, e *Env, n int) (_ *serviceSide, stop func() error, err error) {
	b, err := newDaemonBed(ctx, e, 1)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.stop())
		}
	}()
	s := &serviceSide{node: b.Nodes[0], to: netip.AddrPortFrom(serviceAddress(n/2), 80), cold: coldOVS(b.Nodes[0])}
	var req api.ApplyRequest
	spec := model.ServiceSpec{Networks: []string{"n"}, Ports: []model.ServicePort{{Protocol: model.ProtocolTCP, Port: 80}}}
	err = errors.Join(add(&req, "n", model.NetworkSpec{Mode: model.Segmented, CIDR: netip.MustParsePrefix("10.64.0.0/12"), ContainersPerNode: 250, MaxNodes: 1000}),
		addApp(&req, "client", "client", "node1"))
	for k := range serviceBackends {
		err = errors.Join(err, addApp(&req, serverName(k), "server", "node1"))
		spec.Backends.Endpoints = append(spec.Backends.Endpoints, model.ServiceEndpoint{Port: serverName(k), State: model.EndpointReady})
	}
	for i := range n {
		spec.Addresses = []netip.Addr{serviceAddress(i)}
		err = errors.Join(err, add(&req, fmt.Sprintf("s%d", i), spec))
	}
	if err = errors.Join(err, b.apply(ctx, req)); err != nil {
		return nil, nil, err
	}
	port := func(name string) (*lab.Container, error) {
		c, err := b.plugContainer(ctx, name, "node1", true)
		if err != nil {
			return nil, err
		}
		p, err := b.api.Port(ctx, name)
		if err != nil {
			return nil, err
		}
		_, err = c.Exec(ctx, "ip", "route", "add", "default", "via", p.Status.Gateway, "dev", "eth0")
		return c, err
	}
	if err := s.containers(port); err != nil {
		return nil, nil, err
	}
	return s, b.stop, calm(ctx, s.node)
}

func serverName(k int) string { return fmt.Sprintf("server%d", k) }

// containers makes the client and the servers.
func (s *serviceSide) containers(make func(name string) (*lab.Container, error)) (err error) {
	if s.client, err = make("client"); err != nil {
		return err
	}
	for k := range serviceBackends {
		c, err := make(serverName(k))
		if err != nil {
			return err
		}
		s.servers = append(s.servers, c)
	}
	return nil
}

// ovnServiceSide is OVN with n load balancers.
func ovnServiceSide(ctx context.Context, e *Env, n int) (_ *serviceSide, stop func() error, err error) {
	b, err := newOVNBed(ctx, e)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.stop())
		}
	}()
	s := &serviceSide{node: b.Nodes[0], to: netip.AddrPortFrom(serviceAddress(n/2), 80), cold: coldOVS(b.Nodes[0])}
	k := 1
	if err := s.containers(func(name string) (*lab.Container, error) {
		k++
		c, err := b.container(ctx, 0, k, name)
		if err != nil {
			return nil, err
		}
		if err := setIfaceID(ctx, b.Nodes[0], c.Interface, name); err != nil {
			return nil, err
		}
		return c, b.bound(ctx, name)
	}); err != nil {
		return nil, nil, err
	}
	var backends []string
	for _, c := range s.servers {
		backends = append(backends, netip.AddrPortFrom(c.IP.Addr(), 80).String())
	}
	args := []string{"--wait=hv"}
	for i := range n {
		name := fmt.Sprintf("s%d", i)
		args = append(args, "--", "lb-add", name, netip.AddrPortFrom(serviceAddress(i), 80).String(), strings.Join(backends, ","), "tcp", "--", "ls-lb-add", ovnSwitch(0), name)
	}
	if err := b.nb(ctx, slices.Delete(args, 1, 2)...); err != nil {
		return nil, nil, err
	}
	return s, b.stop, calm(ctx, s.node)
}

// iptablesSide is n services in the chains that kube-proxy writes, and containers that the kernel
// routes to.
func iptablesSide(ctx context.Context, e *Env, n int) (_ *serviceSide, stop func() error, err error) {
	if _, err := exec.LookPath("iptables-restore"); err != nil {
		return nil, nil, errors.New("iptables is not installed; as root: apt-get install iptables")
	}
	l, down, err := e.up(ctx, 1)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, down())
		}
	}()
	s := &serviceSide{node: l.Nodes[0], to: netip.AddrPortFrom(serviceAddress(n/2), 80)}
	if _, err := s.node.Exec(ctx, "sysctl", "-qw", "net.ipv4.ip_forward=1"); err != nil {
		return nil, nil, err
	}
	k := 1
	if err := s.containers(func(name string) (*lab.Container, error) {
		k++
		return l.AddRouted(ctx, lab.Container{Name: name, Node: s.node.Name, IP: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 64, 0, byte(k)}), 32)})
	}); err != nil {
		return nil, nil, err
	}
	cmd := s.node.Command(ctx, "iptables-restore")
	cmd.Stdin = strings.NewReader(kubeProxyRules(n, s.servers))
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("iptables-restore: %w: %s", err, out)
	}
	return s, down, nil
}

// kubeProxyRules returns the rules of n services in the form of kube-proxy's mode iptables: a chain
// with a rule for each service, a chain for each service that chooses among its backends at
// random, and a chain for each of these.
func kubeProxyRules(n int, servers []*lab.Container) string {
	var chains, rules strings.Builder
	chain := func(format string, args ...any) string {
		name := fmt.Sprintf(format, args...)
		fmt.Fprintf(&chains, ":%s - [0:0]\n", name)
		return name
	}
	chain("KUBE-SERVICES")
	chain("KUBE-MARK-MASQ")
	chain("KUBE-POSTROUTING")
	rules.WriteString(`-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
`)
	for i := range n {
		service := chain("KUBE-SVC-%d", i)
		fmt.Fprintf(&rules, "-A KUBE-SERVICES -d %s/32 -p tcp -m comment --comment \"default/s%d cluster IP\" -m tcp --dport 80 -j %s\n", serviceAddress(i), i, service)
		for k, c := range servers {
			endpoint := chain("KUBE-SEP-%d-%d", i, k)
			chance := ""
			if left := len(servers) - k; left > 1 {
				chance = fmt.Sprintf("-m statistic --mode random --probability %.10f ", 1/float64(left))
			}
			fmt.Fprintf(&rules, "-A %s -m comment --comment \"default/s%d\" %s-j %s\n", service, i, chance, endpoint)
			fmt.Fprintf(&rules, "-A %s -s %s/32 -j KUBE-MARK-MASQ\n-A %s -p tcp -m tcp -j DNAT --to-destination %s:80\n", endpoint, c.IP.Addr(), endpoint, c.IP.Addr())
		}
	}
	return "*nat\n" + chains.String() + rules.String() + "COMMIT\n"
}
