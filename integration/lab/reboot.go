package lab

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Reboot simulates a power failure of the node. It kills all of the node's processes, creates
// its network namespace, interfaces and tunnel neighbours again, and starts Open vSwitch with
// the existing database. The node's containers are lost; the caller must add them again.
func (n *Node) Reboot(ctx context.Context) error {
	all, err := n.lab.Containers()
	if err != nil {
		return err
	}
	for _, daemon := range []string{"ovs-vswitchd", "ovsdb-server"} {
		if err := n.kill(ctx, daemon); err != nil {
			return err
		}
	}
	// Deleting the namespace deletes its ends of all veth pairs, and so the other ends. That
	// of the hub is deleted some time later, so it is deleted explicitly.
	hub := n.lab.netns("hub")
	if err := n.lab.ip(ctx, hub, "link del to-%s", n.Name); err != nil {
		return err
	}
	if _, err := n.lab.run(ctx, "ip", "netns", "del", n.Netns); err != nil {
		return err
	}
	if err := n.connect(ctx); err != nil {
		return err
	}
	if err := n.startOVS(ctx); err != nil {
		return err
	}
	for _, c := range all {
		if c.Node == n.Name {
			if err := c.forget(ctx, n); err != nil {
				return err
			}
		}
	}
	if err := n.addressUnderlay(ctx); err != nil {
		return err
	}
	return n.awaitUnderlay(ctx)
}

// forget removes a container whose node has rebooted.
func (c *Container) forget(ctx context.Context, n *Node) error {
	_, unplug := n.VSCtl(ctx, "--if-exists", "del-port", "br-int", c.Interface)
	_, del := c.lab.run(ctx, "ip", "netns", "del", c.netnsName())
	return errors.Join(unplug, del, os.Remove(c.file()))
}

// kill ends one of the node's daemons.
func (n *Node) kill(ctx context.Context, daemon string) error {
	pid, err := readPID(filepath.Join(n.Dir, daemon+".pid"))
	if err != nil {
		return err
	}
	if !n.lab.owns(pid) {
		return errors.New(daemon + " of " + n.Name + " has gone already")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	return awaitGone(ctx, pid, 10*time.Second)
}
