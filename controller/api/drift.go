package api

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Drift is a change of a node's flows that somebody else made and sdnd undid.
type Drift struct {
	Seq    uint64    `json:"seq" doc:"Numbers drifts since sdnd started" example:"3"`
	Time   time.Time `json:"time" doc:"When sdnd noticed it"`
	Node   string    `json:"node" doc:"The node" example:"node1"`
	What   string    `json:"what" enum:"added,deleted,modified" doc:"What was done to the flow" example:"deleted"`
	Table  string    `json:"table" doc:"The table's name" example:"forward"`
	Object string    `json:"object,omitempty" doc:"The object whose flow it was; none for a flow that is not ours" example:"port/web1"`
	Before string    `json:"before,omitempty" doc:"The flow as it was" example:"table=80, priority=100,dl_dst=02:00:00:00:01:03 actions=output:3"`
	After  string    `json:"after,omitempty" doc:"The flow as it was made" example:"table=80, priority=100,dl_dst=02:00:00:00:01:03 actions=drop"`
	By     string    `json:"by" enum:"monitor,audit,connection" doc:"What detected it: the switch at once, an audit, or a comparison when the switch connected, of what was done while it or sdnd was away" example:"monitor"`
}

// Drifts lists the newest drifts, oldest first.
type Drifts struct {
	Items []Drift `json:"items" doc:"The newest thousand at most, oldest first"`
}

// Audit is the result of comparing a node's switch with what it should have.
type Audit struct {
	Node     string   `json:"node" doc:"The node" example:"node1"`
	Verdict  string   `json:"verdict" enum:"equal,differs,unknown" doc:"What was found; differences have been undone. Unknown: the switch could not be read" example:"equal"`
	Revision Revision `json:"revision,omitempty" doc:"The revision that the switch was compared with" example:"7"`
	Foreign  int      `json:"foreign" doc:"Flows that should not have been there, or not like that" example:"0"`
	Missing  int      `json:"missing" doc:"Flows that should have been there" example:"0"`
	Reason   string   `json:"reason,omitempty" doc:"Why the verdict is unknown" example:"its switch is not connected"`
}

// Drifts lists what others did to the flows of a node, or of all nodes if node
// is empty.
func (c *Client) Drifts(ctx context.Context, node string) (Drifts, error) {
	q := url.Values{}
	if node != "" {
		q.Set("node", node)
	}
	var out Drifts
	err := c.call(ctx, http.MethodGet, "/v1/drifts", q, nil, nil, &out)
	return out, err
}

// Audit compares a node's switch now, and undoes the differences.
func (c *Client) Audit(ctx context.Context, node string) (Audit, error) {
	var out Audit
	err := c.call(ctx, http.MethodPost, "/v1/nodes/"+url.PathEscape(node)+"/audit", nil, nil, nil, &out)
	return out, err
}
