package server

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/miekg/dns"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/nameserver"
)

// maxNameServers is how many name servers a zone may name: 13 fit into a message of 512 bytes, as
// those of the root do.
const maxNameServers = 13

type zoneInput struct {
	Name        string   `path:"name" doc:"Name of the network" example:"blue"`
	Reverse     string   `query:"reverse" doc:"A range of addresses whose names to read, with a length that is a multiple of 8 bits, or of 4 for IPv6; without it the network's domain is read" example:"10.0.0.0/24"`
	NameServers []string `query:"nameServer,explode" doc:"Names of the servers that the zone names as its own, at most 13; localhost when absent" example:"[\"ns1.example.com\"]"`
}

func (s *Server) zoneRoutes() {
	register(s, huma.Operation{
		Method: http.MethodGet, Path: "/v1/networks/{name}/zone", OperationID: "get-network-zone", Tags: []string{tagState},
		Summary: "Read the names that a network's ports look up as a zone for other name servers",
	}, exampleZone(), s.zone)
}

func (s *Server) zone(_ context.Context, in *zoneInput) (*output[api.Zone], error) {
	topo := s.cfg.Store.Snapshot()
	n, ok := topo.Network(in.Name)
	if !ok {
		return nil, notFound(refOf(api.KindNetwork, in.Name))
	}
	invalid := func(field, message, fix string) error {
		return refuse(http.StatusUnprocessableEntity, api.CodeInvalid, []api.Problem{{Index: -1, Field: field, Message: message, Fix: fix}})
	}
	if !n.Spec.DNS.Enabled {
		return nil, invalid("name", fmt.Sprintf("network %q has no DNS, so its ports look no names up", n.Name), "sdnctl network set "+n.Name+" --dns")
	}
	if len(in.NameServers) > maxNameServers {
		return nil, invalid("nameServer", fmt.Sprintf("%d name servers, at most %d are allowed", len(in.NameServers), maxNameServers), "give fewer")
	}
	var servers []string
	for _, name := range in.NameServers {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		if _, ok := dns.IsDomainName(name); !ok || name == "" || strings.ContainsAny(name, " \t\r\n\\\"();@$") {
			return nil, invalid("nameServer", fmt.Sprintf("%q is not the name of a server", name), "give a full name, such as ns1.example.com")
		}
		servers = append(servers, name+".")
	}
	out := api.Zone{Network: n.Name, Origin: n.Domain() + ".", Revision: api.Revision(topo.Revision())}
	var records []dns.RR
	if in.Reverse == "" {
		records = nameserver.Export(topo, n, servers)
	} else {
		of, err := netip.ParsePrefix(in.Reverse)
		if err != nil {
			return nil, invalid("reverse", fmt.Sprintf("%q is not a range of addresses", in.Reverse), "give one such as 10.0.0.0/24 or fd00:7::/64")
		}
		if records, err = nameserver.ExportReverse(topo, n, of, servers); err != nil {
			return nil, invalid("reverse", err.Error(), "give a range such as 10.0.0.0/24 or fd00:7::/64, and leave addresses out that you do not want")
		}
		out.Origin = records[0].Header().Name
	}
	out.Records, out.File = len(records), nameserver.MasterFile(records)
	return &output[api.Zone]{Body: out}, nil
}

func exampleZone() api.Zone {
	return api.Zone{Network: "blue", Origin: "blue.example.", Revision: 7, Records: 3, File: "blue.example.\t5\tIN\tSOA\tlocalhost. hostmaster.blue.example. 7 60 30 86400 5\n" +
		"blue.example.\t5\tIN\tNS\tlocalhost.\nweb1.blue.example.\t5\tIN\tA\t10.0.0.2\n"}
}
