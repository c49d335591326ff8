package api

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Answer is what sdnd did about a packet that a flow sent to it, such as a DHCP request.
type Answer struct {
	Time     time.Time `json:"time" doc:"When it was answered, or not"`
	Cause    string    `json:"cause" doc:"Why flows send such packets to sdnd" example:"dns"`
	Node     string    `json:"node" doc:"The node that sent the packet" example:"node1"`
	Port     string    `json:"port,omitempty" doc:"The port that asked, as far as sdnd knows it" example:"web1"`
	Answered bool      `json:"answered" doc:"Whether sdnd sent an answer"`
	What     string    `json:"what" doc:"What was asked, and the answer or why there was none" example:"A db.blue.internal.: 10.96.0.10"`
}

// Answers lists the newest answers, newest first.
type Answers struct {
	Items []Answer `json:"items" doc:"The newest answers, newest first; at most 512 for each cause"`
}

// Answers lists the newest answers to a port, of a cause such as dns; "" is any.
func (c *Client) Answers(ctx context.Context, port, cause string) (Answers, error) {
	q := url.Values{}
	for name, value := range map[string]string{"port": port, "cause": cause} {
		if value != "" {
			q.Set(name, value)
		}
	}
	var out Answers
	err := c.call(ctx, http.MethodGet, "/v1/answers", q, nil, nil, &out)
	return out, err
}
