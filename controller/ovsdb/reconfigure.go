package ovsdb

import (
	"encoding/json"
	"fmt"
)

// reconfigureID is the id of our one kind of transaction. A second is not sent
// before the first is answered.
const reconfigureID = "reconfigure"

// reconfigureParams are the parameters of the transaction (RFC 7047, 4.1.3) that
// adds 1 to Open_vSwitch.next_cfg, the table's one row. ovs-vsctl does so with
// every change of its own, and ovs-vswitchd goes through its configuration then
// (ovs-vswitchd.conf.db(5)). The value itself is never read by us: mutate
// (RFC 7047, 5.2.4) loses nobody else's count.
func reconfigureParams() []any {
	return []any{database, map[string]any{
		"op": "mutate", "table": tableRoot, "where": []any{},
		"mutations": []any{[]any{"next_cfg", "+=", 1}},
	}}
}

// askReconfigure implements Conn.Reconfigure: it leaves the work to the session's goroutine.
// Several requests that wait there become one.
func (s *session) askReconfigure() {
	select {
	case s.asks <- struct{}{}:
	default:
	}
}

// asked is where requests come from while one can be sent.
func (s *session) asked() <-chan struct{} {
	if s.reconfiguring {
		return nil
	}
	return s.asks
}

// reconfigure sends the transaction, unless the node is not to be written to.
func (s *session) reconfigure() error {
	if s.view.bridge().ReadOnly {
		return nil
	}
	s.reconfiguring = true
	return s.write(request{Method: "transact", Params: reconfigureParams(), ID: reconfigureID})
}

// reconfigured takes the answer. A refusal is for whoever looks after the node
// to know; what it was asked for does without.
func (s *session) reconfigured(m message) {
	s.reconfiguring = false
	if err := checkReconfigured(m); err != nil {
		s.log.Warn("node does not let its ovs-vswitchd go through its configuration again", "err", err)
		return
	}
	s.log.Info("node's ovs-vswitchd goes through its configuration again")
}

// checkReconfigured says why the transaction did not change the one row.
func checkReconfigured(m message) error {
	if !null(m.Error) {
		return fmt.Errorf("transaction refused: %s", excerpt(m.Error))
	}
	// One element for our operation, and one more if the commit failed.
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
