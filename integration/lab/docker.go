package lab

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Image is the image that StartDocker creates. It has only a static busybox.
const Image = "sdnlab/busybox"

func (l *Lab) dockerHost() string { return "unix://" + l.dockerFile("docker.sock") }

func (l *Lab) dockerFile(name string) string { return filepath.Join(l.Dir, "docker", name) }

// StartDocker starts a containerd and a dockerd of the lab's own, which leave
// the machine's bridges, addresses and firewall alone, and makes Image. One
// dockerd serves all nodes, so container names are unique in the lab.
// Once started, more calls do nothing.
func (l *Lab) StartDocker(ctx context.Context) error {
	if why := MissingDocker(); len(why) > 0 {
		return fmt.Errorf("no docker here: %s", strings.Join(why, "; "))
	}
	if _, err := os.Stat(l.dockerFile("docker.sock")); err == nil {
		return nil
	}
	// A containerd of the lab's own, too. Otherwise dockerd would use the machine's.
	config := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [%q]\n[grpc]\naddress = %q\n",
		l.dockerFile("containerd"), l.dockerFile("containerd-state"), "io.containerd.grpc.v1.cri", l.dockerFile("containerd.sock"))
	if err := os.WriteFile(l.dockerFile("containerd.toml"), []byte(config), 0o600); err != nil {
		return err
	}
	// An empty configuration, so that the machine's /etc/docker/daemon.json is not read.
	if err := os.WriteFile(l.dockerFile("daemon.json"), []byte("{}"), 0o600); err != nil {
		return err
	}
	if err := l.startDaemon(ctx, "containerd", "containerd.sock", "--config", l.dockerFile("containerd.toml")); err != nil {
		return err
	}
	err := l.startDaemon(ctx, "dockerd", "docker.sock",
		"--config-file", l.dockerFile("daemon.json"), "--host", l.dockerHost(),
		"--containerd", l.dockerFile("containerd.sock"), "--data-root", l.dockerFile("data"),
		"--exec-root", l.dockerFile("exec"), "--pidfile", l.dockerFile("dockerd.pid"),
		// A control group of the lab's own, so that Down finds it.
		"--cgroup-parent=/"+l.cgroup(), "--exec-opt=native.cgroupdriver=cgroupfs",
		"--storage-driver=vfs", "--bridge=none", "--iptables=false", "--ip6tables=false",
		"--ip-forward=false", "--ip-masq=false")
	if err != nil {
		return err
	}
	err = PollFor(ctx, 15*time.Second, "dockerd to answer", func(ctx context.Context) error {
		_, err := l.run(ctx, "docker", "version")
		return err
	})
	if err != nil {
		return err
	}
	return l.importImage(ctx, l.dockerHost())
}

// startDaemon starts a daemon that outlives this process, and waits until its socket exists.
func (l *Lab) startDaemon(ctx context.Context, name, socket string, args ...string) error {
	return l.await(ctx, l.command(context.WithoutCancel(ctx), append([]string{name}, args...)...), name, l.dockerFile(name+".log"), l.dockerFile(socket))
}

// await starts a daemon that outlives this process, with a log, and waits until its socket exists.
func (l *Lab) await(ctx context.Context, cmd *exec.Cmd, name, logFile, socket string) error {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait() // reaps it; ends when Down ends the daemon
	return PollFor(ctx, 30*time.Second, name+" to listen", func(context.Context) error {
		if !alive(cmd.Process.Pid) {
			return fmt.Errorf("it ended; see %s", log.Name())
		}
		_, err := os.Stat(socket)
		return err
	})
}

// importImage creates Image from the machine's static busybox, in a dockerd.
func (l *Lab) importImage(ctx context.Context, host string) error {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	add := func(h tar.Header, content []byte) {
		h.Size = int64(len(content))
		err = errors.Join(err, w.WriteHeader(&h))
		_, e := w.Write(content)
		err = errors.Join(err, e)
	}
	add(tar.Header{Name: "bin/busybox", Mode: 0o755}, binary)
	for _, applet := range []string{"sh", "ping", "arping", "ip", "sleep", "cat", "nc", "wget", "httpd"} {
		add(tar.Header{Name: "bin/" + applet, Typeflag: tar.TypeSymlink, Linkname: "busybox", Mode: 0o777}, nil)
	}
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	cmd := l.command(ctx, "docker", "--host", host, "import", "--change", "CMD [\"sleep\", \"infinity\"]", "-", Image)
	cmd.Stdin = &layer
	_, err = output(cmd)
	return err
}

// AddDockerContainer runs a real Docker container from Image and plugs it into
// its node's br-int with the real ovs-docker, which writes the external_ids container_id and
// container_iface and generates the interface's name.
func (l *Lab) AddDockerContainer(ctx context.Context, c Container) (*Container, error) {
	n, err := l.Node(c.Node)
	if err != nil {
		return nil, err
	}
	if err := l.StartDocker(ctx); err != nil {
		return nil, err
	}
	c.lab = l
	if _, err := n.Exec(ctx, "docker", "run", "--detach", "--network=none", "--name", c.Name,
		"--env", ownerVar+"="+l.ID, Image); err != nil {
		return nil, err
	}
	args := []string{"ovs-docker", "add-port", "br-int", "eth0", c.Name}
	for flag, value := range map[string]string{
		"ipaddress": validOr(c.IP.IsValid(), c.IP), "gateway": validOr(c.Gateway.IsValid(), c.Gateway), "macaddress": c.MAC,
	} {
		if value != "" {
			args = append(args, "--"+flag+"="+value)
		}
	}
	if c.MTU != 0 {
		args = append(args, fmt.Sprintf("--mtu=%d", c.MTU))
	}
	if _, err := n.Exec(ctx, args...); err != nil {
		return nil, err
	}
	return l.AdoptDocker(ctx, n, c)
}

// AdoptDocker adds a Docker container that was started by hand to the lab. Without Interface,
// the container must have been plugged in by ovs-docker.
func (l *Lab) AdoptDocker(ctx context.Context, n *Node, c Container) (*Container, error) {
	c.lab, c.Node = l, n.Name
	text, err := n.Exec(ctx, "docker", "inspect", "--format", "{{.State.Pid}}", c.Name)
	if err != nil {
		return nil, err
	}
	if c.Docker, err = strconv.Atoi(strings.TrimSpace(text)); err != nil || c.Docker == 0 {
		return nil, fmt.Errorf("container %q does not run", c.Name)
	}
	if c.Interface == "" {
		text, err = n.VSCtl(ctx, "--bare", "--columns=name", "find", "interface", "external_ids:container_id="+c.Name)
		if err != nil {
			return nil, err
		}
		c.Interface = strings.TrimSpace(text)
		if _, err := c.Exec(ctx, "ethtool", "-K", "eth0", "tx", "off"); err != nil {
			return nil, err
		}
	}
	if err := c.readInterface(); err != nil {
		return nil, err
	}
	return &c, c.save()
}

func validOr(valid bool, v fmt.Stringer) string {
	if !valid {
		return ""
	}
	return v.String()
}

// stopDocker removes the containers with docker, so that docker removes its mounts and control
// groups. If dockerd has died, Down removes them.
func (l *Lab) stopDocker(ctx context.Context) error {
	if _, err := os.Stat(l.dockerFile("docker.sock")); err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	ids, err := l.run(ctx, "docker", "ps", "--all", "--quiet")
	if err != nil || strings.TrimSpace(ids) == "" {
		return nil
	}
	_, err = l.run(ctx, append([]string{"docker", "rm", "--force"}, strings.Fields(ids)...)...)
	return err
}
