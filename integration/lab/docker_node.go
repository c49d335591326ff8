package lab

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// StartDocker starts a dockerd of the node's own, beside that of the lab, which does what it does on any
// machine: it has a bridge, forwards, and makes rules of iptables. RunDocker speaks to it. It must be called once.
func (n *Node) StartDocker(ctx context.Context) error {
	if err := n.lab.StartDocker(ctx); err != nil { // for its containerd
		return err
	}
	file := func(name string) string { return filepath.Join(n.Dir, "docker", name) }
	if err := os.Mkdir(file(""), 0o700); err != nil {
		return err
	}
	// Unlike n.Command, with the machine's /sys, which has control groups.
	cmd := n.lab.command(context.WithoutCancel(ctx), "nsenter", "--net="+netnsPath(n.Netns), "dockerd", "--config-file", n.lab.dockerFile("daemon.json"), "--host", n.dockerHost(),
		"--containerd", n.lab.dockerFile("containerd.sock"), "--containerd-namespace", n.Name, "--containerd-plugins-namespace", n.Name+"-plugins",
		"--data-root", file("data"), "--exec-root", file("exec"), "--pidfile", file("dockerd.pid"),
		"--cgroup-parent=/"+n.lab.cgroup(), "--exec-opt=native.cgroupdriver=cgroupfs", "--storage-driver=vfs")
	if err := n.lab.await(ctx, cmd, "dockerd of "+n.Name, file("dockerd.log"), file("docker.sock")); err != nil {
		return err
	}
	if err := PollFor(ctx, 15*time.Second, "dockerd of "+n.Name+" to answer", func(ctx context.Context) error {
		_, err := n.RunDocker(ctx, "version")
		return err
	}); err != nil {
		return err
	}
	return n.lab.importImage(ctx, n.dockerHost())
}

func (n *Node) dockerHost() string { return "unix://" + filepath.Join(n.Dir, "docker", "docker.sock") }

// RunDocker runs a command of docker with the node's own dockerd. Containers that it starts must be removed before
// the lab is taken down.
func (n *Node) RunDocker(ctx context.Context, args ...string) (string, error) {
	return n.Exec(ctx, append([]string{"docker", "--host", n.dockerHost()}, args...)...)
}
