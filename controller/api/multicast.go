package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
)

// MulticastGroups is a page of the multicast groups of a network that have members, in the order of their
// text.
type MulticastGroups struct {
	Network string           `json:"network" doc:"The network" example:"blue"`
	Items   []MulticastGroup `json:"items" doc:"The groups that have members"`
	// Continue is "" on the last page.
	Continue string `json:"continue,omitempty" doc:"Group to continue after, if there are more than the limit" example:"239.1.2.3"`
}

// MulticastGroup is a group with the ports that have joined it.
type MulticastGroup struct {
	Group string `json:"group" doc:"Address of the group" example:"239.1.2.3"`
	Count int    `json:"count" doc:"How many ports have joined it" example:"1"`
	// Members has at most MaxGroupMembers ports.
	Members []MulticastMember `json:"members" doc:"The ports that have joined it, by node and name: the first 100 of them"`
}

// MulticastMember is a port that has joined a group.
type MulticastMember struct {
	Port string `json:"port" doc:"The port" example:"web1"`
	Node string `json:"node" doc:"The node that it is on" example:"node1"`
}

// MaxGroupMembers is how many members of a group are listed at most.
const MaxGroupMembers = 100

// MulticastGroups reads a page of the groups of a network that have members: at most limit from the
// first one after a group on, "" for the first page.
func (c *Client) MulticastGroups(ctx context.Context, network string, limit int, after string) (MulticastGroups, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if after != "" {
		q.Set("continue", after)
	}
	var out MulticastGroups
	err := c.call(ctx, http.MethodGet, "/v1/networks/"+url.PathEscape(network)+"/multicast", q, nil, nil, &out)
	return out, err
}
