package ovsdb

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// noZoneLimits is what a MissingError names if the database knows no limits of zones.
const noZoneLimits = "the limits of connections (the schema of the database is older than Open vSwitch 3.3)"

// Tables and columns of the connection tracker's zones (ovs-vswitchd.conf.db(5)).
const (
	tableDatapath = "Datapath"
	tableZone     = "CT_Zone"
	columnLimit   = "limit"
)

// zoneSelects returns the operations that read the limits of zones; none without
// Desired.ZoneLimits.
func (d Desired) zoneSelects(bridge string) []operation {
	if d.ZoneLimits == nil {
		return nil
	}
	return []operation{
		{"op": "select", "table": tableRoot, "where": []any{}, "columns": []string{"_uuid", "datapaths"}},
		{"op": "select", "table": tableBridge, "where": named(bridge), "columns": []string{"_uuid", "datapath_type"}},
		{"op": "select", "table": tableDatapath, "where": []any{}, "columns": []string{"_uuid", "ct_zones"}},
		{"op": "select", "table": tableZone, "where": []any{[]any{"external_ids", "includes", mapValue(map[string]string{keyNode: d.Node})}}, "columns": []string{"_uuid", columnLimit}},
	}
}

// zoneChanges works out the operations that make the limits of zones as desired.
type zoneChanges struct {
	guards, ops []operation
	summary     []string
	missing     []string
}

// zones computes the changes from the answers to zoneSelects, for a bridge with external_ids that
// are the node's. Zones of the bridge's datapath that somebody else has configured are missing.
func (d Desired) zones(bridge map[string]string, read [][]values) (*zoneChanges, error) {
	c := &zoneChanges{}
	if d.ZoneLimits == nil || bridge[keyNode] != d.Node {
		return c, nil
	}
	if len(read[0]) != 1 || len(read[1]) != 1 {
		return c, nil // the bridge is gone
	}
	kind, err := decodeOptional[string](read[1][0]["datapath_type"])
	if err != nil {
		return nil, fmt.Errorf("datapath_type: %w", err)
	}
	if kind == "" {
		kind = "system"
	}
	datapaths, err := mapOfRows(read[0][0]["datapaths"])
	if err != nil {
		return nil, fmt.Errorf("datapaths: %w", err)
	}
	own := map[string]values{}
	for _, z := range read[3] {
		own[uuidOf(z)] = z
	}
	for _, datapath := range read[2] {
		if id, ok := datapaths[kind]; ok && id == uuidOf(datapath) {
			return c, c.change(d, datapath, own)
		}
	}
	if len(d.ZoneLimits) > 0 {
		c.create(d, kind, read[0][0])
	}
	return c, nil
}

// create makes the row of the bridge's datapath, with all zones.
func (c *zoneChanges) create(d Desired, kind string, root values) {
	zones := [][2]any{}
	for _, zone := range slices.Sorted(maps.Keys(d.ZoneLimits)) {
		zones = append(zones, [2]any{zone, c.insert(d, zone)})
	}
	c.guards = append(c.guards, unchanged(tableRoot, root, "datapaths"))
	c.ops = append(c.ops,
		operation{"op": "insert", "table": tableDatapath, "uuid-name": "datapath", "row": map[string]any{"ct_zones": []any{"map", zones}, "external_ids": mapValue(OwnRow{Table: tableDatapath, Key: "datapath " + kind}.marks(d.Node))}},
		operation{"op": "mutate", "table": tableRoot, "where": []any{}, "mutations": []any{[]any{"datapaths", "insert", []any{"map", [][2]any{{kind, []any{"named-uuid", "datapath"}}}}}}})
}

// insert makes the row of a zone, and returns its name in the transaction.
func (c *zoneChanges) insert(d Desired, zone uint16) []any {
	name := fmt.Sprintf("zone%d", zone) // of the row, and within the transaction
	limit := d.ZoneLimits[zone]
	c.ops = append(c.ops, operation{"op": "insert", "table": tableZone, "uuid-name": name, "row": map[string]any{columnLimit: limit, "external_ids": mapValue(OwnRow{Table: tableZone, Key: name}.marks(d.Node))}})
	c.summary = append(c.summary, fmt.Sprintf("zone %d is limited to %d connections", zone, limit))
	return []any{"named-uuid", name}
}

