package lab

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// needed are the programs without which no lab can start, and the
// Debian packages they come in.
func needed() []struct{ program, pkg string } {
	return []struct{ program, pkg string }{
		{"ip", "iproute2"},
		{"nsenter", "util-linux"},
		{"ping", "iputils-ping"},
		{"ethtool", "ethtool"},
		{"tcpdump", "tcpdump"},
		{"ovsdb-server", "openvswitch-switch"},
		{"ovs-vswitchd", "openvswitch-switch"},
		{"ovs-vsctl", "openvswitch-switch"},
	}
}

// Missing returns the reasons why no lab can start on this machine; nil if one can.
func Missing() []string {
	var why []string
	if os.Geteuid() != 0 {
		why = append(why, "not root, which network namespaces need (sudo env PATH=\"$PATH\" make test)")
	} else if out, err := exec.Command("unshare", "--net", "true").CombinedOutput(); err != nil {
		why = append(why, fmt.Sprintf("no network namespaces to be had (%v): %s", err, strings.TrimSpace(string(out))))
	}
	return append(why, missing(needed())...)
}

// MissingDocker returns the reasons why a lab cannot have real Docker containers; nil if it can.
func MissingDocker() []string {
	return missing([]struct{ program, pkg string }{
		{"dockerd", "docker.io"},
		{"docker", "docker.io"},
		{"containerd", "containerd"},
		{"busybox", "busybox-static"},
		{"ovs-docker", "openvswitch-switch"},
		{"uuidgen", "uuid-runtime"},
	})
}

func missing(need []struct{ program, pkg string }) []string {
	var why []string
	for _, n := range need {
		if _, err := exec.LookPath(n.program); err != nil {
			why = append(why, fmt.Sprintf("no %s: apt-get install %s", n.program, n.pkg))
		}
	}
	return why
}
