package api

import "github.com/sdnctl/sdnctl/topology/model"

// KindDNSRecord is the kind of records of DNS.
const KindDNSRecord Kind = "DNSRecord"

// DNSRecord is records of DNS under one name.
type DNSRecord = Resource[model.DNSRecordSpec, DNSRecordStatus]

// DNSRecordStatus is the observed state of records.
type DNSRecordStatus struct {
	Name     string `json:"name" doc:"The whole name" example:"mail.blue.internal"`
	Answered bool   `json:"answered" doc:"Whether questions for the name are answered: the network has DNS (spec.dns.enabled)"`
}
