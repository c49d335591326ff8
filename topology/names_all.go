package topology

import "iter"

// Ports yields the ports whose names are in a domain, or in any that the network's ports can look
// up for "". Those of a name that another port or a service has are among them.
func (n Names) Ports(domain string) iter.Seq[*Port] {
	return func(yield func(*Port) bool) {
		for network := range n.networks(domain) {
			for p := range n.x.portsOfNetwork(network.Name) {
				if !yield(p) {
					return
				}
			}
		}
	}
}

// Services yields the services whose names are in a domain, or in any that the network's ports can
// look up for "". One may come twice.
func (n Names) Services(domain string) iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		for o := range n.services("") {
			if (domain == "" || n.serves(o, domain)) && !yield(o) {
				return
			}
		}
	}
}

// AllRecords yields the records that are declared in a domain.
func (n Names) AllRecords(domain string) iter.Seq[*DNSRecord] {
	return func(yield func(*DNSRecord) bool) {
		for network := range n.networks(domain) {
			for r := range under(n.x.records.named, network.Name+"\x00") {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// networks yields the networks that have a domain, or any for "".
func (n Names) networks(domain string) iter.Seq[*Network] {
	if domain == "" {
		return under(n.x.names.zones, n.in+"\x00")
	}
	return under(n.x.names.zones, zoneKey(n.in, domain))
}
