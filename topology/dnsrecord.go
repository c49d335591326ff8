package topology

import (
	"fmt"
	"iter"

	"github.com/tidwall/btree"

	"github.com/sdnctl/sdnctl/topology/model"
)

// DNSRecord is records of DNS under one name of a network's domain.
type DNSRecord struct {
	Meta
	Spec model.DNSRecordSpec `json:"spec"`
}

// Ref returns the object's name in the form kind/name.
func (r *DNSRecord) Ref() Ref { return Ref{Kind: model.KindDNSRecord, Name: r.Name} }

func (r *DNSRecord) spec() Spec { return r.Spec }

func (r *DNSRecord) clone() Object {
	c := *r
	return &c
}

func (r *DNSRecord) load(l *Loader) error {
	if _, ok := l.x.networks.Get(r.Spec.Network); !ok {
		return fmt.Errorf("%s: there is no network %q", r.Ref(), r.Spec.Network)
	}
	l.x.records.put(r)
	return nil
}

func (r *DNSRecord) drop(x, _ *indexes) {
	x.records.byName.Delete(r.Name)
	x.records.named.Delete(recordKey(r.Spec.Network, r.Spec.Name) + r.Name)
}

// recordIndex has all records.
type recordIndex struct {
	byName *btree.Map[string, *DNSRecord]
	// named has them by network, name as nameKey writes it, and the object's name.
	named *btree.Map[string, *DNSRecord]
}

func newRecordIndex() recordIndex {
	return recordIndex{btree.NewMap[string, *DNSRecord](treeDegree), btree.NewMap[string, *DNSRecord](treeDegree)}
}

func (x *recordIndex) fork() recordIndex { return recordIndex{x.byName.Copy(), x.named.Copy()} }

func (x *recordIndex) put(r *DNSRecord) {
	x.byName.Set(r.Name, r)
	x.named.Set(recordKey(r.Spec.Network, r.Spec.Name)+r.Name, r)
}

func recordKey(network, name string) string { return network + "\x00" + nameKey(name) + "\x00" }

// DNSRecord returns the records of that name of an object.
func (s *Snapshot) DNSRecord(name string) (*DNSRecord, bool) { return s.x.records.byName.Get(name) }

// Records returns the records that are declared under a name, in lower case, in a domain;
// model.Apex is the domain itself.
func (n Names) Records(name, domain string) iter.Seq[*DNSRecord] {
	return func(yield func(*DNSRecord) bool) {
		if n.x.records.byName.Len() == 0 {
			return
		}
		for network := range under(n.x.names.zones, zoneKey(n.in, domain)) {
			for r := range under(n.x.records.named, recordKey(network.Name, name)) {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// planDNSRecords adds the records. A name that is another name for something has no other
// records (RFC 1034, 3.6.2).
func (p *planner) planDNSRecords() {
	for _, it := range p.of(model.KindDNSRecord) {
		if it.del || it.same || it.broken {
			continue
		}
		r := &DNSRecord{Meta: p.meta(it), Spec: it.spec.(model.DNSRecordSpec)}
		if p.broken(KindNetwork, r.Spec.Network) {
			it.broken = true
			continue
		}
		if _, ok := p.x.networks.Get(r.Spec.Network); !ok {
			p.bad(it, NotFound, "spec.network", fmt.Sprintf("there is no network %q", r.Spec.Network), "create it in the same change or before, or check the name")
			continue
		}
		for o := range under(p.x.records.named, recordKey(r.Spec.Network, r.Spec.Name)) {
			if o.Spec.Type == model.RecordCNAME || r.Spec.Type == model.RecordCNAME {
				p.bad(it, Conflict, "spec.type", fmt.Sprintf("%s has records of type %s under the name %s, and a name that is another name for something (CNAME) has no other records", o.Ref(), o.Spec.Type, o.Spec.Name), "delete one of them, or choose another name")
				break
			}
		}
		if !it.broken {
			p.x.records.put(r)
			it.after = r
		}
	}
}

// recordsOfNetwork adds the records in the domain of a network to its users.
func (p *planner) recordsOfNetwork(network string, u *users) {
	for r := range under(p.x.records.named, network+"\x00") {
		if own, ok := p.items[r.Ref()]; !ok || own.same {
			u.add(r.Ref())
		}
	}
}
