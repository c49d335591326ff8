package main

import (
	"context"
	"io"
	"io/fs"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/sdnctl/sdnctl/controller/server"
	"github.com/sdnctl/sdnctl/controller/version"
	"github.com/sdnctl/sdnctl/topology/store"
)

// apiAuto leaves it to sdnd whether the API is served by TCP; where it is, that is
// on apiDefault.
const (
	apiAuto    = "auto"
	apiDefault = ":8453"
)

// defaultConfig is read if it exists.
const defaultConfig = "/etc/sdnctl/sdnd.yaml"

// options are what a user can choose. Every one is a flag and, under the same
// name, a key of the configuration file.
type options struct {
	data            string
	dataHistory     int
	dataAcceptOlder bool

	apiSocket            string
	apiSocketMode        fileMode
	apiSocketGroup       string
	apiListen            string
	apiMaxBody           int64
	apiMaxApply          int64
	apiMaxBodies         int64
	apiMaxWatchers       int
	apiMaxClientWatchers int
	apiMaxRequests       int
	apiMaxConnections    int
	apiMaxRate           float64
	apiTokens            string
	apiInsecure          bool
	metricsListen        string

	tlsCA    string
	tlsCert  string
	tlsKey   string
	insecure bool

	openflowListen       string
	openflowEchoInterval time.Duration
	openflowEchoTimeout  time.Duration
	ovsdbListen          string
	bridge               string

	dnsTransferListen      string
	dnsTransferKeys        string
	dnsTransferNameServers string

	maxPolicyFlows int
	maxConnections uint32

	logLevel  string
	logFormat string
}

// flags defines the options, with their defaults, as flags.
func (o *options) flags(f *pflag.FlagSet) {
	o.apiSocketMode = 0o660
	f.StringVar(&o.data, "data", "/var/lib/sdnctl/sdnd.db", "`file` that stores the topology; its folder is created if it does not exist")
	f.IntVar(&o.dataHistory, "data-history", store.DefaultHistoryEntries, "`number` of revisions in the history; the oldest beyond that, or beyond 256 MiB, are deleted")
	f.BoolVar(&o.dataAcceptOlder, "data-accept-older", false, "start from the newest state in the data file that is intact, although a newer one is damaged; changes that were acknowledged since are lost")
	f.StringVar(&o.apiSocket, "api-socket", "/run/sdnctl/sdnd.sock", "unix socket `path` of the API; empty for none")
	f.Var(&o.apiSocketMode, "api-socket-mode", "permissions of the socket, in octal; everybody who may write to it may change everything")
	f.StringVar(&o.apiSocketGroup, "api-socket-group", "", "`group` that owns the socket; empty for that of sdnd")
	f.StringVar(&o.apiListen, "api-listen", apiAuto, "`address` to serve the API on by TCP, by TLS, for nodes and for those with a client certificate or a token; auto is "+apiDefault+" unless certificates or --insecure are given, and none then; empty for none")
	f.Int64Var(&o.apiMaxBody, "api-max-body", server.DefaultMaxBody, "largest body of a request in `bytes`")
	f.Int64Var(&o.apiMaxApply, "api-max-apply", server.DefaultMaxApply, "largest body of an apply in `bytes`")
	f.Int64Var(&o.apiMaxBodies, "api-max-bodies", server.DefaultMaxBodies, "large bodies that are processed at once, in `bytes`: of all clients by TCP, and as much again on the unix socket; sdnd uses up to ten times that in memory")
	f.IntVar(&o.apiMaxWatchers, "api-max-watchers", server.DefaultMaxWatchers, "`number` of watches that may be open at once by TCP, and as many again on the unix socket")
	f.IntVar(&o.apiMaxClientWatchers, "api-max-client-watchers", server.DefaultMaxClientWatchers, "`number` of watches that each client may have open by TCP")
	f.IntVar(&o.apiMaxRequests, "api-max-client-requests", server.DefaultMaxRequests, "`number` of requests of each client by TCP that may be under way at once, besides watches")
	f.IntVar(&o.apiMaxConnections, "api-max-connections", server.DefaultMaxConnections, "`number` of connections by TCP that may be open at once, half of them without a request; at most an eighth of the file descriptors")
	f.Float64Var(&o.apiMaxRate, "api-max-rate", server.DefaultMaxRate, "`requests` a second that each client may make by TCP; 0 for no limit")
	f.StringVar(&o.apiTokens, "api-tokens", "", "`file` of the tokens that are valid by TCP, as 'sdnctl token new' makes them")
	f.BoolVar(&o.apiInsecure, "api-insecure", false, "serve --api-listen by plain TCP; without --api-tokens everybody who can reach it may do everything")
	f.StringVar(&o.metricsListen, "metrics-listen", "", "`address` to serve /metrics, /healthz and /readyz on by TCP, such as :9453; the API serves them too")
	f.StringVar(&o.tlsCA, "tls-ca", "", "`file` with the certificates of the CAs that may sign for nodes and users, in PEM; without --tls-ca, --tls-cert and --tls-key sdnd creates a CA of its own in the folder pki beside --data")
	f.StringVar(&o.tlsCert, "tls-cert", "", "`file` with the certificate of sdnd; with it switches, nodes and clients of the API connect by TLS only")
	f.StringVar(&o.tlsKey, "tls-key", "", "`file` with the key of that certificate")
	f.BoolVar(&o.insecure, "insecure", false, "let switches and nodes connect by plain TCP from everywhere; everybody who can reach sdnd can impersonate any of them")
	f.StringVar(&o.openflowListen, "openflow-listen", ":6653", "`address` where switches connect by OpenFlow")
	f.DurationVar(&o.openflowEchoInterval, "openflow-echo-interval", 5*time.Second, "`time` without a message from a switch after which sdnd sends it an echo request")
	f.DurationVar(&o.openflowEchoTimeout, "openflow-echo-timeout", 10*time.Second, "`time` after the echo request after which sdnd closes the connection if nothing came")
	f.StringVar(&o.ovsdbListen, "ovsdb-listen", ":6640", "`address` where nodes connect by OVSDB, likewise; empty for none, then ports are bound by interface name only")
	f.StringVar(&o.bridge, "bridge", "br-int", "`name` of the bridge on every node")
	f.StringVar(&o.dnsTransferListen, "dns-transfer-listen", "", "`address` where other name servers fetch the names of networks, by TCP and UDP, such as 192.168.50.10:5300; needs --dns-transfer-keys; empty for none")
	f.StringVar(&o.dnsTransferKeys, "dns-transfer-keys", "", "`file` of the keys (TSIG) with which name servers sign their questions, as tsig-keygen makes them")
	f.StringVar(&o.dnsTransferNameServers, "dns-transfer-name-servers", "", "`names` of the servers that transferred zones name as their own, separated by commas; empty for localhost")
	f.IntVar(&o.maxPolicyFlows, "max-policy-flows", server.DefaultMaxPolicyFlows, "`number` of flows that policies may make on a node; a change that would make more is refused; 0 for no limit")
	f.Uint32Var(&o.maxConnections, "max-connections", 100_000, "`number` of connections that a node's Open vSwitch may track in each zone of a routing domain, from version 3.3 on; 0 for no limit")
	f.StringVar(&o.logLevel, "log-level", "info", "`level` of what is logged: debug, info, warn or error")
	f.StringVar(&o.logFormat, "log-format", "text", "`format` of the log: text or json")
}

