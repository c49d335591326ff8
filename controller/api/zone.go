package api

import (
	"context"
	"net/http"
	"net/url"
)

// Zone is the domain of a network, or the names of a range of addresses, as a zone for other name
// servers.
type Zone struct {
	Network  string   `json:"network" doc:"The network whose ports look these names up" example:"blue"`
	Origin   string   `json:"origin" doc:"The name of the zone, with a final dot" example:"blue.example."`
	Revision Revision `json:"revision" doc:"The revision of the topology that the zone has, which is its serial number" example:"7"`
	Records  int      `json:"records" doc:"How many records the file has" example:"3"`
	File     string   `json:"file" doc:"The zone as a file of records (RFC 1035, section 5), one on each line, with full names" example:"blue.example.\t5\tIN\tSOA\tlocalhost. hostmaster.blue.example. 7 60 30 86400 5\n"`
}

// ZoneOptions say which zone of a network to read.
type ZoneOptions struct {
	// Reverse is a range of addresses, such as 10.0.0.0/24, whose names to read; "" reads the
	// network's domain.
	Reverse string
	// NameServers are the names of the servers that the zone names as its own; none is localhost.
	NameServers []string
}

// Zone reads a zone of a network.
func (c *Client) Zone(ctx context.Context, network string, o ZoneOptions) (Zone, error) {
	q := url.Values{}
	if o.Reverse != "" {
		q.Set("reverse", o.Reverse)
	}
	for _, s := range o.NameServers {
		q.Add("nameServer", s)
	}
	var out Zone
	err := c.call(ctx, http.MethodGet, "/v1/networks/"+url.PathEscape(network)+"/zone", q, nil, nil, &out)
	return out, err
}
