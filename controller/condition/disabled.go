package condition

import "strings"

// Disabled says how an OpenFlow port is kept from forwarding (OpenFlow 1.3.5, 7.2.1,
// ofp_port_config). The zero Disabled forwards.
type Disabled struct{ Down, NoForward, NoReceive bool }

// text returns the end of a sentence that begins with the interface.
func (d Disabled) text() string {
	var how []string
	if d.Down {
		how = append(how, "is administratively down")
	}
	if d.NoForward {
		how = append(how, "is set not to forward (no-forward)")
	}
	if d.NoReceive {
		how = append(how, "is set not to receive (no-receive)")
	}
	return strings.Join(how, " and ")
}

// cure returns the command that makes the interface forward again.
func (d Disabled) cure(bridge, iface string) string {
	var commands []string
	for _, c := range []struct {
		is   bool
		word string
	}{{d.Down, "up"}, {d.NoForward, "forward"}, {d.NoReceive, "receive"}} {
		if c.is {
			commands = append(commands, "ovs-ofctl -O OpenFlow13 mod-port "+bridge+" "+iface+" "+c.word)
		}
	}
	return strings.Join(commands, "; ")
}
