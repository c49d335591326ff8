package nodeconfig

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Address is an address of one of the machine's interfaces.
type Address struct {
	Interface string
	// Prefix is the address with the length of its prefix.
	Prefix netip.Prefix
	// Dynamic says that the address has a lifetime, as those of DHCP and of router
	// advertisements have. Left is what is left of it.
	Dynamic bool
	Left    time.Duration
	// Advertised says that the kernel made the address by router advertisements (RFC 4862).
	Advertised bool
}

// ReadAddresses reads the addresses of the machine's interfaces with ip-address(8), without those
// of the loopback interface and link-local ones.
func (m Machine) ReadAddresses(ctx context.Context) ([]Address, error) {
	out, err := m.Exec(ctx, "ip", "-j", "addr", "show")
	if err != nil {
		return nil, fmt.Errorf("ip -j addr show: %w: %.200s", err, out)
	}
	return parseAddresses(out)
}

// parseAddresses reads what "ip -j addr show" prints.
func parseAddresses(text []byte) (all []Address, err error) {
	var links []struct {
		Name  string `json:"ifname"`
		Infos []struct {
			Local      netip.Addr `json:"local"`
			Bits       int        `json:"prefixlen"`
			Dynamic    bool       `json:"dynamic"`
			Managed    bool       `json:"mngtmpaddr"`
			Temporary  bool       `json:"temporary"`
			Protocol   string     `json:"protocol"`
			ValidUntil uint32     `json:"valid_life_time"` // in seconds from now
		} `json:"addr_info"`
	}
	if err := json.Unmarshal(text, &links); err != nil {
		return nil, fmt.Errorf("the output of 'ip -j addr show' is not JSON of addresses: %w: %.200s", err, text)
	}
	for _, l := range links {
		for _, i := range l.Infos {
			if !i.Local.IsValid() || i.Local.IsLoopback() || i.Local.IsLinkLocalUnicast() {
				continue
			}
			a := Address{Interface: l.Name, Prefix: netip.PrefixFrom(i.Local, i.Bits)}
			if i.Dynamic && i.ValidUntil != math.MaxUint32 {
				a.Dynamic, a.Left = true, time.Duration(i.ValidUntil)*time.Second
				a.Advertised = i.Managed || i.Temporary || i.Protocol == "kernel_ra"
			}
			all = append(all, a)
		}
	}
	return all, nil
}

// text describes the address for the user. tunnel is the address that the node's tunnel uses.
func (a Address) text(tunnel string) string {
	var facts []string
	switch {
	case a.Advertised:
		facts = append(facts, fmt.Sprintf("by router advertisements, ends in %d s", int(a.Left.Seconds())))
	case a.Dynamic:
		facts = append(facts, fmt.Sprintf("dynamic, its lease ends in %d s", int(a.Left.Seconds())))
	}
	if a.Prefix.Addr().String() == tunnel {
		facts = append(facts, "the node's tunnel uses it")
	}
	if len(facts) == 0 {
		return a.Prefix.String()
	}
	return fmt.Sprintf("%s (%s)", a.Prefix, strings.Join(facts, "; "))
}

// checkMembers says which network cards in the bridges of uplinks have addresses of their own.
// Open vSwitch takes what arrives at them, so that the machine does not get it.
func (j Join) checkMembers(c *Check, s State) {
	if len(j.UplinkBridges) > 0 && s.AddressesUnknown != "" {
		c.Notes = append(c.Notes, fmt.Sprintf("whether network cards in %s have addresses of this machine is not checked (%s): the addresses must be on the bridge, not on the card", strings.Join(j.UplinkBridges, " and "), s.AddressesUnknown))
	}
	var blocked []string
	for _, bridge := range j.UplinkBridges {
		for _, card := range s.Members[bridge] {
			found, fix := j.cardAddresses(s, bridge, card)
			switch {
			case found == "":
			case j.CardAddresses:
				c.Notes = append(c.Notes, found+"; "+fix)
			default:
				blocked = append(blocked, found+";\n"+fix)
			}
		}
	}
	if len(blocked) > 0 {
		c.Blocked = strings.Join(blocked, ";\n") + ";\nto join nevertheless: --allow-nic-address"
	}
}

// cardAddresses says which addresses a network card in a bridge has, what that means, and what to
// do about it; "" if it has none.
func (j Join) cardAddresses(s State, bridge, card string) (found, fix string) {
	var onCard, onBridge []string
	advertised, leased := false, false
	for _, a := range s.Addresses {
		switch a.Interface {
		case bridge:
			onBridge = append(onBridge, a.Prefix.String())
		case card:
			onCard = append(onCard, a.text(j.LocalIP))
			advertised = advertised || a.Advertised
			leased = leased || a.Dynamic && !a.Advertised
		}
	}
	if len(onCard) == 0 {
		return "", ""
	}
	means := "so this machine is not reached by it"
	if leased {
		means = "so DHCP is not answered there, and this machine loses the address"
	}
	found = fmt.Sprintf("network card %s in bridge %s has an address of this machine: %s; the bridge takes what arrives at %s, %s", card, bridge, strings.Join(onCard, ", "), card, means)
	its := "which has no address"
	if len(onBridge) > 0 {
		its = "which has " + strings.Join(onBridge, ", ")
	}
	client := ""
	if leased {
		client = "also the DHCP client, "
	}
	remove := "ip addr flush dev " + ShellQuote(card) + " scope global"
	if advertised {
		remove = "sysctl -w net.ipv6.conf." + strings.ReplaceAll(card, ".", "/") + ".accept_ra=0 && " + remove
	}
	fix = fmt.Sprintf("have the network configuration of this machine set up %s, %s, instead of %s, %sthen remove what is left: %s", bridge, its, card, client, remove)
	return found, fix
}

// isCard reports whether an interface of a type of Open vSwitch is one of the kernel's, to which
// Open vSwitch was given.
func isCard(kind string) bool {
	return slices.Contains([]string{"", "system", "afxdp", "afxdp-nonpmd"}, kind)
}
