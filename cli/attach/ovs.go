package attach

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Interface is a row of the Interface table of OVSDB
// (ovs-vswitchd.conf.db(5)).
type Interface struct {
	Name string
	// Bridge is the bridge that it is on.
	Bridge string
	// OFPort is its OpenFlow port number: 0 until ovs-vswitchd has assigned one, and -1 if
	// it could not open the device. Error is the reason then.
	OFPort int
	Error  string
	// IDs are its external_ids.
	IDs map[string]string
}

// Bridge is a row of the Bridge table.
type Bridge struct {
	Name         string
	DatapathType string
	IDs          map[string]string
}

// Switch is the Open vSwitch of this machine.
type Switch interface {
	// Bridge returns a bridge. If it does not exist, the error is an *Error with NotFound.
	Bridge(ctx context.Context, name string) (Bridge, error)
	// Interfaces returns the interfaces with a name, if column is "name". Otherwise column is
	// a key of external_ids, and Interfaces returns the interfaces that have it with the
	// value; "" stands for any value.
	Interfaces(ctx context.Context, column, value string) ([]Interface, error)
	// Add adds an interface to a bridge and sets its external_ids. If the bridge has the
	// interface, Add only sets the external_ids.
	Add(ctx context.Context, bridge, name string, ids map[string]string) error
	// Remove removes interfaces from their bridges. It is no error if one does not exist.
	Remove(ctx context.Context, names ...string) error
}

// VSCtl is a Switch that uses ovs-vsctl(8). The function runs ovs-vsctl with the arguments and
// returns its output.
type VSCtl func(ctx context.Context, args ...string) (string, error)

// Bridge implements Switch.
func (v VSCtl) Bridge(ctx context.Context, name string) (Bridge, error) {
	rows, err := v.find(ctx, "bridge", "name,datapath_type,external_ids", "name="+quote(name))
	if err != nil {
		return Bridge{}, err
	}
	if len(rows) == 0 {
		return Bridge{}, fault(NotFound, "make this machine a node first with: sdnctl node join (or name the bridge with --bridge)",
			"the Open vSwitch of this machine has no bridge %s", name)
	}
	r := rows[0]
	return Bridge{Name: r.text("name"), DatapathType: r.text("datapath_type"), IDs: r.strings("external_ids")}, r.err
}

// Interfaces implements Switch.
func (v VSCtl) Interfaces(ctx context.Context, column, value string) ([]Interface, error) {
	condition := "external_ids:" + column + "=" + quote(value)
	switch {
	case column == "name":
		condition = "name=" + quote(value)
	case value == "":
		condition = "external_ids:" + column + `!=""`
	}
	rows, err := v.find(ctx, "interface", "name,ofport,error,external_ids", condition)
	if err != nil {
		return nil, err
	}
	var all []Interface
	for _, r := range rows {
		i := Interface{Name: r.text("name"), OFPort: r.number("ofport"), Error: r.text("error"), IDs: r.strings("external_ids")}
		if r.err != nil {
			return nil, r.err
		}
		if i.Bridge, err = v(ctx, "iface-to-br", i.Name); err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, nil
}

// Add implements Switch. ovs-vsctl returns once ovs-vswitchd has opened the
// device or has failed to open it.
func (v VSCtl) Add(ctx context.Context, bridge, name string, ids map[string]string) error {
	args := []string{"--may-exist", "add-port", bridge, name, "--", "set", "interface", name}
	for _, k := range slices.Sorted(maps.Keys(ids)) {
		args = append(args, "external_ids:"+k+"="+quote(ids[k]))
	}
	_, err := v(ctx, args...)
	return err
}

// Remove implements Switch.
func (v VSCtl) Remove(ctx context.Context, names ...string) error {
	var args []string
	for i, n := range names {
		if i > 0 {
			args = append(args, "--")
		}
		args = append(args, "--if-exists", "del-port", n)
	}
	if args == nil {
		return nil
	}
	_, err := v(ctx, args...)
	return err
}

// quote quotes a string for ovs-vsctl (ovs-vsctl(8), "Database Values").
func quote(s string) string { return strconv.Quote(s) }

// find returns the rows of a table that match a condition.
func (v VSCtl) find(ctx context.Context, table, columns, condition string) ([]*row, error) {
	text, err := v(ctx, "--format=json", "--columns="+columns, "find", table, condition)
	if err != nil {
		return nil, err
	}
	var t struct {
		Headings []string
		Data     [][]json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return nil, fmt.Errorf("decode the output of ovs-vsctl: %w: %.200s", err, text)
	}
	var rows []*row
	for _, d := range t.Data {
		r := &row{values: map[string]json.RawMessage{}}
		for i, h := range t.Headings {
			if i < len(d) {
				r.values[h] = d[i]
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// row decodes the values of one row, in the notation of RFC 7047, section 5.1. err joins the
// errors so far.
type row struct {
	values map[string]json.RawMessage
	err    error
}

// read decodes a column, and reports whether it has a value.
func (r *row) read(column string, into any) bool {
	v := r.values[column]
	if string(v) == `["set",[]]` { // an optional value that is absent
		return false
	}
	if err := json.Unmarshal(v, into); err != nil {
		r.err = errors.Join(r.err, fmt.Errorf("column %s in the output of ovs-vsctl: %w: %.100s", column, err, v))
		return false
	}
	return true
}

func (r *row) text(column string) (s string) {
	r.read(column, &s)
	return s
}

func (r *row) number(column string) (n int) {
	r.read(column, &n)
	return n
}

func (r *row) strings(column string) map[string]string {
	m := map[string]string{}
	var pair [2]json.RawMessage
	var entries [][2]string
	if r.read(column, &pair) {
		if err := json.Unmarshal(pair[1], &entries); err != nil {
			r.err = errors.Join(r.err, fmt.Errorf("column %s in the output of ovs-vsctl: %w", column, err))
		}
	}
	for _, e := range entries {
		m[e[0]] = e[1]
	}
	return m
}
