package server

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"time"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

// The examples of the OpenAPI document describe one network "blue" with ports on node1.
// They are values of the API's types, so they cannot name a field that does not exist.

func exampleTime() time.Time { return time.Date(2026, 1, 15, 9, 30, 0, 0, time.UTC) }

func exampleMeta() *api.Meta {
	return &api.Meta{Revision: 7, Created: 3, CreatedAt: exampleTime()}
}

func exampleNode() api.Node {
	since := exampleTime()
	return api.Node{
		Kind: api.KindNode, Name: "node1",
		Spec: model.NodeSpec{TunnelIP: netip.MustParseAddr("192.168.50.11")},
		Status: &api.NodeStatus{
			Ready: true, Conditions: []api.Condition{},
			DatapathID: "00004e7c25b01a4f", Connected: true, Since: &since, Address: "192.168.50.11:41234",
			OVSVersion: "3.1.0", WantedRevision: 7, AcknowledgedRevision: 7, InSync: true,
			Flows: 24, Ports: 4, TunnelPort: true, OVSDB: true,
		},
		Meta: exampleMeta(),
	}
}

func exampleNetwork() api.Network {
	return api.Network{
		Kind: api.KindNetwork, Name: "blue",
		Spec: model.NetworkSpec{
			VNI: 100, Mode: model.Stretched,
			Subnets: []model.Subnet{{
				Prefix: netip.MustParsePrefix("10.0.0.0/24"), Gateway: model.GatewayOf(netip.MustParseAddr("10.0.0.1")),
				Reserved: []model.AddrRange{{From: netip.MustParseAddr("10.0.0.2"), To: netip.MustParseAddr("10.0.0.9")}},
			}},
		},
		Status: &api.NetworkStatus{Ready: true, Conditions: []api.Condition{}, VNI: 100, GatewayMAC: "06:00:00:00:00:64", Router: "main", Ports: 12, Nodes: 2},
		Meta:   exampleMeta(),
	}
}

func exampleRouter() api.Router {
	return api.Router{
		Kind: api.KindRouter, Name: "main",
		Spec:   model.RouterSpec{Networks: []string{"blue", "green"}},
		Status: &api.RouterStatus{Ready: true, Conditions: []api.Condition{}, ID: 1 << 24},
		Meta:   exampleMeta(),
	}
}

func examplePort() api.Port {
	return api.Port{
		Kind: api.KindPort, Name: "web1", Labels: map[string]string{"app": "web"},
		Spec: model.PortSpec{Network: "blue", Node: "node1"},
		Status: &api.PortStatus{
			Ready: true, Conditions: []api.Condition{},
			IP: "10.0.0.10", PrefixLength: 24, Gateway: "10.0.0.1",
			Addresses: []api.PortLink{{IP: "10.0.0.10", PrefixLength: 24, Gateway: "10.0.0.1"}}, MAC: "02:64:0a:00:00:0a", MTU: 1450,
			VNI: 100, Node: "node1", Interface: "veth1a2b3c", Bound: true,
		},
		Meta: exampleMeta(),
	}
}

// declared returns an example as a user sends it, without what the server adds.
func declared[S, T any](o api.Resource[S, T]) api.Resource[S, T] {
	o.Status, o.Meta = nil, nil
	return o
}

// exampleObject returns the port in its general form.
func exampleObject() *api.Object {
	p := examplePort()
	return &api.Object{
		Kind: api.KindPort, Name: p.Name, Labels: p.Labels,
		Spec: json.RawMessage(`{"network":"blue","node":"node1"}`),
	}
}

func exampleApply() api.ApplyRequest {
	return api.ApplyRequest{
		Objects: []api.Object{*exampleObject()},
		Delete:  []api.Key{{Kind: api.KindPort, Name: "web0"}},
	}
}

func exampleApplied() api.ApplyResult {
	return api.ApplyResult{Revision: 7, Changes: []api.Change{
		{Object: "port/web1", Verb: api.VerbCreate, After: exampleObject()},
	}}
}

func exampleHistory() api.History {
	return api.History{Entries: []api.HistoryEntry{{
		Revision: 7, Time: exampleTime(), Author: "alice", Changes: exampleApplied().Changes,
	}}}
}

func exampleStatus() api.Status {
	return api.Status{
		Version: "v0.1.0", StartedAt: exampleTime(), Revision: 7,
		Nodes: 2, NodesConnected: 2, NodesInSync: 2, Networks: 1, Ports: 4, NodesReady: 2, PortsBound: 3, PortsReady: 3,
		Reasons: []api.ReasonCount{{Reason: "NotBound", Severity: api.SeverityError, Count: 1}},
		Objects: []api.ObjectConditions{{Object: "port/web1", Conditions: []api.Condition{{
			Reason: "NotBound", Severity: api.SeverityError, Since: exampleTime(),
			Message: "no interface on br-int has external_ids:iface-id=web1",
			Action:  "on node1: ovs-vsctl set interface DEVICE external_ids:iface-id=web1",
		}}}},
	}
}

func exampleSwitches() api.Switches {
	return api.Switches{Items: []api.Switch{{
		DatapathID: "00004e7c25b01a50", Address: "192.168.50.13:40112", OVSVersion: "3.1.0", Since: exampleTime(),
		Reason: "no node has this datapath id",
		Adopt:  "sdnctl node adopt 00004e7c25b01a50 NAME --tunnel-ip 192.168.50.13",
	}}}
}

func exampleFlows() api.Flows {
	return api.Flows{Node: "node1", Flows: []api.Flow{{
		Table: 0, TableName: "classify", Priority: 100, Match: "in_port=3", Actions: "set_field:0x64->metadata,goto_table:10",
		Cookie: "0x5d1f9a3c77e01b22", Object: "port/web1", Why: "packets from the port belong to its network",
		Packets: 12, Bytes: 840, Installed: api.FlowInstalled,
	}}}
}

func exampleGroups() api.Groups {
	return api.Groups{Node: "node1", Groups: []api.Group{{
		ID: 7, Group: "group_id=7,type=select,bucket=actions=output:3,bucket=actions=output:4", Object: "port/web1", Why: "chooses a backend",
		Flows: 1, Packets: 12, Bytes: 840, Installed: api.FlowInstalled,
	}}}
}

func exampleMeters() api.Meters {
	return api.Meters{Node: "node1", Meters: []api.Meter{{
		ID: 7, Meter: "meter=7 kbps burst bands= type=drop rate=1000 burst_size=100", Object: "port/web1", Why: "limits what the port sends",
		Flows: 1, Packets: 12, Bytes: 840, Exceeded: 2, Installed: api.FlowInstalled,
	}}}
}

func exampleAcks() api.Acks {
	return api.Acks{Revision: 7, Pending: []api.Pending{{
		Node: "node2", Wanted: 7, Acknowledged: 6, Reason: "not connected",
	}}}
}

func exampleError() *problem {
	return refuse(http.StatusUnprocessableEntity, api.CodeInvalid, []api.Problem{{
		Object: "port/web1", Field: "spec.ip", Message: "10.0.1.7 is in no subnet of network blue", Fix: "use an address of 10.0.0.0/24",
	}})
}

// exampleEvents is the beginning of a watch.
const exampleEvents = `id: 6
event: ready
data: {"type":"ready","revision":6}

id: 7
event: change
data: {"type":"change","revision":7,"time":"2026-01-15T09:30:00Z","author":"alice","object":"port/web1","verb":"create","after":{"kind":"Port","name":"web1","spec":{"network":"blue"}}}

`
