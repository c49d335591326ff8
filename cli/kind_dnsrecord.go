package cli

import (
	"encoding"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

type dnsRecordView = view[model.DNSRecordSpec, api.DNSRecordStatus]

func dnsRecordKind() kindDef {
	columns := []column[dnsRecordView]{
		{header: "DNS NAME", cell: func(v dnsRecordView) string { return v.status.Name }},
		{header: "TYPE", cell: func(v dnsRecordView) string { return string(v.spec.Type) }},
		{header: "VALUES", cell: func(v dnsRecordView) string { return strings.Join(v.spec.Values, "; ") }},
		{header: "ANSWERED", cell: func(v dnsRecordView) string { return yesNo(v.status.Answered) }},
	}
	return kindDef{
		kind: api.KindDNSRecord,
		is:   "records of DNS under one name in the domain of a network, beside the names of ports and services, which need none",
		flags: func(a *app, cmd *cobra.Command) specFlags {
			return addSpecFlags(a, cmd, []specFlag[model.DNSRecordSpec]{
				{name: "network", usage: "`network` in whose domain the name is", refers: api.KindNetwork,
					set: func(s *model.DNSRecordSpec, text string, _ bool) error { s.Network = text; return nil }},
				textFlag("dns-name", "the `name` within the domain, such as mail or _sip._tcp; @ is the domain itself", func(s *model.DNSRecordSpec) *string { return &s.Name }),
				{name: "type", usage: "`type` of the records: A, AAAA, CNAME, MX, SRV or TXT",
					set: func(s *model.DNSRecordSpec, text string, _ bool) error {
						s.Type = model.DNSRecordType(text)
						return nil
					}},
				{name: "value", usage: "what a record says, as a `value` such as 192.0.2.25, \"10 mail\" (MX) or \"0 5 5060 sip\" (SRV); may be repeated", many: true, set: setRecordValues},
				valueFlag("ttl", "how long others may keep the records, as a `duration` such as 5m; 5s when not given", func(s *model.DNSRecordSpec) encoding.TextUnmarshaler { return &s.TTL }),
			})
		},
		print: tablePrinter(columns),
		details: detailPrinter(columns, func(v dnsRecordView) [][2]string {
			if !v.status.Answered {
				return [][2]string{{"fix", "sdnctl network set " + v.spec.Network + " --dns"}}
			}
			return nil
		}),
		required: []string{"network", "dns-name", "type", "value"},
		example:  "mail --network blue --dns-name mail --type A --value 192.0.2.25",
		change:   "mail --value 192.0.2.26 --ttl 5m",
		pin:      pinning(func(*model.DNSRecordSpec, api.DNSRecordStatus) error { return nil }),
	}
}

func setRecordValues(s *model.DNSRecordSpec, text string, first bool) error {
	if first {
		s.Values = nil
	}
	if text != "" {
		s.Values = append(s.Values, text)
	}
	return nil
}
