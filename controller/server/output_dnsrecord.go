package server

import (
	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/model"
)

// dnsRecord shows records of DNS.
func (v view) dnsRecord(r *topology.DNSRecord) *api.DNSRecord {
	st := &api.DNSRecordStatus{}
	if n, ok := v.snap.Network(r.Spec.Network); ok {
		st.Name, st.Answered = n.Domain(), n.Spec.DNS.Enabled
		if r.Spec.Name != model.Apex {
			st.Name = r.Spec.Name + "." + st.Name
		}
	}
	return &api.DNSRecord{Kind: api.KindDNSRecord, Name: r.Name, Labels: r.Labels, Spec: r.Spec, Status: st, Meta: metaOf(&r.Meta)}
}

func exampleDNSRecord() api.DNSRecord {
	return api.DNSRecord{
		Kind: api.KindDNSRecord, Name: "mail",
		Spec:   model.DNSRecordSpec{Network: "blue", Name: "mail", Type: model.RecordA, Values: []string{"192.0.2.25"}},
		Status: &api.DNSRecordStatus{Name: "mail.blue.internal", Answered: true},
		Meta:   exampleMeta(),
	}
}
