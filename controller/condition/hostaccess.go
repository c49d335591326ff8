package condition

import (
	"fmt"
	"net/netip"
	"strings"
)

// HostAccess is what keeps the nodes of a network with host access from reaching its ports,
// and these from reaching the nodes. All nodes are sorted by name.
type HostAccess struct {
	// Subnets are those of the network.
	Subnets []netip.Prefix
	// NoGateway says that no router joins a network that needs one.
	NoGateway bool
	// Missing are nodes without the port for it, Down those on which it is down, Other those
	// that joined for other ranges or with other addresses, and NoAddress those without an
	// address of a family of the network.
	Missing, Down, Other, NoAddress []string
}

func hostAccess(l *list, f NetworkFacts) {
	h := f.Host
	if h.NoGateway {
		l.add(HostAccessNoGateway,
			"it has host access and no gateway, since it is stretched and no router joins it: its ports and the nodes do not reach each other",
			fmt.Sprintf("join it with a router, such as: sdnctl router create %s --network %s", f.Name, f.Name))
	}
	join := func(node string) string {
		var ranges []string
		for _, s := range h.Subnets {
			ranges = append(ranges, "--host-access "+s.String())
		}
		return fmt.Sprintf("on %s: sdnctl node join %s --controller ADDRESS %s, beside the flags that it joined with", node, node, strings.Join(ranges, " "))
	}
	if n := len(h.Missing); n > 0 {
		l.add(HostAccessMissing,
			fmt.Sprintf("it has host access, and %s did not join for that; nothing passes between its ports and the node itself there", TunnelNodes{h.Missing, n}.text()),
			join(h.Missing[0]))
	}
	if n := len(h.Down); n > 0 {
		l.add(HostAccessDown,
			fmt.Sprintf("it has host access, and the port host-sdn is down on %s; nothing passes between its ports and the node itself there", TunnelNodes{h.Down, n}.text()),
			fmt.Sprintf("on %s: systemctl restart sdnctl-host, or without systemd: /etc/sdnctl/host start", h.Down[0]))
	}
	if n := len(h.Other); n > 0 {
		l.add(HostAccessDiffers,
			fmt.Sprintf("it has host access, and %s joined with other ranges than its subnets, or with other addresses than the node is declared with; packets between its ports and the node itself are lost there", TunnelNodes{h.Other, n}.text()),
			join(h.Other[0])+", with --address for each address of the node; 'sdnctl node show' shows them")
	}
	if n := len(h.NoAddress); n > 0 {
		l.add(HostAccessNoAddress,
			fmt.Sprintf("it has host access, and %s has no address of one of its families; ports do not reach the node by that, nor it them", TunnelNodes{h.NoAddress, n}.text()),
			fmt.Sprintf("sdnctl node set %s --address ADDRESS for each family, then join again with the same --address", h.NoAddress[0]))
	}
}
