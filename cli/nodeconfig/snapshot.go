package nodeconfig

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Snapshot is what a bridge was before join changed it: all that join sets, so
// that it can be put back. It is recorded in the bridge's external_ids
// (KeyFound).
type Snapshot struct {
	// Exists says whether there was a bridge; without one the rest but SSL is
	// empty.
	Exists       bool                `json:"exists"`
	DatapathType string              `json:"datapathType,omitempty"`
	FailMode     string              `json:"failMode,omitempty"`
	Protocols    []string            `json:"protocols,omitempty"`
	OtherConfig  map[string]string   `json:"otherConfig,omitempty"`
	Controllers  []map[string]string `json:"controllers,omitempty"`
	// Ports are the names of the ports that were there.
	Ports []string `json:"ports,omitempty"`
	// Tunnel are the type and options of a port that had the name TunnelPort.
	Tunnel *TunnelSnapshot `json:"tunnel,omitempty"`
	// Flows are flows that were made by hand: a bridge without a controller gets
	// them from nobody else. FlowsLost is how many are not recorded.
	Flows     []string `json:"flows,omitempty"`
	FlowsLost int      `json:"flowsLost,omitempty"`
	// SSL is the certificate of somebody else that was replaced.
	SSL *TLS `json:"ssl,omitempty"`

	// What was ours already, to undo only the newest join; not recorded.
	externalIDs map[string]string
	managers    []map[string]string
	ssl         *SSL
}

// TunnelSnapshot is what a port was that has the name of ours.
type TunnelSnapshot struct {
	Type    string            `json:"type"`
	Options map[string]string `json:"options,omitempty"`
	// What is ours of the external_ids, to undo only the newest join; not recorded.
	externalIDs map[string]string
}

// The keys of other_config that join sets.
var joinedConfig = []string{"datapath-id", "disable-in-band"}

// maxFlows bounds the flows that are recorded, in bytes: whoever watches the
// database, as sdnd does, gets the record.
const maxFlows = 16 << 10

// snapshot returns what a state has of what join sets.
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
	was.externalIDs = b.ExternalIDs
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
	case len(b.Controllers) > 0: // they make them again
	case len(strings.Join(b.Flows, "\n")) > maxFlows:
		was.FlowsLost = len(b.Flows)
	default:
		was.Flows = b.Flows
	}
	return was
}

// recorded returns what join found, and what it made, of a bridge that is a
// node. A bridge that an sdnctl without records joined (known is false) is taken
// for one that was there, with what it has now but for the controllers and the
// tunnel: so leaving removes too little rather than too much.
func (s State) recorded() (was Snapshot, known bool, err error) {
	ids := s.Bridge.ExternalIDs
	if _, ok := ids[KeyMade]; !ok {
		was = s.snapshot()
		was.Controllers, was.Tunnel, was.SSL = nil, nil, nil
		return was, false, nil
	}
	if text := ids[KeyFound]; text != "" {
		if err := json.Unmarshal([]byte(text), &was); err != nil {
			return was, true, fmt.Errorf("external_ids:%s of bridge %s is damaged: %w; set it to %q to have the bridge stay as it is", KeyFound, s.Bridge.Name, err, `{"exists":true,"failMode":"secure"}`)
		}
	}
	return was, true, nil
}

// record writes the external_ids that say what was made and found.
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

// newPorts are the ports of a bridge that are not of a snapshot.
func (was Snapshot) newPorts(b *Bridge) []string {
	return slices.DeleteFunc(slices.Clone(b.Ports), func(p string) bool { return slices.Contains(was.Ports, p) })
}
