package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Flows returns the flows of br-int, one per element, as ovs-ofctl prints them, without the
// fields that change by themselves. It leaves out samples, which are there for a moment only.
func (n *Node) Flows(ctx context.Context) ([]string, error) {
	out, err := n.OFCtl(ctx, "--no-stats", "--no-names", "dump-flows", "br-int")
	if err != nil {
		return nil, err
	}
	var flows []string
	for line := range strings.Lines(out) {
		if strings.Contains(line, "actions=") && !sample.MatchString(line) {
			flows = append(flows, strings.TrimSpace(line))
		}
	}
	return flows, nil
}

// sample matches the cookies of samples (controller/pipeline, SampleCookie and DenialCookie).
var sample = regexp.MustCompile("cookie=0x73616d70(6c65|64656e)")

// FlowCount returns the number of flows of br-int.
func (n *Node) FlowCount(ctx context.Context) (int, error) {
	flows, err := n.Flows(ctx)
	return len(flows), err
}

// OFPort returns the OpenFlow port number of an interface.
func (n *Node) OFPort(ctx context.Context, iface string) (int, error) {
	out, err := n.VSCtl(ctx, "get", "interface", iface, "ofport")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(out))
}

// ColdCaches makes ovs-vswitchd forget its megaflows, so that the next packets
// pass the OpenFlow tables again.
func (n *Node) ColdCaches(ctx context.Context) error {
	// dpctl/del-flows would make the userspace datapath slow for a while.
	_, err := n.AppCtl(ctx, "revalidator/purge")
	return err
}

// ControlLog counts the OpenFlow messages that a node receives from its controller, as
// ovs-vswitchd logs them.
type ControlLog struct {
	node  *Node
	start int64
}

// WatchControl starts counting.
func (n *Node) WatchControl(ctx context.Context) (*ControlLog, error) {
	if _, err := n.AppCtl(ctx, "vlog/disable-rate-limit", "vconn"); err != nil {
		return nil, err
	}
	if _, err := n.AppCtl(ctx, "vlog/set", "vconn:file:dbg"); err != nil {
		return nil, err
	}
	st, err := os.Stat(n.vswitchdLog())
	if err != nil {
		return nil, err
	}
	return &ControlLog{n, st.Size()}, nil
}

func (n *Node) vswitchdLog() string { return filepath.Join(n.Dir, "ovs-vswitchd.log") }

// Received returns how many messages of each type have come from the
// controller since WatchControl: OFPT_FLOW_MOD, ONFT_BUNDLE_ADD_MESSAGE, ….
func (c *ControlLog) Received(ctx context.Context) (map[string]int, error) {
	// All messages before this request are logged before its reply.
	marker := regexp.MustCompile(`unix#\d+: received: OFPT_ECHO_REQUEST`)
	before, err := c.read()
	if err != nil {
		return nil, err
	}
	seen := len(marker.FindAllString(before, -1))
	if _, err := c.node.OFCtl(ctx, "probe", "br-int"); err != nil {
		return nil, err
	}
	var text string
	err = PollFor(ctx, 5*time.Second, "ovs-vswitchd's log", func(context.Context) error {
		if text, err = c.read(); err != nil {
			return err
		}
		if len(marker.FindAllString(text, -1)) <= seen {
			return fmt.Errorf("the marker is not in %s", c.node.vswitchdLog())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	counts := map[string]int{}
	line := regexp.MustCompile(`\|vconn\|DBG\|(?:tcp|ssl):\S+ received: (\w+)`)
	for _, m := range line.FindAllStringSubmatch(text, -1) {
		counts[m[1]]++
	}
	return counts, nil
}

// Changes returns how many messages that change flows have come from the controller since
// WatchControl, in a bundle or not. It leaves out the replacement of invalidations
// (docs/decisions/0036), which some versions of Open vSwitch get with every change: one
// deletion and one addition in each table.
func (c *ControlLog) Changes(ctx context.Context) (int, error) {
	counts, err := c.Received(ctx)
	if err != nil {
		return 0, err
	}
	text, err := c.read()
	invalidations, received := 0, false
	for line := range strings.Lines(text) {
		if strings.Contains(line, "|vconn|DBG|") { // where a message begins
			received = strings.Contains(line, " received: ")
		}
		if received && strings.Contains(line, "pkt_mark=") {
			invalidations++
		}
	}
	return counts["OFPT_FLOW_MOD"] + counts["ONFT_BUNDLE_ADD_MESSAGE"] + counts["OFPT_BUNDLE_ADD_MESSAGE"] +
		counts["OFPT_GROUP_MOD"] + counts["OFPT_METER_MOD"] - 2*invalidations, err
}

func (c *ControlLog) read() (string, error) {
	b, err := os.ReadFile(c.node.vswitchdLog())
	if err != nil {
		return "", err
	}
	if int64(len(b)) < c.start {
		return "", fmt.Errorf("%s has shrunk", c.node.vswitchdLog())
	}
	return string(b[c.start:]), nil
}