// change makes the zones of a datapath that exists as desired; own are sdnd's rows.
func (c *zoneChanges) change(d Desired, datapath values, own map[string]values) error {
	zones, err := mapOfRows(datapath["ct_zones"])
	if err != nil {
		return fmt.Errorf("ct_zones: %w", err)
	}
	var come [][2]any
	for _, zone := range slices.Sorted(maps.Keys(d.ZoneLimits)) {
		id, there := zones[strconv.Itoa(int(zone))]
		row, mine := own[id]
		switch {
		case !there:
			come = append(come, [2]any{zone, c.insert(d, zone)})
		case !mine:
			c.missing = append(c.missing, fmt.Sprintf("the limit of zone %d (CT_Zone is somebody else's)", zone))
		default:
			was, err := decodeOptional[int64](row[columnLimit])
			if err != nil {
				return fmt.Errorf("%s of zone %d: %w", columnLimit, zone, err)
			}
			if limit := d.ZoneLimits[zone]; was != int64(limit) {
				c.guards = append(c.guards, unchanged(tableZone, row, columnLimit))
				c.ops = append(c.ops, operation{"op": "update", "table": tableZone, "where": is(row), "row": map[string]any{columnLimit: limit}})
				c.summary = append(c.summary, fmt.Sprintf("zone %d is limited to %d connections, not %d", zone, limit, was))
			}
		}
	}
	var gone []any
	for zone, id := range zones {
		n, err := strconv.ParseUint(zone, 10, 16)
		if _, wanted := d.ZoneLimits[uint16(n)]; err == nil && own[id] != nil && !wanted {
			gone = append(gone, n)
			c.summary = append(c.summary, fmt.Sprintf("zone %d is not limited", n))
		}
	}
	var mutations []any
	if len(gone) > 0 {
		mutations = append(mutations, []any{"ct_zones", "delete", []any{"set", gone}})
	}
	if len(come) > 0 {
		mutations = append(mutations, []any{"ct_zones", "insert", []any{"map", come}})
	}
	if len(mutations) > 0 {
		// A row of CT_Zone that nothing refers to is deleted by the server.
		c.guards = append(c.guards, unchanged(tableDatapath, datapath, "ct_zones"))
		c.ops = append(c.ops, operation{"op": "mutate", "table": tableDatapath, "where": is(datapath), "mutations": mutations})
	}
	return nil
}

// lacksZoneLimits reports whether a transaction failed because the database's schema has no limits
// of zones.
func lacksZoneLimits(m message) bool {
	var results []*struct{ Error, Details, Syntax string }
	if json.Unmarshal(m.Result, &results) != nil {
		return false
	}
	return slices.ContainsFunc(results, func(r *struct{ Error, Details, Syntax string }) bool {
		return r != nil && (r.Details == columnLimit+" is not a valid column name" || r.Details == "No table named "+tableZone+"." || r.Details == "No table named "+tableDatapath+".")
	})
}

// mapOfRows decodes a map to rows: ["map",[[key,["uuid","…"]],…]]. Keys are as text.
func mapOfRows(raw json.RawMessage) (map[string]string, error) {
	var tagged [2]json.RawMessage
	var pairs [][2]json.RawMessage
	if err := json.Unmarshal(raw, &tagged); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(tagged[1], &pairs); err != nil {
		return nil, err
	}
	all := map[string]string{}
	for _, p := range pairs {
		var id [2]string
		if err := json.Unmarshal(p[1], &id); err != nil {
			return nil, err
		}
		key, err := strconv.Unquote(string(p[0]))
		if err != nil {
			key = string(p[0]) // a number
		}
		all[key] = id[1]
	}
	return all, nil
}
