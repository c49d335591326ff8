package server

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// given returns objects of every kind that use all fields of their specs, in an order in
// which they can be created.
func given() []api.Object {
	object := func(k api.Kind, name, spec string) api.Object {
		return api.Object{Kind: k, Name: name, Labels: map[string]string{"app": name}, Spec: json.RawMessage(spec)}
	}
	return []api.Object{
		object(api.KindNode, "n1", `{"datapathID": "0xa1", "tunnelIP": "192.0.2.1", "tunnelCheck": "ENFORCE"}`),
		object(api.KindNode, "n2", `{"tunnelIP": "192.0.2.2", "tunnelCheck": "auto"}`),
		object(api.KindNetwork, "short", `{"cidr": "10.9.0.1/24"}`),
		object(api.KindNetwork, "long", `{"vni": 100, "mode": "Stretched", "mtu": 1400, "gatewayMAC": "0600.0000.0064", "portsFromNodes": true, "floodLimit": "50", "floodBurst": 100, "blocks": [],
			"subnets": [{"cidr": "10.0.0.0/24", "gateway": "10.0.0.254/24", "reserved": ["10.0.0.2-10.0.0.9", "10.0.0.16/28"]}, {"cidr": "10.0.1.0/24", "reserved": []}]}`),
		object(api.KindNetwork, "pods", `{"mode": "segmented", "cidr": "10.244.0.0/16", "containersPerNode": 250, "maxNodes": 100,
			"blocks": [{"node": "n2", "cidr": "10.244.7.1/24", "gateway": "10.244.7.9", "gatewayMAC": "02-00-00-00-00-07"}]}`),
		object(api.KindUplink, "wan", `{"type": "HOST", "ranges": ["fd99::/64", "198.19.0.0/16"]}`),
		object(api.KindRouter, "out", `{"networks": ["short"], "egress": {"uplink": "wan", "snat": "Node", "ipv6": "Translated"}}`),
		object(api.KindRouter, "empty", `{"networks": []}`),
		object(api.KindRouter, "main", `{"networks": ["long", "pods"], "routes": [{"to": "10.51.0.0/24", "via": ["::ffff:10.0.0.2", "10.0.0.3"]}, {"to": "0.0.0.0/0", "via": ["10.0.0.2"]}]}`),
		object(api.KindPort, "free", `{"network": "long"}`),
		object(api.KindPort, "web", `{"network": "long", "node": "n1", "ip": "10.0.0.77", "mac": "020000000077", "interfaceID": "id/1", "interface": "veth0"}`),
		object(api.KindPort, "router", `{"network": "long", "addresses": [{"prefix": "10.50.0.1/24"}, {"ip": "10.0.0.100", "mac": "00-00-5e-00-01-0a"}, {"mac": "0200.0000.0009"}], "portSecurity": "off"}`),
		object(api.KindNetwork, "dual", `{"subnets": [{"cidr": "10.8.0.0/24"}, {"cidr": "fd00:0:0:8::1/64", "gateway": "FD00:0:0:8::1", "reserved": ["fd00:0:0:8::2-fd00:0:0:8::9"]}],
			"ra": "Managed", "multicast": "Flood", "floodLimit": "OFF", "dhcp": {"enabled": true, "leaseTime": "1h30m0s", "dns": ["10.8.0.53", "fd00:0:0:8::53"], "domain": "Dual.example.", "search": ["example"], "ntp": [], "routes": [{"cidr": "192.0.2.1/24", "via": "10.8.0.9"}],
			"bootServer": "10.8.0.5", "bootFile": "undionly.kpxe", "options": [{"number": 150, "value": "ip:10.8.0.5"}]},
			"dns": {"enabled": true, "domain": "Names.Example.", "upstream": ["::ffff:192.0.2.53", "2001:db8::53"]}}`),
		object(api.KindPort, "both", `{"network": "dual", "ips": ["fd00:0:0:8:0::77", "10.8.0.77"]}`),
		object(api.KindPortGroup, "all", `{"selector": {}}`),
		object(api.KindPortGroup, "some", `{"selector": {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["test"]}]}}`),
		object(api.KindPortGroup, "listed", `{"ports": ["web"]}`),
		object(api.KindPolicy, "least", `{"subject": {"selector": {}}, "isolates": ["Egress", "INGRESS"]}`),
		object(api.KindPolicy, "first", `{"tier": "Admin", "priority": 0, "subject": {"networks": ["long"], "portGroup": "some"}, "isolates": [],
			"ingress": [{"action": "Deny", "peers": [{"cidr": "192.0.2.0/24", "except": ["192.0.2.128/25"]}, {"selector": {"matchLabels": {"app": "web"}}, "networks": ["dual"]}], "ports": ["TCP/80-80", "udp/5000-5010", "icmp", "icmp/8"]}],
			"egress": [{"name": "the rest", "peers": [], "ports": []}]}`),
		object(api.KindService, "least", `{"addresses": ["10.96.0.1"], "routers": ["main"], "ports": [{"port": 80}]}`),
		object(api.KindService, "most", `{"addresses": ["10.96.0.2", "FD00:96:0::2"], "networks": ["long", "dual"], "ports": [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 8080}, {"name": "dns", "protocol": "udp", "port": 53}],
			"backends": {"endpoints": [{"port": "web", "state": "Draining", "targetPorts": {"http": 8081}}, {"port": "both"}]}}`),
		object(api.KindService, "headless", `{"headless": true, "publishNotReadyAddresses": true, "routers": ["main"], "ports": [{"port": 80}]}`),
		object(api.KindService, "selecting", `{"internalTrafficPolicy": "local", "drainingTime": "90s", "addresses": ["10.96.0.3"], "routers": ["main"], "ports": [{"port": 80}], "backends": {"selector": {"matchLabels": {"app": "web"}}, "networks": ["long"]}}`),
		object(api.KindService, "outside", `{"externalTrafficPolicy": "LOCAL", "healthCheckNodePort": "AUTO", "addresses": ["10.96.0.4"], "routers": ["main"], "ports": [{"name": "a", "port": 80, "nodePort": 30080}, {"name": "b", "port": 81, "nodePort": "Auto"}]}`),
		object(api.KindUplink, "ext", `{"type": "bridge", "bridge": "br-ex", "subnet": "192.0.2.0/24", "gateway": "192.0.2.1", "subnet6": "2001:db8:0:2::/64", "gateway6": "fe80::1", "addresses": ["192.0.2.64/26", "2001:db8:0:2::40/122"]}`),
		object(api.KindService, "exposed", `{"externalTrafficPolicy": "local", "addresses": ["10.96.0.5"], "routers": ["main"], "ports": [{"port": 80}], "uplink": {"name": "ext", "addresses": ["192.0.2.90", "::ffff:192.0.2.91"]}}`),
		object(api.KindEgressIP, "jobs", `{"uplink": "ext", "addresses": ["::ffff:192.0.2.80", "192.0.2.81"], "ports": {"selector": {"matchLabels": {"app": "job"}}, "networks": ["dual"]}, "nodes": ["n2", "n1"]}`),
		object(api.KindFloatingIP, "whole", `{"uplink": "ext", "address": "::ffff:192.0.2.70", "port": "web"}`),
		object(api.KindDNSRecord, "mail", `{"network": "dual", "name": "Mail", "type": "mx", "values": ["10  Mail.Example.Com."], "ttl": "1m"}`),
		object(api.KindFloatingIP, "parts", `{"uplink": "ext", "address": "192.0.2.71", "forwards": [{"port": 443, "to": "web"}, {"protocol": "UDP", "port": 53, "to": "both", "targetPort": 5353}]}`),
	}
}

