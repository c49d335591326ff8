package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// setIfaceID sets external_ids:iface-id of an interface, or removes it if id is "", in one
// transaction (RFC 7047, 4.1.3) and without a process.
func setIfaceID(ctx context.Context, n *lab.Node, iface, id string) error {
	ids := [][2]string{}
	if id != "" {
		ids = append(ids, [2]string{"iface-id", id})
	}
	update := map[string]any{
		"op": "update", "table": "Interface", "where": []any{[]any{"name", "==", iface}},
		"row": map[string]any{"external_ids": []any{"map", ids}},
	}
	var done []struct {
		Count int    `json:"count"`
		Error string `json:"error"`
	}
	if err := jsonRPC(ctx, filepath.Join(n.Dir, "db.sock"), "transact", []any{"Open_vSwitch", update}, &done); err != nil {
		return err
	}
	if len(done) != 1 || done[0].Count != 1 {
		return fmt.Errorf("set iface-id of %s: %+v", iface, done)
	}
	return nil
}

// jsonRPC makes one call to a unix socket that speaks JSON-RPC 1.0, as
// ovsdb-server and the control sockets of Open vSwitch's and OVN's programs do.
func jsonRPC(ctx context.Context, socket, method string, params, result any) error {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	defer c.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if err := json.NewEncoder(c).Encode(map[string]any{"id": 0, "method": method, "params": params}); err != nil {
		return err
	}
	var reply struct {
		Result json.RawMessage `json:"result"`
		Error  any             `json:"error"`
	}
	if err := json.NewDecoder(c).Decode(&reply); err != nil {
		return fmt.Errorf("%s: %s: %w", socket, method, err)
	}
	if reply.Error != nil {
		return fmt.Errorf("%s: %s: %v", socket, method, reply.Error)
	}
	return json.Unmarshal(reply.Result, result)
}
