package model

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// normal decodes a spec of a kind and returns it as Normal does, with what Normal
// reported: "field: message". Every mistake must have a fix.
func normal(t *testing.T, k Kind, text string) (Spec, []string) {
	t.Helper()
	in := k.NewSpec()
	if err := json.Unmarshal([]byte(text), in); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var problems []string
	out := Deref(in).Normal(func(kind ProblemKind, field, message, fix string) {
		if fix == "" || kind != Invalid {
			t.Errorf("%s: %s: %s: kind %s, fix %q", text, field, message, kind, fix)
		}
		problems = append(problems, field+": "+message)
	})
	return out, problems
}

// TestNormal: a spec as people write it, and the form that is stored.
func TestNormal(t *testing.T) {
	for _, tt := range []struct {
		name     string
		kind     Kind
		in, want string
	}{
		{"nothing of a node", KindNode, `{}`, `{}`},
		{"the check by default is not stored", KindNode, `{"tunnelIP":"192.168.0.1","tunnelCheck":"AUTO"}`, `{"tunnelIP":"192.168.0.1"}`},
		{"IPv4 mapped into IPv6 is IPv4", KindNode, `{"tunnelIP":"::ffff:192.168.0.1"}`, `{"tunnelIP":"192.168.0.1"}`},
		{"a tunnel over IPv6", KindNode, `{"tunnelIP":"FD00:50:0::11"}`, `{"tunnelIP":"fd00:50::11"}`},

		{"the short form of a network", KindNetwork, `{"cidr":"10.0.0.7/24"}`,
			`{"mode":"stretched","subnets":[{"cidr":"10.0.0.0/24","gateway":"10.0.0.1"}],"mtu":1450}`},
		{"a network of both families", KindNetwork, `{"subnets":[{"cidr":"10.0.0.0/24","gateway":"10.0.0.9/24"},{"cidr":"fd00:0:0:1::/64","reserved":["fd00:0:0:1::8/125"]}]}`,
			`{"mode":"stretched","subnets":[{"cidr":"10.0.0.0/24","gateway":"10.0.0.9"},{"cidr":"fd00:0:0:1::/64","gateway":"fd00:0:0:1::1","reserved":["fd00:0:0:1::8-fd00:0:0:1::f"]}],"mtu":1450}`},
		{"a segmented network has no gateway, its blocks have", KindNetwork, `{"mode":"Segmented","cidr":"10.0.0.0/16","containersPerNode":250,"maxNodes":4,"blocks":[{"node":"n1","cidr":"10.0.1.0/24"}]}`,
			`{"mode":"segmented","subnets":[{"cidr":"10.0.0.0/16"}],"mtu":1450,"containersPerNode":250,"maxNodes":4,"blocks":[{"node":"n1","cidr":"10.0.1.0/24","gateway":"10.0.1.1"}]}`},
		{"the largest block of a subnet", KindNetwork, `{"mode":"segmented","cidr":"10.0.0.0/24","containersPerNode":253,"maxNodes":1}`,
			`{"mode":"segmented","subnets":[{"cidr":"10.0.0.0/24"}],"mtu":1450,"containersPerNode":253,"maxNodes":1}`},

		{"a router of nothing", KindRouter, `{"networks":[]}`, `{"networks":[]}`},

		{"strict port security is not stored", KindPort, `{"network":"blue","portSecurity":"strict"}`, `{"network":"blue"}`},
		{"addresses in another order", KindPort, `{"network":"blue","ips":["fd00::7","10.0.0.7"]}`, `{"network":"blue","ip":"10.0.0.7","ips":["10.0.0.7","fd00::7"]}`},
		{"one address in the list", KindPort, `{"network":"blue","ips":["fd00::7"]}`, `{"network":"blue","ip":"fd00::7"}`},
		{"ip beside ips", KindPort, `{"network":"blue","ip":"10.0.0.7","ips":["10.0.0.7","fd00::7"]}`, `{"network":"blue","ip":"10.0.0.7","ips":["10.0.0.7","fd00::7"]}`},
		{"a prefix of one address is an address", KindPort, `{"network":"blue","addresses":[{"prefix":"10.0.0.100/32"},{"prefix":"10.50.0.7/24"},{"mac":"00:00:5e:00:01:0a"}]}`,
			`{"network":"blue","addresses":[{"ip":"10.0.0.100"},{"prefix":"10.50.0.0/24"},{"mac":"00:00:5e:00:01:0a"}]}`},

		{"an empty selector picks all", KindPortGroup, `{"selector":{}}`, `{"selector":{}}`},
		{"a list of ports", KindPortGroup, `{"ports":["a","b"]}`, `{"ports":["a","b"]}`},

		{"rules isolate in the application tier", KindPolicy, `{"subject":{"selector":{}},"egress":[{}],"ingress":[{"ports":["TCP/80","icmp"]}]}`,
			`{"tier":"application","priority":500,"subject":{"selector":{}},"isolates":["ingress","egress"],"ingress":[{"action":"allow","ports":["tcp/80","icmp"]}],"egress":[{"action":"allow"}]}`},
		{"and not in others", KindPolicy, `{"tier":"ADMIN","priority":0,"subject":{"networks":["blue"]},"ingress":[{"action":"Deny","peers":[{"cidr":"10.0.0.0/8","except":["10.1.0.0/16"]}]}]}`,
			`{"tier":"admin","priority":0,"subject":{"networks":["blue"]},"isolates":[],"ingress":[{"action":"deny","peers":[{"cidr":"10.0.0.0/8","except":["10.1.0.0/16"]}]}]}`},
		{"isolation alone", KindPolicy, `{"subject":{"portGroup":"web"},"isolates":["egress"]}`,
			`{"tier":"application","priority":500,"subject":{"portGroup":"web"},"isolates":["egress"]}`},

		{"a service without backends", KindService, `{"addresses":["FD00:96::0:1"],"routers":["r"],"ports":[{"port":53,"protocol":"UDP"}]}`,
			`{"addresses":["fd00:96::1"],"routers":["r"],"ports":[{"protocol":"udp","port":53,"targetPort":53}]}`},
		{"a service with a check by HTTP", KindService, `{"addresses":["10.96.0.1"],"networks":["n"],"ports":[{"port":80,"targetPort":8080}],"healthCheck":{"protocol":"HTTP"}}`,
			`{"addresses":["10.96.0.1"],"networks":["n"],"ports":[{"protocol":"tcp","port":80,"targetPort":8080}],"healthCheck":{"protocol":"http","port":8080,"path":"/","interval":"5s","timeout":"2s","failures":3,"successes":1}}`},
		{"a service with endpoints", KindService, `{"addresses":["10.96.0.1"],"networks":["n"],"ports":[{"name":"http","port":80,"targetPort":8080}],"backends":{"endpoints":[{"port":"a","state":"Draining","targetPorts":{"http":81}},{"port":"b"}]}}`,
			`{"addresses":["10.96.0.1"],"networks":["n"],"ports":[{"name":"http","protocol":"tcp","port":80,"targetPort":8080}],"backends":{"endpoints":[{"port":"a","targetPorts":{"http":81},"state":"draining"},{"port":"b","state":"ready"}]}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, problems := normal(t, tt.kind, tt.in)
			if len(problems) > 0 {
				t.Fatalf("refused:\n%s", strings.Join(problems, "\n"))
			}
			b, err := json.Marshal(got)
			if err != nil || string(b) != tt.want {
				t.Errorf("stored as\n%s, want\n%s (%v)", b, tt.want, err)
			}
		})
	}
}

// TestNormalRefuses: each mistake is reported once, at its field.
func TestNormalRefuses(t *testing.T) {
	const segmented = `"mode":"segmented","containersPerNode":250,"maxNodes":4`
	for _, tt := range []struct {
		kind     Kind
		in       string
		problems []string
	}{
		{KindPort, `{"network":"a","namedPorts":{"a b":"tcp/80","dns":"udp","http":"tcp/80-81","HTTPS":"tcp/443","https":"tcp/443","ping":"icmp/8","web":"tcp/http"}}`, []string{
			`spec.namedPorts.a b: "a b" is not the name of a port`, `spec.namedPorts.dns: "udp" is not one port of a protocol`, `spec.namedPorts.http: "tcp/80-81" is not one port of a protocol`,
			"spec.namedPorts.https: two named ports differ in upper and lower case only", `spec.namedPorts.ping: "icmp/8" is not one port of a protocol`, `spec.namedPorts.web: "tcp/http" is not one port of a protocol`}},
		{KindNode, `{"tunnelCheck":"never"}`, []string{`spec.tunnelCheck: "never" is not a way to check`}},
		{KindNode, `{"tunnelIP":"fe80::1"}`, []string{`spec.tunnelIP: fe80::1 is a link-local address, which means another machine on each link`}},
		{KindNode, `{"tunnelIP":"fd00::1%eth0"}`, []string{`spec.tunnelIP: fd00::1%eth0 has a zone`}},
		{KindNode, `{"tunnelIP":"255.255.255.255"}`, []string{`spec.tunnelIP: 255.255.255.255 cannot be the end of a tunnel`}},
		{KindNode, `{"tunnelIP":"::"}`, []string{`spec.tunnelIP: :: cannot be the end of a tunnel`}},

		{KindNetwork, `{}`, []string{`spec.subnets: the network has no subnet`}},
		{KindNetwork, `{"mode":"flat","cidr":"10.0.0.0/24"}`, []string{`spec.mode: "flat" is not a mode`}},
		{KindNetwork, `{"cidr":"10.0.0.0/24","mtu":575}`, []string{`spec.mtu: 575 bytes is out of range`}},
		{KindNetwork, `{"cidr":"fd00::/64","mtu":1279}`, []string{`spec.mtu: 1279 bytes is too small for IPv6`}},
		{KindNetwork, `{"cidr":"10.0.0.0/24","subnets":[{"cidr":"10.1.0.0/24"}]}`, []string{`spec.cidr: given beside spec.subnets`}},
		{KindNetwork, `{"cidr":"10.0.0.0/31"}`, []string{`spec.subnets[0].cidr: a /31 is out of range`}},
		{KindNetwork, `{"cidr":"fd00::/15"}`, []string{`spec.subnets[0].cidr: a /15 is out of range`}},
		{KindNetwork, `{"cidr":"224.0.0.0/24"}`, []string{`spec.subnets[0].cidr: 224.0.0.0/24 has addresses that hosts cannot have`}},
		{KindNetwork, `{"cidr":"fe80::/64"}`, []string{`spec.subnets[0].cidr: fe80::/64 has addresses that hosts cannot have`}},
		{KindNetwork, `{"cidr":"10.0.0.0/24","gatewayMAC":"01:00:00:00:00:01"}`, []string{`spec.gatewayMAC: 01:00:00:00:00:01 is a multicast address (its first octet is odd)`}},
		{KindNetwork, `{"subnets":[{"cidr":"10.0.0.0/24","gateway":"10.0.0.255"}]}`, []string{`spec.subnets[0].gateway: 10.0.0.255 is not an address that a host in 10.0.0.0/24 can have`}},
		{KindNetwork, `{"subnets":[{"cidr":"10.0.0.0/24","gateway":"10.0.0.1/16"}]}`, []string{`spec.subnets[0].gateway: 10.0.0.1/16 has another prefix length than 10.0.0.0/24`}},
		{KindNetwork, `{"subnets":[{"cidr":"10.0.0.0/24","reserved":["10.0.0.9-10.0.0.2","10.0.1.1","10.0.0.1-fd00::1"]}]}`, []string{
			`spec.subnets[0].reserved[0]: 10.0.0.9-10.0.0.2 ends before it begins`,
			`spec.subnets[0].reserved[1]: 10.0.1.1-10.0.1.1 is not inside 10.0.0.0/24`,
			`spec.subnets[0].reserved[2]: not a range of addresses`,
		}},
		{KindNetwork, `{"subnets":[{"cidr":"10.0.0.0/24"},{"cidr":"10.0.0.128/25"}]}`, []string{`spec.subnets[1].cidr: 10.0.0.128/25 overlaps 10.0.0.0/24 (spec.subnets[0])`}},
		{KindNetwork, `{"cidr":"10.0.0.0/24","containersPerNode":1,"maxNodes":1,"blocks":[{"node":"n1","cidr":"10.0.0.0/28"}]}`, []string{
			`spec.containersPerNode: a stretched network has no blocks`, `spec.maxNodes: a stretched network has no blocks`, `spec.blocks: a stretched network has no blocks`,
		}},
		{KindNetwork, `{` + segmented + `,"cidr":"10.0.0.0/23"}`, []string{`spec.subnets[0].cidr: too small: 10.0.0.0/23 has room for 2 blocks of /24 (250 containers each), and needs 4`}},
		{KindNetwork, `{` + segmented + `,"cidr":"10.0.0.0/25"}`, []string{`spec.subnets[0].cidr: too small: 10.0.0.0/25 has no room for one block of /24 (250 containers each), and needs 4`}},
		{KindNetwork, `{` + segmented + `,"subnets":[{"cidr":"10.0.0.0/16","gateway":"10.0.0.1"}]}`, []string{`spec.subnets[0].gateway: in a segmented network each node's block has its own gateway`}},
		{KindNetwork, `{` + segmented + `,"subnets":[{"cidr":"10.0.0.0/16"},{"cidr":"10.1.0.0/16"}]}`, []string{`spec.subnets[1].cidr: a segmented network has one subnet of each family at most; 10.0.0.0/16 and 10.1.0.0/16 are of one`}},
		{KindNetwork, `{` + segmented + `,"cidr":"10.0.0.0/16","blocks":[{"node":"n1","cidr":"10.0.1.0/24"},{"node":"n1","cidr":"10.0.2.0/24"},{"cidr":"10.1.0.0/24"},{"node":"n2","cidr":"fd00::/64"},{"node":"n3","cidr":"10.0.3.0/25"}]}`, []string{
			`spec.blocks[1].node: node "n1" has two blocks`,
			`spec.blocks[2].node: the block names no node`,
			`spec.blocks[2].cidr: 10.1.0.0/24 is not inside the network's 10.0.0.0/16`,
			`spec.blocks[3].cidr: fd00::/64 is IPv6, of which the network has no subnet`,
			`spec.blocks[4].cidr: a /25 has no room for 250 containers`,
		}},

		{KindRouter, `{"networks":["a"],"routes":[{"to":"10.51.0.1/24","via":["10.0.0.2"]},{"to":"10.52.0.0/24","via":[]},{"to":"10.53.0.0/24","via":["10.0.0.2","10.0.0.2","fd00::2","0.0.0.0"]},{"to":"10.53.0.0/24","via":["10.0.0.3"]},{"via":["10.0.0.3"]},{"to":"224.0.0.0/8","via":["10.0.0.3"]},{"to":"::ffff:10.0.0.0/104","via":["10.0.0.3"]},{"to":"fd00:51::/64","via":["fe80::1"]}]}`, []string{
			`spec.routes[0].to: 10.51.0.1/24 has bits set after its prefix`,
			`spec.routes[1].via: the route has no next hop`,
			`spec.routes[2].via[1]: 10.0.0.2 is listed twice`,
			`spec.routes[2].via[2]: fd00::2 is IPv6, and 10.53.0.0/24 is IPv4`,
			`spec.routes[2].via[3]: 0.0.0.0 is no address of a next hop`,
			`spec.routes[3].to: 10.53.0.0/24 is the destination of spec.routes[2], too`,
			`spec.routes[4].to: the destination is missing`,
			`spec.routes[5].to: no router forwards to 224.0.0.0/8`,
			`spec.routes[6].to: ::ffff:10.0.0.0/104 is IPv4 mapped into IPv6`,
			`spec.routes[7].via[0]: fe80::1 is no address of a next hop`,
		}},
		{KindRouter, `{"networks":["a","","a"]}`, []string{`spec.networks[1]: the name of the network is empty`, `spec.networks[2]: network "a" is listed twice`}},

		{KindPort, `{}`, []string{`spec.network: the port has no network`}},
		{KindPort, `{"network":"n","ip":"10.0.0.1","ips":["10.0.0.2"]}`, []string{`spec.ip: 10.0.0.1 is not among spec.ips`}},
		{KindPort, `{"network":"n","ips":["10.0.0.1","10.0.0.2","","fd00::1%1"]}`, []string{
			`spec.ips[1]: 10.0.0.1 and 10.0.0.2 are both IPv4, and a port has one address of a family`,
			`spec.ips[2]: the address is missing`,
			`spec.ips[3]: fd00::1%1 has a zone`,
		}},
		{KindPort, `{"network":"n","mac":"03:00:00:00:00:01","portSecurity":"none"}`, []string{
			`spec.portSecurity: "none" is not a way to check`,
			`spec.mac: 03:00:00:00:00:01 is a multicast address (its first octet is odd)`,
		}},
		{KindPort, `{"network":"n","interface":"a/b","interfaceID":"a b"}`, []string{
			`spec.interfaceID: "a b" has characters that cannot be in an interface id`,
			`spec.interface: "a/b" is not the name of an interface`,
			`spec.interface: an interface name means something on one node only`,
		}},
		{KindPort, `{"network":"n","addresses":[{},{"ip":"10.0.0.1","prefix":"10.0.0.0/24"},{"ip":"127.0.0.1"},{"prefix":"10.0.0.0/7"},{"ip":"10.5.0.1"},{"prefix":"10.5.0.0/24"},{"mac":"01:00:00:00:00:00","ip":"10.6.0.1"}]}`, []string{
			`spec.addresses[0]: has neither an address nor a MAC`,
			`spec.addresses[1]: has an ip and a prefix`,
			`spec.addresses[2].ip: 127.0.0.1 is not an address that a host can have`,
			`spec.addresses[3].prefix: a /7 is out of range`,
			`spec.addresses[3]: has something in common with spec.addresses[1]`,
			`spec.addresses[4]: has something in common with spec.addresses[3]`,
			`spec.addresses[5]: has something in common with spec.addresses[3]`,
			`spec.addresses[6].mac: 01:00:00:00:00:00 is a multicast address (its first octet is odd)`,
			`spec.addresses[6]: has something in common with spec.addresses[3]`,
		}},

		{KindPortGroup, `{}`, []string{`spec: has neither a selector nor ports`}},
		{KindPortGroup, `{"selector":{},"ports":["a","a"]}`, []string{`spec: has both a selector and ports`, `spec.ports[1]: port "a" is listed twice`}},

		{KindService, `{"addresses":["10.96.0.1"],"routers":["r"],"ports":[{"port":1}],"sessionAffinityTimeout":"5m"}`, []string{`spec.sessionAffinityTimeout: the service has no session affinity`}},
		{KindService, `{"addresses":["10.96.0.1"],"routers":["r"],"ports":[{"port":1}],"sessionAffinity":"cookie"}`, []string{`spec.sessionAffinity: "cookie" is not a session affinity`}},
		{KindService, `{"addresses":["10.96.0.1"],"routers":["r"],"ports":[{"port":1}],"sessionAffinity":"clientip","sessionAffinityTimeout":"19h"}`, []string{`spec.sessionAffinityTimeout: 19h is too long`}},
		{KindService, `{"addresses":["10.96.0.1"],"routers":["r"],"ports":[{"port":1}],"drainingTime":"19h"}`, []string{`spec.drainingTime: 19h is too long`}},
		{KindService, `{"addresses":["10.96.0.1"],"routers":["r"],"ports":[{"port":1}],"internalTrafficPolicy":"node"}`, []string{`spec.internalTrafficPolicy: "node" is not a traffic policy`}},
		{KindService, `{"addresses":["10.96.0.1"],"routers":["r"],"ports":[{"port":1}],"healthCheck":{"path":"/","host":"h"}}`, []string{`spec.healthCheck.path: only a check by http has a path`, `spec.healthCheck.host: only a check by http has a host`}},
		{KindService, `{"addresses":["10.96.0.1"],"routers":["r"],"ports":[{"port":1}],"healthCheck":{"protocol":"http","path":"/a b","host":"h/x"}}`, []string{`spec.healthCheck.path: "/a b" is not a path`, `spec.healthCheck.host: "h/x" is not a host`}},
		{KindService, `{"addresses":["10.96.0.1"],"routers":["r"],"ports":[{"port":1}],"healthCheck":{"protocol":"http","path":"/a\r\nX: y","host":"h\nX: y"}}`, []string{`spec.healthCheck.path: "/a\r\nX: y" is not a path`, `spec.healthCheck.host: "h\nX: y" is not a host`}},
		{KindService, `{"addresses":["10.96.0.1"],"routers":["r"],"ports":[{"port":1,"protocol":"udp"}],"healthCheck":{"protocol":"http"}}`, []string{`spec.healthCheck.port: the service has no port of TCP to check`}},
		{KindService, `{"addresses":["10.96.0.1"],"routers":["r"],"ports":[{"port":1}],"healthCheck":{"protocol":"https","path":"/"}}`, []string{`spec.healthCheck.protocol: sdnd cannot ask by https`}},
		{KindService, `{"headless":true,"addresses":["10.96.0.1"],"uplink":{"name":"u","addresses":["192.0.2.1"]},"routers":["r"],"ports":[{"port":1,"nodePort":30080}],"sessionAffinity":"ClientIP","drainingTime":"5m","internalTrafficPolicy":"Local"}`, []string{
			`spec.addresses: the service is headless: clients connect to its backends directly`, `spec.uplink: the service is headless: clients connect to its backends directly`, `spec.sessionAffinity: the service is headless: clients connect to its backends directly`,
			`spec.drainingTime: the service is headless: clients connect to its backends directly`, `spec.internalTrafficPolicy: the service is headless: clients connect to its backends directly`, `spec.ports[0].nodePort: the service is headless: clients connect to its backends directly`,
		}},
		{KindService, `{"addresses":["10.96.0.1"],"publishNotReadyAddresses":true,"routers":["r"],"ports":[{"port":1}]}`, []string{`spec.publishNotReadyAddresses: the service is not headless, so its name has its own addresses`}},
		{KindService, `{}`, []string{`spec.addresses: the address is missing`, `spec: nobody may use it: it names neither networks nor routers`, `spec.ports: the service has no ports`}},
		{KindService, `{"addresses":["224.0.0.1","fe80::1","::ffff:10.0.0.1","10.0.0.1","10.0.0.1"],"networks":["a","a"],"routers":["r"],"ports":[{"port":0},{"protocol":"sctp","port":1,"name":"x y"},{"name":"a","port":2},{"name":"a","port":2}],
			"backends":{"selector":{},"endpoints":[{"port":""},{"port":"p","state":"gone","targetPorts":{"b":1}},{"port":"p","targetPorts":{"a":0}}]}}`, []string{
			`spec.addresses[0]: 224.0.0.1 is not an address that packets can be routed to`, `spec.addresses[1]: fe80::1 is not an address that packets can be routed to`,
			`spec.addresses[2]: ::ffff:10.0.0.1 is IPv4 mapped into IPv6, which no packet has`, `spec.addresses[4]: 10.0.0.1 is listed twice`, `spec.networks[1]: network "a" is listed twice`,
			`spec.ports[0].port: the port is missing`, `spec.ports[0].name: a service with several ports needs names for them`,
			`spec.ports[1].protocol: "sctp" is not a protocol of services`, `spec.ports[1].name: "x y" is not the name of a port`,
			`spec.ports[3]: tcp/2 is listed twice`,
			`spec.backends: has both a selection of ports and endpoints`, `spec.backends.endpoints[0].port: the name of the port is empty`,
			`spec.backends.endpoints[1].state: "gone" is not a state`, `spec.backends.endpoints[1].targetPorts: the service has no port "b"`,
			`spec.backends.endpoints[2].port: port "p" is listed twice`, `spec.backends.endpoints[2].targetPorts: the number of "a" is missing`,
		}},
		{KindPolicy, `{}`, []string{`spec: does nothing: it has no rules and isolates nothing`, `spec.subject: selects nothing`}},
		{KindPolicy, `{"tier":"default","priority":1001,"subject":{"selector":{}},"isolates":["in","egress","egress"]}`, []string{
			`spec.tier: "default" is not a tier`, `spec.priority: 1001 is out of range`,
			`spec.isolates[0]: "in" is not a direction`, `spec.isolates[2]: egress is listed twice`,
		}},
		{KindPolicy, `{"tier":"baseline","subject":{"selector":{}},"ingress":[{"action":"pass"},{"action":"log","name":"ü","ports":["","tcp/1","tcp/1"]}]}`, []string{
			`spec.ingress[0].action: no tier comes after the baseline tier, to which pass could leave the decision`,
			`spec.ingress[1].action: "log" is not an action`,
			`spec.ingress[1].name: "ü" is not the name of a rule`,
			`spec.ingress[1].ports[0]: the port is missing`,
			`spec.ingress[1].ports[2]: tcp/1 is listed twice`,
		}},
		// The last peer is P-POL-21 of the table of pitfalls (docs/policies.md).
		{KindPolicy, `{"subject":{"selector":{}},"egress":[{"peers":[{},{"cidr":"10.0.0.0/8","portGroup":"g"},{"except":["10.0.0.0/8"]},{"cidr":"10.0.0.1/8"},{"cidr":"10.0.0.0/8","except":["11.0.0.0/9","10.0.0.0/8"]},{"cidr":"::ffff:10.0.0.0/104"},{"domainNames":["API.Example.com"]}]}]}`, []string{
			`spec.egress[0].peers[0]: selects nothing`,
			`spec.egress[0].peers[1]: has both a CIDR, which is addresses, and a selection of ports`,
			`spec.egress[0].peers[2].except: there is no CIDR that they are exceptions of`,
			`spec.egress[0].peers[3].cidr: 10.0.0.1/8 has bits of a host behind its prefix length`,
			`spec.egress[0].peers[4].except[0]: 11.0.0.0/9 is not a part of 10.0.0.0/8`,
			`spec.egress[0].peers[4].except[1]: 10.0.0.0/8 is all of the CIDR, so that no address is left`,
			`spec.egress[0].peers[5].cidr: ::ffff:10.0.0.0/104 is IPv4 mapped into IPv6, which no packet has`,
			`spec.egress[0].peers[6].domainNames: names of domains are not supported yet: no switch can match them, and nothing here follows what they resolve to`,
		}},
	} {
		if _, got := normal(t, tt.kind, tt.in); cmp.Diff(tt.problems, got) != "" {
			t.Errorf("%s %s (-want +got):\n%s", tt.kind, tt.in, cmp.Diff(tt.problems, got))
		}
	}
}

// TestNormalIsBounded: what exceeds a limit is one mistake, however much there is.
func TestNormalIsBounded(t *testing.T) {
	list := func(n int, format string) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf(format, i)
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	for _, tt := range []struct {
		kind     Kind
		in, want string
	}{
		{KindService, `{"addresses":["10.96.0.1"],"routers":["r"],"ports":` + list(MaxServicePorts+1, `{"port":%d}`) + `}`, "spec.ports: 65 ports, at most 64 are allowed"},
		{KindNetwork, `{"subnets":` + list(MaxSubnets+1, `{"cidr":"fe80:0:0:%x::/64"}`) + `}`, fmt.Sprintf("spec.subnets: %d subnets, at most %d are allowed", MaxSubnets+1, MaxSubnets)},
		{KindNetwork, `{"subnets":[{"cidr":"10.0.0.0/8","reserved":` + list(MaxReserved+1, `"fe80::%x"`) + `}]}`, fmt.Sprintf("spec.subnets[0].reserved: %d ranges, at most %d are allowed", MaxReserved+1, MaxReserved)},
		{KindPort, `{"network":"n","addresses":` + list(MaxPortAddresses+1, `{"ip":"127.0.0.%d"}`) + `}`, "spec.addresses: 65 addresses, at most 64 are allowed"},
		{KindPolicy, `{"subject":{"selector":{}},"isolates":["ingress"],"ingress":` + list(MaxPolicyRules+1, `{"action":"x%d"}`) + `}`, "spec.ingress: 101 rules, at most 100 are allowed"},
		{KindPolicy, `{"subject":{"selector":{}},"ingress":[{"peers":` + list(MaxPolicyPeers+1, `{"portGroup":"g%d","cidr":"10.0.0.0/8"}`) + `}]}`, "spec.ingress[0].peers: 101 peers, at most 100 are allowed"},
		{KindPolicy, `{"subject":{"selector":{}},"ingress":[{"ports":` + list(MaxPolicyPorts+1, `"tcp/%d1"`) + `}]}`, "spec.ingress[0].ports: 101 ports, at most 100 are allowed"},
		{KindPolicy, `{"subject":{"selector":{}},"ingress":[{"peers":[{"cidr":"10.0.0.0/8","except":` + list(MaxPolicyPeers+1, `"11.0.0.%d/32"`) + `}]}]}`, "spec.ingress[0].peers[0].except: 101 exceptions, at most 100 are allowed"},
	} {
		if _, got := normal(t, tt.kind, tt.in); len(got) != 1 || got[0] != tt.want {
			t.Errorf("%s: %d mistakes, want only %q; the first: %.1q", tt.kind, len(got), tt.want, got)
		}
	}
}
