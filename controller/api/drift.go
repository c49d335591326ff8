package api

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Drift is a change of a node's flows, groups or meters that another program made and sdnd
// undid.
type Drift struct {
	Seq    uint64    `json:"seq" doc:"Sequence number since sdnd started" example:"3"`
	Time   time.Time `json:"time" doc:"When sdnd detected it"`
	Node   string    `json:"node" doc:"The node" example:"node1"`
	What   string    `json:"what" enum:"added,deleted,modified" doc:"What was done to the flow, group or meter" example:"deleted"`
	Table  string    `json:"table" doc:"Name of the flow's table, or groups or meters" example:"forward"`
	Object string    `json:"object,omitempty" doc:"The object that the flow belongs to; absent for a foreign flow" example:"port/web1"`
	Before string    `json:"before,omitempty" doc:"The flow before the change; absent if it was added" example:"table=80, priority=100,dl_dst=02:00:00:00:01:03 actions=output:3"`
	After  string    `json:"after,omitempty" doc:"The flow after the change; absent if it was deleted" example:"table=80, priority=100,dl_dst=02:00:00:00:01:03 actions=drop"`
	By     string    `json:"by" enum:"monitor,audit,connection" doc:"How it was detected: monitor, by a report of the switch at once; audit, by an audit; connection, by the comparison after the switch connected, for changes made while it was not connected" example:"monitor"`
}

// Drifts lists the newest drifts, oldest first.
type Drifts struct {
	Items []Drift `json:"items" doc:"The newest drifts, oldest first; at most 1000"`
}

// Audit is the result of comparing a node's switch with what it should have.
type Audit struct {
	Node     string   `json:"node" doc:"The node" example:"node1"`
	Verdict  string   `json:"verdict" enum:"equal,differs,unknown" doc:"Result of the comparison. differs: there were differences, which have been undone; unknown: the switch could not be read" example:"equal"`
	Revision Revision `json:"revision,omitempty" doc:"The revision that the switch was compared with" example:"7"`
	Foreign  int      `json:"foreign" doc:"Flows that the switch had and should not have, or not in that form" example:"0"`
	Missing  int      `json:"missing" doc:"Flows that the switch should have and had not" example:"0"`
	Reason   string   `json:"reason,omitempty" doc:"Why the verdict is unknown" example:"its switch is not connected"`
}

// Drifts lists the newest drifts of a node, or of all nodes if node is "".
func (c *Client) Drifts(ctx context.Context, node string) (Drifts, error) {
	q := url.Values{}
	if node != "" {
		q.Set("node", node)
	}
	var out Drifts
	err := c.call(ctx, http.MethodGet, "/v1/drifts", q, nil, nil, &out)
	return out, err
}

// Audit compares a node's switch with what it should have, and undoes the differences.
func (c *Client) Audit(ctx context.Context, node string) (Audit, error) {
	var out Audit
	err := c.call(ctx, http.MethodPost, "/v1/nodes/"+url.PathEscape(node)+"/audit", nil, nil, nil, &out)
	return out, err
}