// TestShownIsPutBack: putting, applying or patching with nothing an object as it is shown
// changes nothing. The same holds for the form in which it was given.
func TestShownIsPutBack(t *testing.T) {
	b := newBed(t, nil)
	kinds := map[api.Kind]bool{}
	for _, o := range given() {
		kinds[o.Kind] = true
		if _, err := b.client.Put(t.Context(), o, 0); err != nil {
			t.Fatalf("%s: %v", o.Ref(), err)
		}
	}
	for _, k := range model.Kinds() {
		if !kinds[api.KindOf(k)] {
			t.Errorf("no %s is given", k)
		}
	}
	before := b.store.Snapshot().Revision()
	for _, o := range given() {
		shown, err := b.client.Object(t.Context(), o.Kind, o.Name)
		if err != nil {
			t.Fatal(err)
		}
		b.ok("PATCH", "/v1/"+o.Kind.Plural()+"/"+o.Name, `{}`, nil)
		for _, again := range []api.Object{shown, o} {
			if _, err := b.client.Put(t.Context(), again, 0); err != nil {
				t.Errorf("put %s: %v", o.Ref(), err)
			}
			if r, err := b.client.Apply(t.Context(), api.ApplyRequest{Objects: []api.Object{again}}); err != nil || len(r.Changes) != 0 {
				t.Errorf("apply %s: %+v, %v", o.Ref(), r.Changes, err)
			}
		}
		after, err := b.client.Object(t.Context(), o.Kind, o.Name)
		if d := cmp.Diff(string(shown.Spec), string(after.Spec)); d != "" || err != nil {
			t.Errorf("%s, %v (-before +after):\n%s", o.Ref(), err, d)
		}
	}
	if now := b.store.Snapshot().Revision(); now != before {
		t.Errorf("revision %d became %d", before, now)
	}
}

// TestHistoryShowsWhatWasPut: the history has an object in the form in which it is shown.
func TestHistoryShowsWhatWasPut(t *testing.T) {
	b := newBed(t, nil)
	for _, o := range given() {
		put, err := b.client.Put(t.Context(), o, 0)
		if err != nil {
			t.Fatal(err)
		}
		h, err := b.client.History(t.Context(), api.HistoryOptions{Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		got := h.Entries[0].Changes[0]
		if got.Object != o.Ref() || got.After == nil || string(got.After.Spec) != string(put.Spec) {
			t.Errorf("%s: %+v, want %s", o.Ref(), got.After, put.Spec)
		}
	}
}
