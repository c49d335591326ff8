package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
)

// A bridgeState is what join and leave must know of how things are.
type bridgeState struct {
	exists bool
	// controller is the target of the bridge's controller, "" for none.
	controller string
	// owner is the node that "node join" made the bridge, "" for none.
	owner string
	// ports are the bridge's ports but for the tunnel's.
	ports []string
	// managers are the targets of the database's managers; ours are the rows
	// that "node join" made, by their target.
	managers map[string]bool
	ours     map[string]string
}

// readBridge asks the database; a bridge that is not there is no error.
func readBridge(ctx context.Context, env Env, f switchFlags) (bridgeState, error) {
	v := newVsctl(env, f.db, true) // reading needs no ovs-vswitchd
	s := bridgeState{managers: make(map[string]bool), ours: make(map[string]string)}
	text, err := v.read(ctx, "get-manager")
	if err != nil {
		return s, err
	}
	for _, m := range strings.Fields(text) {
		s.managers[m] = true
	}
	if text, err = v.read(ctx, findManagers("target,_uuid")...); err != nil {
		return s, err
	}
	for row := strings.Fields(text); len(row) >= 2; row = row[2:] {
		s.ours[row[0]] = row[1]
	}
	if text, err = v.read(ctx, "list-br"); err != nil {
		return s, err
	}
	for _, b := range strings.Fields(text) {
		s.exists = s.exists || b == f.bridge
	}
	if !s.exists {
		return s, nil
	}
	if text, err = v.read(ctx, "get-controller", f.bridge); err != nil {
		return s, err
	}
	s.controller = strings.Join(strings.Fields(text), " ")
	if s.owner, err = v.read(ctx, "br-get-external-id", f.bridge, joinMark); err != nil {
		return s, err
	}
	if text, err = v.read(ctx, "list-ports", f.bridge); err != nil {
		return s, err
	}
	for _, p := range strings.Fields(text) {
		if p != tunnelPort {
			s.ports = append(s.ports, p)
		}
	}
	return s, nil
}

// findManagers finds columns of the managers that "node join" made.
func findManagers(columns string) []string {
	return []string{"--bare", "--columns=" + columns, "find", "manager", "external_ids:" + joinMark + `!=""`}
}

// removeManagers collects what removes managers of ours, but for one target.
func (s bridgeState) removeManagers(v *vsctl, but string) {
	for _, target := range slices.Sorted(maps.Keys(s.ours)) {
		if target != but {
			v.add("remove", "open_vswitch", ".", "manager_options", s.ours[target])
		}
	}
}

// ovsdbString writes s as a string of ovs-vsctl's column values, quoted when
// a character in it would mean something else (ovs-vsctl(8), "Database
// Values").
func ovsdbString(s string) string {
	if s != "" && !strings.ContainsAny(s, `:=, []{}!<>"\`) {
		return s
	}
	return strconv.Quote(s)
}

// declareNode creates a node, or tells that it is declared the same already.
func (a *app) declareNode(ctx context.Context, client *api.Client, name string, spec api.NodeSpec) error {
	object, err := api.NewObject(name, nil, spec)
	if err != nil {
		return err
	}
	if known, err := client.Node(ctx, name); err == nil {
		if spec.TunnelIP != "" && known.Spec.TunnelIP != spec.TunnelIP {
			a.note("%s is declared already, with tunnel IP %q; to change that: sdnctl node set %s --tunnel-ip %s", object.Ref(), known.Spec.TunnelIP, name, spec.TunnelIP)
		} else {
			a.note("%s is declared already", object.Ref())
		}
		return nil
	}
	created, err := client.Create(ctx, object)
	if err != nil {
		return err
	}
	if created.Meta == nil {
		return fmt.Errorf("sdnd answered without the revision of %s", object.Ref())
	}
	a.note("%s created, revision %d", object.Ref(), created.Meta.Revision)
	return nil
}
