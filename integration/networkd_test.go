package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// networkdProgram is systemd-networkd of Debian and Ubuntu.
const networkdProgram = "/lib/systemd/systemd-networkd"

// networkd is a systemd-networkd that a test runs with a configuration and a state of its own.
type networkd struct {
	dir string
	log strings.Builder
	end func()
}

// networkd runs systemd-networkd where command runs programs, with files of configuration by their names, until end or the end of
// the test.
func (b *bed) networkd(command func(ctx context.Context, args ...string) *exec.Cmd, files map[string]string) *networkd {
	b.t.Helper()
	n := &networkd{dir: b.t.TempDir()}
	for _, d := range []string{"network", "netif", "netif/links", "netif/leases", "netif/lldp"} {
		b.must(os.MkdirAll(filepath.Join(n.dir, d), 0o777))
		b.must(os.Chmod(filepath.Join(n.dir, d), 0o777))
	}
	b.must(os.Chmod(n.dir, 0o755))
	for name, text := range files {
		b.must(os.WriteFile(filepath.Join(n.dir, "network", name), []byte(text), 0o644))
	}
	// networkd waits for udev unless /sys cannot be written.
	cmd := command(b.ctx, "unshare", "-m", "sh", "-c", "mount -t tmpfs none /run/systemd && mkdir /run/systemd/network /run/systemd/netif && mount --bind "+n.dir+
		"/network /run/systemd/network && mount --bind "+n.dir+"/netif /run/systemd/netif && mount -o remount,bind,ro /sys && exec "+networkdProgram)
	cmd.Stdout, cmd.Stderr = &n.log, &n.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	b.must(cmd.Start())
	ended := false
	n.end = func() {
		if !ended {
			ended = true
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have ended
			_ = cmd.Wait()                                      // it was killed
		}
	}
	b.t.Cleanup(func() {
		n.end()
		if b.t.Failed() {
			b.t.Logf("networkd: %s", &n.log)
		}
	})
	return n
}

// link returns what networkd says of a link, by its number; lease is what it has got by DHCP. Both are "" if there is nothing.
func (n *networkd) link(index string) (state, lease string) {
	read := func(folder string) string {
		text, err := os.ReadFile(filepath.Join(n.dir, "netif", folder, index))
		if err != nil {
			return ""
		}
		return string(text)
	}
	return read("links"), read("leases")
}

// ifindex returns the number of a device where run runs programs.
func ifindex(b *bed, run func(ctx context.Context, args ...string) (string, error), device string) string {
	b.t.Helper()
	out, err := run(b.ctx, "ip", "-o", "link", "show", "dev", device)
	index, _, _ := strings.Cut(must(b, out, err), ":")
	return index
}
