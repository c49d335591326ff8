package cli

import (
	"encoding"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/topology/model"
)

type nodeView = view[model.NodeSpec, api.NodeStatus]

func nodeKind() kindDef {
	columns := nodeColumns()
	return kindDef{
		kind: api.KindNode,
		is:   "a machine whose Open vSwitch sdnd controls; make one on the machine itself with 'sdnctl node join'",
		flags: func(a *app, cmd *cobra.Command) specFlags {
			check := valueFlag("tunnel-check", "`mode` of the check of other nodes that it sends from its tunnel IP: auto (once OVSDB shows that it does) or enforce (always) (default auto)", func(s *model.NodeSpec) encoding.TextUnmarshaler { return &s.TunnelCheck })
			check.fixed = []string{string(model.TunnelAuto), string(model.TunnelEnforce)}
			return addSpecFlags(a, cmd, []specFlag[model.NodeSpec]{
				valueFlag("tunnel-ip", "`address` of the node's VXLAN endpoint", func(s *model.NodeSpec) encoding.TextUnmarshaler { return &s.TunnelIP }),
				valueFlag("datapath-id", "datapath `id` of its br-int, 16 hexadecimal digits (default: derived from the name, as 'node join' sets it)", func(s *model.NodeSpec) encoding.TextUnmarshaler { return &s.DatapathID }),
				check,
				{name: "address", usage: "`address` of the node itself, by which it and the ports of networks with host access reach each other; one for each family; may be repeated, or several separated by commas (default: the tunnel IP)", many: true, set: func(s *model.NodeSpec, text string, first bool) error {
					return setAddresses(&s.Addresses, text, first)
				}},
				{name: "uplink-address", usage: "`address` by which what routers send outside leaves the node, on an uplink of the type bridge; one for each such uplink and family; may be repeated, or several separated by commas", many: true, set: func(s *model.NodeSpec, text string, first bool) error {
					return setAddresses(&s.UplinkAddresses, text, first)
				}},
			})
		},
		print:    tablePrinter(columns),
		details:  detailPrinter(columns, nodeDetails),
		optional: "tunnel-ip",
		example:  "node1 --tunnel-ip 192.168.50.11",
		change:   "node1 --tunnel-ip 192.168.60.11",
		pin:      pinning(func(s *model.NodeSpec, t api.NodeStatus) error { return model.SetText(&s.DatapathID, t.DatapathID) }),
		verbs: func(a *app) []*cobra.Command {
			return []*cobra.Command{newNodeInviteCmd(a), newNodeJoinCmd(a), newNodeRenewCmd(a), newNodeLeaveCmd(a), newNodeDrainCmd(a), newNodeAdoptCmd(a), newNodeAuditCmd(a)}
		},
	}
}

func nodeColumns() []column[nodeView] {
	return []column[nodeView]{
		{header: "TUNNEL-IP", cell: func(v nodeView) string { return valueText(v.spec.TunnelIP) }},
		{header: "CONNECTED", cell: func(v nodeView) string {
			text := yesNo(v.status.Connected)
			if v.status.Since != nil {
				text += ", " + age(v.now, *v.status.Since)
			}
			return text
		}},
		{header: "SYNC", cell: syncText},
		{header: "FLOWS", cell: func(v nodeView) string { return fmt.Sprint(v.status.Flows) }},
		{header: "PORTS", cell: func(v nodeView) string { return fmt.Sprint(v.status.Ports) }},
		{header: "DATAPATH-ID", wide: true, cell: func(v nodeView) string { return v.status.DatapathID }},
		{header: "ADDRESS", wide: true, cell: func(v nodeView) string { return v.status.Address }},
		{header: "OVS", wide: true, cell: func(v nodeView) string { return v.status.OVSVersion }},
		{header: "VXLAN-PORT", wide: true, cell: func(v nodeView) string { return yesNo(v.status.TunnelPort) }},
		{header: "OVSDB", wide: true, cell: func(v nodeView) string { return yesNo(v.status.OVSDB) }},
		{header: "CONDITIONS", cell: func(v nodeView) string { return conditionsText(v.status.Conditions) }},
		{header: "ERROR", wide: true, cell: func(v nodeView) string { return strings.ReplaceAll(v.status.LastError, "\n", " ") }},
	}
}

// syncText says whether a node is in sync, with its acknowledged and wanted revisions.
func syncText(v nodeView) string {
	if v.status.InSync {
		return fmt.Sprintf("yes, %d", v.status.AcknowledgedRevision)
	}
	return fmt.Sprintf("no, %d of %d", v.status.AcknowledgedRevision, v.status.WantedRevision)
}

func nodeDetails(v nodeView) [][2]string {
	lines := conditionLines(v.now, v.status.Ready, v.status.Conditions)
	if len(v.spec.Addresses) > 0 {
		lines = append(lines, [2]string{"addresses", listText(v.spec.Addresses, ", ", netip.Addr.String)})
	}
	if len(v.spec.UplinkAddresses) > 0 {
		lines = append(lines, [2]string{"uplink addresses", listText(v.spec.UplinkAddresses, ", ", netip.Addr.String)})
	}
	return append(lines, blockLines(v.status.Blocks, func(b api.BlockStatus) string { return b.Network })...)
}
