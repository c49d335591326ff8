package server

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sdnctl/sdnctl/controller/condition"
	"github.com/sdnctl/sdnctl/controller/enroll"
	"github.com/sdnctl/sdnctl/controller/forecast"
	"github.com/sdnctl/sdnctl/controller/reconcile"
	"github.com/sdnctl/sdnctl/controller/status"
	"github.com/sdnctl/sdnctl/controller/warn"
	"github.com/sdnctl/sdnctl/controller/worker"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// Store has the methods of the store that the server uses.
type Store interface {
	store.Reader
	store.Committer
	store.Historian
	store.Backups
	CheckIPAM() (store.IPAMReport, error)
}

// Fabric has the methods of *reconcile.Fabric that the server uses.
type Fabric interface {
	NodeStatus(name string) (status.Node, bool)
	PortStatus(name string) status.Port
	// Bound returns the node of PortStatus, and whether the port is bound; it costs less.
	Bound(name string) (node string, bound bool)
	NetworkConditions(name, node string) []condition.Condition
	RouterConditions(topo *topology.Snapshot, name string) []condition.Condition
	ServiceStatus(topo *topology.Snapshot, name string) status.Service
	EgressIPStatus(topo *topology.Snapshot, name string) status.EgressIP
	FloatingIPStatus(topo *topology.Snapshot, name string) status.FloatingIP
	Summary(worst int) status.Summary
	Switches() []status.Switch
	Acks(rev topology.Revision) status.Acks
	Flows(ctx context.Context, node string) ([]worker.FlowView, error)
	Groups(ctx context.Context, node string) ([]worker.NumberedView, error)
	Meters(ctx context.Context, node string) ([]worker.NumberedView, error)
	PolicyCounters(ctx context.Context, policy string) (reconcile.PolicyReading, error)
	ServiceCounters(ctx context.Context, service string) (reconcile.ServiceReading, error)
	PolicyDenials(ctx context.Context, policy string, watch time.Duration) (reconcile.PolicyDenials, error)
	Forecast(before *topology.Snapshot, r topology.Result, flows bool) forecast.Effect
	Subscribe(func(topology.Ref)) (cancel func())
	MulticastGroups(network string, after netip.Addr, limit, members int) (all []reconcile.GroupMembers, more bool)
	Drifts(node string) []worker.Drift
	Audit(ctx context.Context, node string) reconcile.Audit
}

// Config has the settings for New. Store and Fabric are required.
type Config struct {
	Store  Store
	Fabric Fabric
	// Answers is what ports were answered; nil has none.
	Answers Answers
	// Version is sdnd's version, shown by /v1/status.
	Version string
	// Logger receives the log; nil discards it.
	Logger *slog.Logger
	// Registerer registers the server's metrics; nil registers none.
	Registerer prometheus.Registerer
	// Metrics serves /metrics; if it is nil, there is no such path.
	Metrics http.Handler
	// Ready returns why the daemon is not ready to serve. A nil Ready means always ready.
	Ready func() error
	// Clock is the clock; nil is time.Now.
	Clock func() time.Time
	// MaxApply and MaxBody are the size limits of the body of an apply and of every other
	// request, in bytes; 0 is DefaultMaxApply and DefaultMaxBody.
	MaxApply, MaxBody int64
	// MaxWatchers is the greatest number of open watches on TCP, and again on the unix
	// socket. MaxClientWatchers is that of each client on TCP. 0 is DefaultMaxWatchers and
	// DefaultMaxClientWatchers.
	MaxWatchers, MaxClientWatchers int
	// MaxBodies is the greatest number of bytes of large bodies that are processed at once,
	// for all clients on TCP, and again for those on the unix socket. Each client may have as
	// many as the largest body. 0 is DefaultMaxBodies.
	MaxBodies int64
	// MaxRequests is the greatest number of concurrent requests of each client on TCP,
	// without watches; 0 is DefaultMaxRequests.
	MaxRequests int
	// MaxRate is the greatest number of requests per second of each client on TCP; 0 is no
	// limit.
	MaxRate float64
	// MaxPolicyFlows is the greatest number of flows of policies on each node; 0 is no limit.
	MaxPolicyFlows int
	// Access authenticates clients on TCP. If it is nil, every client may do everything, and
	// the author of a change is what the client claims.
	Access *Access
	// Bridge is the name of the bridge on every node, for the status.
	Bridge string
	// Registrar issues invitations and certificates for nodes. If it is nil, NoRegistrar
	// is the reason, with the remedy.
	Registrar   *enroll.Registrar
	NoRegistrar string
	// Insecure lists the connections to the daemon that are not protected, for /v1/status.
	Insecure []string
}

