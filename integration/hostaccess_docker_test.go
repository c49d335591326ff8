package integration

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// hostDocker: Docker runs on the node, which so forwards, and publishes a port. From one tenant no way leads by the
// node to another one, or to what Docker publishes; what has to pass does.
func (b *outsideBed) hostDocker() {
	if why := lab.MissingDocker(); len(why) > 0 {
		b.t.Skipf("no docker here: %s", strings.Join(why, "; "))
	}
	n, blue, pods := b.node("node1"), b.port("blue1"), b.port("pods1")
	b.must(n.StartDocker(b.ctx))
	_, err := n.RunDocker(b.ctx, "run", "--detach", "--name", "site", "--publish", "9191:80", lab.Image, "httpd", "-f")
	b.must(err)
	defer func() {
		_, err := n.RunDocker(context.WithoutCancel(b.ctx), "rm", "--force", "site")
		b.must(err)
	}()
	// Docker has this policy if it was there before anything else forwarded.
	_, err = n.Exec(b.ctx, "iptables", "-P", "FORWARD", "DROP")
	b.must(err)
	// The userspace datapath computes no checksums for others.
	pid, err := n.RunDocker(b.ctx, "inspect", "--format", "{{.State.Pid}}", "site")
	b.must(err)
	_, err = n.Exec(b.ctx, "nsenter", "--net=/proc/"+strings.TrimSpace(pid)+"/ns/net", "ethtool", "-K", "eth0", "tx", "off")
	b.must(err)
	published := netip.AddrPortFrom(n.Addr, 9191)
	b.must(lab.PollFor(b.ctx, 20*time.Second, "the published port to answer outside", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		conn, err := b.outside.Dial(ctx, "tcp", published.String())
		if err == nil {
			err = conn.Close()
		}
		return err
	}))
	b.hostRefused(blue, b.host("node1"), 9191)
	b.hostRefused(blue, pods, hostPort)
	b.hostRefused(b.port("blue2"), pods, hostPort)
	for _, port := range []end{blue, pods} {
		b.hostReaches(b.host("node1"), port)
		b.hostReaches(port, b.host("node1"))
	}
	for _, to := range []netip.Addr{b.outside.Addr, b.outside.Addr6} { // by the uplink, past Docker's rules
		b.leaves("blue1", "tcp", to)
		b.leaves("blue1", "udp", to)
	}
}
