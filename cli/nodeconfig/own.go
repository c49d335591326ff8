package nodeconfig

import (
	"cmp"
	"context"
	"fmt"
	"strings"
)

// The external_ids, beside KeyNode, of rows that sdnd made for a node (controller/ovsdb).
const (
	keyOwnRow  = "sdnctl-row"
	keyOwnHash = "sdnctl"
)

// OwnRow is a row of the database that sdnd made for a node, such as a QoS, a Mirror or the limit
// of a zone (CT_Zone).
type OwnRow struct {
	Table, UUID string
	// Node is the name of the node.
	Node string
	// References are the rows that refer to it.
	References []Reference
	// Used says that a row of another program refers to it, so that it cannot be deleted.
	Used bool
}

// Reference is a column of a row that is named, or has a uuid.
type Reference struct {
	Table, Name, Column string
	// Key is the row's key in a column that holds a map; else "".
	Key string
}

// ReadOwn reads the rows that sdnd made for nodes.
func (m Machine) ReadOwn(ctx context.Context) ([]OwnRow, error) {
	read, err := m.list(ctx,
		"--columns=_uuid,external_ids,queues list qos",
		"--columns=_uuid,external_ids list queue",
		"--columns=_uuid,external_ids list mirror",
		"--columns=_uuid,external_ids list ipfix",
		"--columns=name,qos list port",
		"--columns=name,mirrors,ipfix list bridge",
		"--columns=_uuid,external_ids list ct_zone",
		"--columns=_uuid,external_ids,ct_zones list datapath",
		"--columns=datapaths list open_vswitch",
	)
	if err != nil {
		return nil, err
	}
	return append(ownRows(read[0], read[1], read[2], read[3], read[4], read[5]), ownZones(read[6], read[7], read[8])...), nil
}

// ownZones finds sdnd's rows among the zones and datapaths. A datapath that sdnd made stays while
// others have zones in it.
func ownZones(zones, datapaths, root []row) (all []OwnRow) {
	refers, owned := map[string][]Reference{}, map[string]bool{}
	for _, z := range zones {
		owned[z.text("_uuid")] = ownerOf(z) != ""
	}
	others := map[string]bool{} // by datapath
	for _, d := range datapaths {
		for zone, id := range d.dict("ct_zones") {
			refers[id] = append(refers[id], Reference{"datapath", d.text("_uuid"), "ct_zones", zone})
			others[d.text("_uuid")] = others[d.text("_uuid")] || !owned[id]
		}
	}
	for _, z := range zones {
		if node := ownerOf(z); node != "" {
			all = append(all, OwnRow{Table: "ct_zone", UUID: z.text("_uuid"), Node: node, References: refers[z.text("_uuid")]})
		}
	}
	for _, r := range root {
		for kind, id := range r.dict("datapaths") {
			refers[id] = append(refers[id], Reference{"open_vswitch", ".", "datapaths", kind})
		}
	}
	for _, d := range datapaths {
		if node := ownerOf(d); node != "" && !others[d.text("_uuid")] {
			all = append(all, OwnRow{Table: "datapath", UUID: d.text("_uuid"), Node: node, References: refers[d.text("_uuid")]})
		}
	}
	return all
}

// ownRows finds sdnd's rows among those of the tables, and what refers to them.
func ownRows(qos, queues, mirrors, ipfixes, ports, bridges []row) []OwnRow {
	refers := map[string][]Reference{} // by uuid
	for _, c := range []struct {
		table, column string
		rows          []row
	}{{"port", "qos", ports}, {"bridge", "mirrors", bridges}, {"bridge", "ipfix", bridges}} {
		for _, r := range c.rows {
			for _, id := range r.texts(c.column) {
				refers[id] = append(refers[id], Reference{c.table, r.text("name"), c.column, ""})
			}
		}
	}
	var all []OwnRow
	for _, t := range []struct {
		name string
		rows []row
	}{{"qos", qos}, {"queue", queues}, {"mirror", mirrors}, {"ipfix", ipfixes}} {
		for _, r := range t.rows {
			if node := ownerOf(r); node != "" {
				id := r.text("_uuid")
				all = append(all, OwnRow{Table: t.name, UUID: id, Node: node, References: refers[id], Used: t.name == "queue" && usedByOthers(id, qos)})
			}
		}
	}
	return all
}

// ownerOf returns the node for which sdnd made a row, "" if it did not make it.
func ownerOf(r row) string {
	ids := r.dict("external_ids")
	if ids[keyOwnRow] == "" || ids[keyOwnHash] == "" {
		return ""
	}
	return ids[KeyNode]
}

// usedByOthers reports whether a QoS that sdnd did not make refers to a queue.
func usedByOthers(queue string, qos []row) bool {
	for _, q := range qos {
		if ownerOf(q) == "" && strings.Contains(string(q["queues"]), queue) {
			return true
		}
	}
	return false
}

// removeOwn removes the rows of a node, or of every node if node is "". A row that other
// programs use stays. The notes name it.
func removeOwn(c *Commands, own []OwnRow, node string) (notes []string) {
	for _, r := range own {
		if node != "" && r.Node != node {
			continue
		}
		for _, at := range r.References {
			c.add("--if-exists", "remove", at.Table, at.Name, at.Column, cmp.Or(at.Key, r.UUID))
		}
		switch {
		case r.Used:
			notes = append(notes, fmt.Sprintf("%s %s stays, because a QoS of another program uses it", r.Table, r.UUID))
		case r.Table == "qos" || r.Table == "queue": // ovsdb-server deletes other rows with their last reference
			c.add("--if-exists", "destroy", r.Table, r.UUID)
		}
	}
	return notes
}
