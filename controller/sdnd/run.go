package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/sdnctl/sdnctl/controller/answer"
	"github.com/sdnctl/sdnctl/controller/denials"
	"github.com/sdnctl/sdnctl/controller/nameserver"
	"github.com/sdnctl/sdnctl/controller/ovsdb"
	"github.com/sdnctl/sdnctl/controller/packetin"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/controller/server"
	"github.com/sdnctl/sdnctl/controller/version"
	"github.com/sdnctl/sdnctl/controller/zonetransfer"
	"github.com/sdnctl/sdnctl/openflow/session"
	"github.com/sdnctl/sdnctl/topology/store"
	"github.com/sdnctl/sdnctl/topology/store/bolt"
)

// dnsPort is the port of name servers (RFC 1035, 4.2).
const dnsPort = 53

// run is the daemon: it returns when the context ends, or when something that
// it cannot do without fails.
func run(ctx context.Context, o options, stderr io.Writer) (err error) {
	floor := holdHeapFloor()
	defer runtime.KeepAlive(floor)
	log, err := newLogger(o, stderr)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(o.data), 0o700); err != nil {
		return fmt.Errorf("make the folder of the data file (see --data): %w", err)
	}
	st, err := bolt.Open(o.data, bolt.Options{Logger: log.With("component", "store"), HistoryEntries: o.dataHistory, AcceptOlder: o.dataAcceptOlder})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	sec, err := secure(&o, st, log.With("component", "security"))
	if err != nil {
		return err
	}
	if o.apiSocket == "" && o.apiListen == "" {
		return errors.New("neither --api-socket nor --api-listen is given: nobody could reach sdnd")
	}
	room, err := shareDescriptors(o.apiMaxConnections)
	if err != nil {
		return err
	}
	if short := room.tooFewFor(st.Snapshot()); short != "" {
		log.Warn("too few file descriptors", "what", short)
	}

	transfers, err := openTransferKeys(o, log.With("component", "dns-transfer"))
	if err != nil {
		return err
	}
	var ls listeners
	defer ls.close()
	if err := ls.open(o, room); err != nil {
		return err
	}
	sec.wrap(&ls, o.apiInsecure)

	registry := newRegistry(st)
	prober, announcer, upstreams := answer.NewProber(), answer.NewAnnouncer(), nameserver.NewChecker(dnsPort)
	snooper := answer.NewSnooper(time.Now)
	tunnels := answer.NewTunnelProber()
	registry.MustRegister(snooper.Collectors()...)
	registry.MustRegister(announcer.Dropped(), upstreams.Up())
	upstream := nameserver.Upstream{Port: dnsPort, Noted: upstreams.Noted}
	packetIns, err := packetin.New(registry, append(answer.Causes(upstream), prober.Cause(), snooper.Cause(), tunnels.Cause())...)
	if err != nil {
		return err
	}
	fabric, err := reconcile.New(reconcile.Config{
		Logger:     log.With("component", "reconcile"),
		PacketIns:  packetIns,
		Registerer: registry,
		Bridge:     o.bridge, MaxConnections: o.maxConnections,
		Identify: sec.identify(), MaxHandshakes: room.openflowHandshakes, MaxUnassigned: room.openflowUnassigned,
		Session: session.Config{
			EchoInterval: o.openflowEchoInterval,
			EchoTimeout:  o.openflowEchoTimeout,
			Logger:       log.With("component", "openflow"),
		},
	}, st)
	if err != nil {
		return err
	}
	if sec.source != nil {
		registry.MustRegister(newExpiry(sec.source, st, fabric))
	}
	registrar, why, err := sec.registrar(o, st, &ls)
	if err != nil {
		return err
	}
	var ready atomic.Bool
	srv := server.New(server.Config{
		Store: st, Fabric: fabric, Answers: packetIns, Version: version.String(),
		Logger:     log.With("component", "api"),
		Registerer: registry,
		Metrics:    promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
		Ready: func() error {
			if !ready.Load() {
				return errors.New("starting or stopping")
			}
			return st.Check()
		},
		MaxBody: o.apiMaxBody, MaxApply: o.apiMaxApply, MaxBodies: o.apiMaxBodies, MaxWatchers: o.apiMaxWatchers,
		MaxClientWatchers: o.apiMaxClientWatchers, MaxRequests: o.apiMaxRequests,
		MaxRate: o.apiMaxRate, MaxPolicyFlows: o.maxPolicyFlows, Access: sec.access, Insecure: sec.insecure, Bridge: o.bridge,
		Registrar: registrar, NoRegistrar: why,
	})
	defer srv.Close()

	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return fabric.Run(ctx) })
	group.Go(func() error { return answer.RunAdvertiser(ctx, fabric) })
	group.Go(func() error { return answer.RunGatewayAsker(ctx, fabric) })
	st.OnCommit(func(c store.Commit) { announcer.Changed(c.Revision, c.Changes) })
	group.Go(func() error { return announcer.Run(ctx, fabric) })
	group.Go(func() error { return prober.Run(ctx, fabric, fabric.SetHealth) })
	group.Go(func() error { return snooper.Run(ctx, fabric, fabric.SetJoins) })
	group.Go(func() error { return tunnels.Run(ctx, fabric, fabric.Settled, fabric.SetTunnelFaults) })
	group.Go(func() error { return upstreams.Run(ctx, st.Snapshot, fabric.SetUpstreams) })
	group.Go(func() error { return denials.New(fabric, log.With("component", "denials"), time.Now).Run(ctx) })
	if sec.own != nil {
		group.Go(func() error { return sec.own.Run(ctx) })
	}
	group.Go(func() error { return fabric.Serve(ctx, ls.openflow) })
	if ls.ovsdb != nil {
		group.Go(func() error {
			return ovsdb.Serve(ctx, ls.ovsdb, fabric, ovsdb.Config{
				Logger: log.With("component", "ovsdb"), Bridge: o.bridge,
				Identify: sec.identifyNode(), Admit: fabric.AdmitOVSDB, Known: fabric.KnownAddress,
				Standing: fabric.OVSDBStanding, Reconsider: fabric.OVSDBReconsider(),
				MaxHandshakes: room.ovsdbHandshakes, MaxConnections: room.ovsdb,
			})
		})
	}
	if ls.transfers != nil {
		transfers.Snapshot, transfers.Registerer = st.Snapshot, registry
		group.Go(func() error { return zonetransfer.Serve(ctx, ls.transfers, ls.transfersUDP, transfers) })
	}
	for _, ln := range ls.api {
		group.Go(func() error { return srv.Serve(ctx, ln) })
	}
	if ls.metrics != nil {
		group.Go(func() error { return srv.ServeHealth(ctx, ls.metrics) })
	}
	ready.Store(true)
	log.Info("sdnd runs", append([]any{"version", version.String(), "data", o.data, "revision", st.Snapshot().Revision()}, ls.where()...)...)
	notify("READY=1")
	group.Go(func() error {
		<-ctx.Done()
		ready.Store(false)
		notify("STOPPING=1")
		log.Info("sdnd stops; switches keep forwarding")
		return nil
	})
	return group.Wait()
}