// The default limits of a server.
const (
	// DefaultMaxApply is the default of Config.MaxApply, in bytes. 100,000 ports need less.
	DefaultMaxApply = 64 << 20
	// DefaultMaxBody is the default of Config.MaxBody, in bytes. The largest object needs
	// much less.
	DefaultMaxBody = 8 << 20
	// DefaultMaxBodies is the default of Config.MaxBodies, in bytes: two of the largest body.
	DefaultMaxBodies = 2 * DefaultMaxApply
	// DefaultMaxWatchers is the default of Config.MaxWatchers. A watch costs a goroutine and
	// a few KB.
	DefaultMaxWatchers = 1024
	// DefaultMaxClientWatchers is the default of Config.MaxClientWatchers, enough for many
	// dashboards of one user.
	DefaultMaxClientWatchers = 64
	// DefaultMaxRequests is the default of Config.MaxRequests. A program that waits for its
	// responses needs fewer.
	DefaultMaxRequests = 128
	// DefaultMaxConnections is the default of sdnd's --api-max-connections.
	DefaultMaxConnections = 1024
	// DefaultMaxRate is the default of Config.MaxRate. A program that creates objects one by
	// one needs fewer requests per second; one that is out of control makes more.
	DefaultMaxRate = 200
)

// Server serves the API. Create it with New and run it with Serve; call Close after every
// Serve has returned.
type Server struct {
	cfg     Config
	log     *slog.Logger
	started time.Time
	mux     *http.ServeMux
	api     huma.API
	metrics *metrics
	// warnings logs faults of peers, at a limited rate.
	warnings *warn.Limiter
	feed     *feed
	rates    *rates
	// requests and watches count the open ones.
	requests, watches *shares
	// draining counts the refused bodies that are being discarded.
	draining *shares
	bodies   *bodies
	// flowTexts shares the reading of a node's flows among concurrent requests.
	flowTexts *shared[string, []byte]
	// cancel ends the subscription to the fabric.
	cancel func()
	// proofEvery is the constant of that name, except in tests.
	proofEvery time.Duration

	// writes is held exclusively by changes that depend on what was read (prune, If-Match,
	// PATCH, requests of nodes), and shared by all others, which the store orders.
	writes sync.RWMutex
}

// New returns a server. It subscribes to the store's commits, so it must be called before
// the first of them.
func New(cfg Config) *Server {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Ready == nil {
		cfg.Ready = func() error { return nil }
	}
	if cfg.MaxApply == 0 {
		cfg.MaxApply = DefaultMaxApply
	}
	if cfg.MaxBody == 0 {
		cfg.MaxBody = DefaultMaxBody
	}
	if cfg.MaxWatchers == 0 {
		cfg.MaxWatchers = DefaultMaxWatchers
	}
	if cfg.MaxBodies == 0 {
		cfg.MaxBodies = DefaultMaxBodies
	}
	if cfg.MaxClientWatchers == 0 {
		cfg.MaxClientWatchers = DefaultMaxClientWatchers
	}
	if cfg.MaxRequests == 0 {
		cfg.MaxRequests = DefaultMaxRequests
	}
	s := &Server{
		cfg: cfg,
		log: cfg.Logger, proofEvery: proofEvery,
		started:  cfg.Clock().UTC(),
		mux:      http.NewServeMux(),
		metrics:  newMetrics(cfg.Registerer),
		warnings: warn.New(cfg.Logger),
		rates:    newRates(cfg.MaxRate),
		// The limit of connections also limits the total of requests.
		requests:  newShares(cfg.MaxRequests, math.MaxInt),
		bodies:    newBodies(max(cfg.MaxApply, cfg.MaxBody), cfg.MaxBodies, bodySafe),
		flowTexts: newShared[string, []byte](),
		watches:   newShares(cfg.MaxClientWatchers, cfg.MaxWatchers),
		draining:  newShares(drainEach, drainAll),
		feed:      newFeed(),
	}
	s.api = humago.New(s.mux, s.openAPIConfig())
	s.api.UseMiddleware(s.metrics.observe)
	s.routes()
	s.finishOpenAPI()
	s.serveOpenAPI()
	s.feed.follow(cfg.Store)
	s.cancel = cfg.Fabric.Subscribe(s.feed.statusChanged)
	return s
}

// Close ends the server's subscription to the fabric.
func (s *Server) Close() { s.cancel() }

// Handler serves the whole API.
func (s *Server) Handler() http.Handler { return s.guard(s.problemsFor(s.mux)) }

// view returns a view of the present state that shows everything.
func (s *Server) view() view { return view{snap: s.cfg.Store.Snapshot(), fabric: s.cfg.Fabric} }

// viewFor returns a view of the present state that shows what the caller of a request may see.
func (s *Server) viewFor(ctx context.Context) view {
	v := s.view()
	v.only = nodeOfRequest(ctx)
	return v
}

// viewOf does what viewFor does for another snapshot.
func (s *Server) viewOf(ctx context.Context, snap *topology.Snapshot) view {
	return view{snap: snap, fabric: s.cfg.Fabric, only: nodeOfRequest(ctx)}
}