// newCommand makes the command, which reads the options and calls run.
func newCommand(run func(context.Context, options, io.Writer) error) *cobra.Command {
	var o options
	var config string
	var check bool
	cmd := &cobra.Command{
		Use:   "sdnd",
		Short: "Run the controller for Open vSwitch",
		Long: `Run the controller for Open vSwitch: keep the declared topology, serve the API
to sdnctl, and keep every switch that connects equal to what is declared.

sdnd runs without a configuration. At its first start it creates a certificate
authority (CA) of its own, and nodes connect with TLS: 'sdnctl node invite NAME'
prints the command by which a machine joins. With --tls-ca, --tls-cert and --tls-key
it uses another CA. With --insecure it accepts plain TCP from everywhere.

Options come from the defaults, then from the file
` + defaultConfig + ` (or --config), where each flag is a key, then from flags.
SIGTERM and SIGINT end it cleanly. Switches keep forwarding without it.`,
		Example: `  # As a service, with all defaults:
  sdnd

  # With nodes on other machines:
  sdnd --tls-ca /etc/sdnctl/pki/ca.crt --tls-cert /etc/sdnctl/pki/sdnd.crt --tls-key /etc/sdnctl/pki/sdnd.key

  # Before an upgrade, with the new program and a backup of the old one:
  sdnd --check-migration --data ./backup.db

  # To try it, as an ordinary user:
  sdnd --data ./sdnd.db --api-socket ./sdnd.sock
  SDNCTL_HOST=unix://$PWD/sdnd.sock sdnctl status`,
		Version:       version.String(),
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := readConfig(config, cmd.Flags()); err != nil {
				return err
			}
			if check {
				return checkMigration(o.data, cmd.OutOrStdout())
			}
			return run(cmd.Context(), o, cmd.ErrOrStderr())
		},
	}
	o.flags(cmd.Flags())
	cmd.CompletionOptions.DisableDefaultCmd = true
	cmd.AddCommand(newManCommand())
	cmd.Flags().BoolVar(&check, "check-migration", false, "print what a start would do to the data file of an older version, and exit; writes nothing")
	cmd.Flags().StringVar(&config, "config", "", "configuration `file` (default "+defaultConfig+", if it exists)")
	return cmd
}

// fileMode is a flag for permissions in octal.
type fileMode fs.FileMode

// String returns the mode in octal, such as "0660".
func (m *fileMode) String() string { return "0" + strconv.FormatUint(uint64(*m), 8) }

// Set reads a mode in octal.
func (m *fileMode) Set(s string) error {
	v, err := strconv.ParseUint(s, 8, 9)
	*m = fileMode(v)
	return err
}

// Type names the values in the help.
func (m *fileMode) Type() string { return "mode" }
