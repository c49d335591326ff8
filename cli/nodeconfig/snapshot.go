package nodeconfig

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Snapshot has the settings of a bridge before join changed them. It is recorded in the bridge's
// external_ids (KeyFound).
type Snapshot struct {
	// Exists says whether the bridge existed; if not, everything but SSL is empty.
	Exists       bool                `json:"exists"`
	DatapathType string              `json:"datapathType,omitempty"`
	FailMode     string              `json:"failMode,omitempty"`
	Protocols    []string            `json:"protocols,omitempty"`
	OtherConfig  map[string]string   `json:"otherConfig,omitempty"`
	Controllers  []map[string]string `json:"controllers,omitempty"`
	// Ports are the names of the bridge's ports.
	Ports []string `json:"ports,omitempty"`
	// Tunnel has the type and options of the port that had the name TunnelPort.
	Tunnel *TunnelSnapshot `json:"tunnel,omitempty"`
	// Flows are the flows of a bridge without a controller, which were added by hand.
	Flows []string `json:"flows,omitempty"`
	// FlowsLost is the number of flows if they are too many to record; then Flows is empty.
	FlowsLost int `json:"flowsLost,omitempty"`
	// SSL is the certificate that join replaced.
	SSL *TLS `json:"ssl,omitempty"`

	// The fields below are the settings of an earlier join. They serve to undo a join that
	// failed, and are not recorded.
	externalIDs map[string]string
	managers    []map[string]string
	ssl         *SSL
	kernelPorts []string
}

// TunnelSnapshot is the port that had the name TunnelPort before the node joined.
type TunnelSnapshot struct {
	Type    string            `json:"type"`
	Options map[string]string `json:"options,omitempty"`
	// externalIDs are those of an earlier join; not recorded.
	externalIDs map[string]string
}

// joinedConfig are the keys of other_config that join sets.
var joinedConfig = []string{"datapath-id", "disable-in-band"}

// maxFlows is the size limit of the recorded flows, in bytes. Every client that monitors the
// database, such as sdnd, receives them.
const maxFlows = 16 << 10

// snapshot returns the present values of the settings that join changes.
func (s State) snapshot() Snapshot {
	var was Snapshot
	if s.SSL != nil {
		was.ssl = s.SSL
		if s.SSL.Node == "" {
			was.SSL = &s.SSL.TLS
		}
	}
	for _, m := range s.Managers {
		if m.Node != "" {
			was.managers = append(was.managers, m.Columns)
		}
	}
	b := s.Bridge
	if b == nil {
		return was
	}
	was.Exists, was.DatapathType, was.FailMode, was.Protocols, was.Ports = true, b.DatapathType, b.FailMode, b.Protocols, b.Ports
	was.externalIDs, was.kernelPorts = b.ExternalIDs, b.KernelPorts
	for _, key := range joinedConfig {
		if v, ok := b.OtherConfig[key]; ok {
			if was.OtherConfig == nil {
				was.OtherConfig = map[string]string{}
			}
			was.OtherConfig[key] = v
		}
	}
	for _, c := range b.Controllers {
		was.Controllers = append(was.Controllers, c.Columns)
	}
	if b.Tunnel != nil {
		was.Tunnel = &TunnelSnapshot{b.Tunnel.Type, b.Tunnel.Options, b.Tunnel.ExternalIDs}
	}
	switch {
	case len(b.Controllers) > 0: // they install their flows again
	case len(strings.Join(b.Flows, "\n")) > maxFlows:
		was.FlowsLost = len(b.Flows)
	default:
		was.Flows = b.Flows
	}
	return was
}

// recorded returns the settings of a node's bridge before it joined. If an older sdnctl left no
// record (known is false), it assumes that the bridge existed with its present settings, except
// the controllers and the tunnel. So leaving removes too little rather than too much.
func (s State) recorded() (was Snapshot, known bool, err error) {
	ids := s.Bridge.ExternalIDs
	if _, ok := ids[KeyMade]; !ok {
		was = s.snapshot()
		was.Controllers, was.Tunnel, was.SSL = nil, nil, nil
		return was, false, nil
	}
	if text := ids[KeyFound]; text != "" {
		if err := json.Unmarshal([]byte(text), &was); err != nil {
			return was, true, fmt.Errorf("external_ids:%s of bridge %s is damaged: %w; set it to %q to keep the bridge as it is", KeyFound, s.Bridge.Name, err, `{"exists":true,"failMode":"secure"}`)
		}
	}
	return was, true, nil
}

// record returns the values of KeyMade and KeyFound.
func record(was Snapshot, manager, ssl bool) (made, found string) {
	var parts []string
	if !was.Exists {
		parts = append(parts, "bridge")
	}
	if was.Tunnel == nil {
		parts = append(parts, "tunnel")
	}
	if manager {
		parts = append(parts, "manager")
	}
	if ssl {
		parts = append(parts, "ssl")
	}
	text, err := json.Marshal(was)
	if err != nil {
		panic(err) // strings, numbers and maps of them always have a JSON form
	}
	return strings.Join(parts, ","), string(text)
}

// newPorts returns the ports of a bridge that are not in the snapshot.
func (was Snapshot) newPorts(b *Bridge) []string {
	return slices.DeleteFunc(slices.Clone(b.Ports), func(p string) bool { return slices.Contains(was.Ports, p) })
}
