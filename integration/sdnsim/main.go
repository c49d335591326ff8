// Command sdnsim is a fleet of simulated switches (package simswitch) that
// connect to a controller, thousands in one process:
//
//	sdnsim --controller 127.0.0.1:6653 --switches 1000 --dpid-names node%d --ports 10 --control /tmp/sim.sock
//
// Each has the tunnel port that "sdnctl node join" makes, and interfaces eth1,
// eth2, …, so that ports declared with an interface are bound. Its datapath id is
// the one that sdnd derives from the node's name.
//
// With --tunnel-net they reach each other, so that sdnd finds its probes of their tunnels arriving: declare the
// nodes with these addresses.
//
// With --control it listens on a unix socket for HTTP; see newAPI for what it
// answers. For example:
//
//	curl --unix-socket /tmp/sim.sock http://sim/status
//	curl --unix-socket /tmp/sim.sock -X PUT http://sim/switches/node7/ports/eth11?no=21
//
// It ends on SIGINT and SIGTERM, and prints a summary.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/integration/simswitch"
	"github.com/sdnctl/sdnctl/openflow"
	"github.com/sdnctl/sdnctl/topology/model"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "sdnsim:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	controller string
	switches   int
	first      int
	names      string
	ports      int
	portNames  string
	tunnelNet  string
	control    string
	cpus       int
	probe      time.Duration
	backoff    time.Duration
	every      time.Duration
}

func newCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:           "sdnsim --controller HOST:6653 --switches N",
		Short:         "A fleet of simulated switches that connect to a controller",
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), o, cmd.OutOrStdout())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.controller, "controller", "127.0.0.1:6653", "where the switches connect to, over TCP")
	f.IntVar(&o.switches, "switches", 100, "how many switches")
	f.IntVar(&o.first, "first", 1, "number of the first switch in its name")
	f.StringVar(&o.names, "dpid-names", "node%d", "names of the nodes, from which their datapath ids derive")
	f.IntVar(&o.ports, "ports", 10, "interfaces of each switch, beside the tunnel")
	f.StringVar(&o.portNames, "port-names", "eth%d", "names of the interfaces, from 1 on")
	f.StringVar(&o.tunnelNet, "tunnel-net", "", "`prefix` of the nodes' tunnel addresses: node N has the N-th after its first one. What a node is made to send to another then arrives there; empty for no underlay")
	f.StringVar(&o.control, "control", "", "unix socket for requests and commands; empty for none")
	f.IntVar(&o.cpus, "cpus", runtime.NumCPU(), "processors that the fleet may use at a time")
	f.DurationVar(&o.probe, "probe", 5*time.Second, "`time` without a message from the controller after which it gets an echo request; 0 for never")
	f.DurationVar(&o.backoff, "max-backoff", time.Second, "longest pause before a switch connects again")
	f.DurationVar(&o.every, "every", 0, "how often to print what the fleet has; 0 for only in the end")
	return cmd
}

// check returns an error for invalid options.
func (o *options) check() error {
	one := func(flag, format string) error {
		if strings.Count(format, "%d") != 1 || strings.Count(format, "%") != 1 {
			return fmt.Errorf("--%s %q: want one %%d, for the number", flag, format)
		}
		return nil
	}
	switch {
	case o.switches < 1 || o.switches > 100_000:
		return fmt.Errorf("--switches %d: want 1 to 100000", o.switches)
	case o.ports < 0 || o.ports > 10_000:
		return fmt.Errorf("--ports %d: want 0 to 10000", o.ports)
	case o.cpus < 1:
		return fmt.Errorf("--cpus %d: want 1 or more", o.cpus)
	case o.probe < 0 || o.backoff < 0 || o.every < 0:
		return errors.New("--probe, --max-backoff and --every must not be negative")
	}
	if o.tunnelNet != "" {
		p, err := netip.ParsePrefix(o.tunnelNet)
		if err != nil || p != p.Masked() || !p.Contains(o.address(p, o.switches-1)) {
			return fmt.Errorf("--tunnel-net %q: want a prefix with an address for each of the nodes, such as 172.16.0.0/16", o.tunnelNet)
		}
	}
	if len(fmt.Sprintf(o.portNames, o.ports)) > 15 {
		return fmt.Errorf("--port-names %q: the name of an interface takes at most 15 bytes", o.portNames)
	}
	return errors.Join(one("dpid-names", o.names), one("port-names", o.portNames))
}

