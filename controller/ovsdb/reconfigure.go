package ovsdb

import (
	"encoding/json"
	"fmt"
)

// reconfigureID is the id of our one kind of transaction. A second is not sent
// before the first is answered.
const reconfigureID = "reconfigure"

// reconfigureParams are the parameters of the transaction (RFC 7047, 4.1.3) that adds 1 to
// Open_vSwitch.next_cfg in the table's one row. ovs-vsctl does so with every change it
// makes, and ovs-vswitchd then applies its configuration (ovs-vswitchd.conf.db(5)). mutate
// (RFC 7047, 5.2.4) needs no read of the value, so no other program's increment is lost.
func reconfigureParams() []any {
	return []any{database, map[string]any{
		"op": "mutate", "table": tableRoot, "where": []any{},
		"mutations": []any{[]any{"next_cfg", "+=", 1}},
	}}
}

// askReconfigure implements Conn.Reconfigure: the session's goroutine does the work.
// Several requests that wait there become one.
func (s *session) askReconfigure() {
	select {
	case s.asks <- struct{}{}:
	default:
	}
}

// asked returns the channel of requests while one can be sent, else nil.
func (s *session) asked() <-chan struct{} {
	if s.reconfiguring {
		return nil
	}
	return s.asks
}

// reconfigure sends the transaction, unless the node may not be written to.
func (s *session) reconfigure() error {
	if s.view.bridge().ReadOnly {
		return nil
	}
	s.reconfiguring = true
	return s.write(request{Method: "transact", Params: reconfigureParams(), ID: reconfigureID})
}

// reconfigured handles the answer. A refusal is only logged: the node works without.
func (s *session) reconfigured(m message) {
	s.reconfiguring = false
	if err := checkReconfigured(m); err != nil {
		s.log.Warn("node does not let its ovs-vswitchd go through its configuration again", "err", err)
		return
	}
	s.log.Info("node's ovs-vswitchd goes through its configuration again")
}

// checkReconfigured returns an error if the transaction did not change the one row.
func checkReconfigured(m message) error {
	if !null(m.Error) {
		return fmt.Errorf("transaction refused: %s", excerpt(m.Error))
	}
	// One element for the operation, and one more if the commit failed.
	var results []*struct {
		Count   int64  `json:"count"`
		Error   string `json:"error"`
		Details string `json:"details"`
	}
	if err := json.Unmarshal(m.Result, &results); err != nil || len(results) == 0 || results[0] == nil {
		return fmt.Errorf("not the answer to a transaction: %s", excerpt(m.Result))
	}
	for _, r := range results {
		if r != nil && r.Error != "" {
			return fmt.Errorf("transaction refused: %.120s: %.120s", r.Error, r.Details)
		}
	}
	if n := results[0].Count; n != 1 {
		return fmt.Errorf("table Open_vSwitch has %d rows: run ovs-vsctl init", n)
	}
	return nil
}