// newFleet makes the switches.
func newFleet(o *options) *simswitch.Fleet {
	cfg := simswitch.FleetConfig{
		Controller: o.controller, Dials: 64, Underlay: o.underlay(),
		Switch: func(name string, _ int) simswitch.Config {
			return simswitch.Config{
				DatapathID: openflow.DatapathID(model.DatapathIDFor(name)),
				Ports:      portsOf(o), Probe: o.probe, Backoff: o.backoff,
			}
		},
	}
	for i := range o.switches {
		cfg.Names = append(cfg.Names, fmt.Sprintf(o.names, o.first+i))
	}
	return simswitch.NewFleet(cfg)
}

// address returns the tunnel address of the switch with an index, from 0 on.
func (o *options) address(in netip.Prefix, i int) netip.Addr {
	b := in.Addr().AsSlice()
	for n, at := o.first+i, len(b)-1; n > 0 && at >= 0; at-- {
		n += int(b[at])
		b[at], n = byte(n), n>>8
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// underlay carries the probes by which sdnd finds out whether packets arrive, to switches that have the flows for
// these.
func (o *options) underlay() *simswitch.Underlay {
	p, err := netip.ParsePrefix(o.tunnelNet)
	if err != nil {
		return nil // check allows none
	}
	return &simswitch.Underlay{
		Address: func(_ string, i int) netip.Addr { return o.address(p, i) },
		Arrive: func(s *simswitch.Switch, packet []byte) (openflow.PacketIn, bool) {
			return openflow.PacketIn{
				BufferID: openflow.NoBuffer, TotalLen: uint16(len(packet)), Reason: openflow.ReasonAction, Table: pipeline.TableTunnelProbe,
				Match: openflow.Match(nil).InPort(tunnelPort), Data: packet[:min(len(packet), pipeline.TunnelProbeBytes)],
			}, s.NumFlowsIn(pipeline.TableTunnelProbe) > 0
		},
	}
}

// firstPort is the number of the first interface; the tunnel has tunnelPort.
const (
	tunnelPort openflow.PortNo = 1
	firstPort  openflow.PortNo = 11
)

// portsOf returns what each switch has at first.
func portsOf(o *options) []openflow.Port {
	ports := []openflow.Port{
		{No: tunnelPort, Name: pipeline.TunnelPort},
		{No: openflow.PortLocal, Name: "br-int"},
	}
	for i := range o.ports {
		ports = append(ports, openflow.Port{No: firstPort + openflow.PortNo(i), Name: fmt.Sprintf(o.portNames, i+1)})
	}
	return ports
}

// run runs the fleet until ctx ends.
func run(ctx context.Context, o options, out io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(o.cpus))
	f := newFleet(&o)
	g, ctx := errgroup.WithContext(ctx)
	if o.control != "" {
		ln, err := net.Listen("unix", o.control)
		if err != nil {
			return fmt.Errorf("--control: %w; if no sdnsim listens there, remove it", err)
		}
		srv := &http.Server{Handler: newAPI(f), ReadHeaderTimeout: 10 * time.Second}
		g.Go(func() error {
			if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
		g.Go(func() error {
			<-ctx.Done()
			return srv.Close()
		})
	}
	g.Go(func() error { f.Run(ctx); return nil })
	if o.every > 0 {
		g.Go(func() error { return report(ctx, f, o.every, out) })
	}
	err := g.Wait()
	fmt.Fprintln(out, statusOf(f))
	return err
}

// report prints what the fleet has from time to time.
func report(ctx context.Context, f *simswitch.Fleet, every time.Duration, out io.Writer) error {
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			fmt.Fprintln(out, statusOf(f))
		case <-ctx.Done():
			return nil
		}
	}
}
