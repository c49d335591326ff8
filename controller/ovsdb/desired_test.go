package ovsdb

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// tunnelOf is what a node's tunnel should be.
func tunnelOf(node, local string) Desired {
	return Desired{Node: node, Rows: []DesiredRow{{
		Table: "Interface", Name: "vxlan-sdn", Strings: map[string]string{"type": "vxlan"},
		Pairs: map[string]map[string]string{"options": {"remote_ip": "flow", "key": "flow", "dst_port": "", "local_ip": local}},
	}}}
}

// TestDesiredChanges: only what differs of rows of the node is written, guarded by
// what was read; what is right, another's, or not to be written is left alone.
func TestDesiredChanges(t *testing.T) {
	const (
		bridge  = `[{"_uuid":["uuid","b"],"external_ids":["map",[["sdnctl-node","node1"]]]}]`
		row     = `[{"_uuid":["uuid","i"],"type":%T,"external_ids":["map",[["sdnctl-node",%N],["x","y"]]],"options":["map",[%O]]}]`
		correct = `["csum","true"],["key","flow"],["local_ip","10.0.0.1"],["remote_ip","flow"]`
	)
	iface := func(kind, node, options string) string {
		return strings.NewReplacer("%T", kind, "%N", `"`+node+`"`, "%O", options).Replace(row)
	}
	for _, tt := range []struct{ name, bridge, iface, want, err string }{
		{name: "right", bridge: bridge, iface: iface(`"vxlan"`, "node1", correct)},
		{
			name: "wrong", bridge: bridge, iface: iface(`"geneve"`, "node1", `["csum","true"],["dst_port","8472"],["key","7"]`),
			want: `[{"columns":["external_ids"],"op":"wait","rows":[{"external_ids":["map",[["sdnctl-node","node1"]]]}],"table":"Bridge","timeout":0,"until":"==","where":[["_uuid","==",["uuid","b"]]]},` +
				`{"columns":["external_ids","options","type"],"op":"wait","rows":[{"external_ids":["map",[["sdnctl-node","node1"],["x","y"]]],"options":["map",[["csum","true"],["dst_port","8472"],["key","7"]]],"type":"geneve"}],"table":"Interface","timeout":0,"until":"==","where":[["_uuid","==",["uuid","i"]]]},` +
				`{"op":"update","row":{"options":["map",[["csum","true"],["key","flow"],["local_ip","10.0.0.1"],["remote_ip","flow"]]],"type":"vxlan"},"table":"Interface","where":[["_uuid","==",["uuid","i"]]]}]`,
		},
		{name: "another node's", bridge: bridge, iface: iface(`"geneve"`, "node2", "")},
		{name: "nobody's", bridge: bridge, iface: `[{"_uuid":["uuid","i"],"type":"geneve","external_ids":["map",[]],"options":["map",[]]}]`},
		{name: "no such row", bridge: bridge, iface: `[]`},
		{name: "no bridge", bridge: `[]`, iface: iface(`"geneve"`, "node1", "")},
		{name: "read only", bridge: `[{"_uuid":["uuid","b"],"external_ids":["map",[["sdnctl-ovsdb","read"]]]}]`, iface: iface(`"geneve"`, "node1", ""), err: ErrReadOnly.Error()},
		{name: "not a map", bridge: bridge, iface: `[{"_uuid":["uuid","i"],"type":"vxlan","external_ids":["map",[["sdnctl-node","node1"]]],"options":7}]`, err: "options"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			read := make([][]values, 2)
			for i, text := range []string{tt.bridge, tt.iface} {
				if err := json.Unmarshal([]byte(text), &read[i]); err != nil {
					t.Fatal(err)
				}
			}
			ops, what, err := tunnelOf("node1", "10.0.0.1").changes(read)
			got := ""
			if len(ops) > 0 {
				b, err := json.Marshal(ops)
				if err != nil {
					t.Fatal(err)
				}
				got = string(b)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Errorf("operations (-want +got):\n%s", d)
			}
			if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if (len(what) > 0) != (tt.want != "") {
				t.Errorf("summary %v", what)
			}
		})
	}
}

// rows answers the transaction that reads; the tunnel has the key given.
func rows(key string) string {
	return `{"id":"read","error":null,"result":[{"rows":[{"_uuid":["uuid","` + u1 + `"],"external_ids":["map",[]]}]},` +
		`{"rows":[{"_uuid":["uuid","` + i2 + `"],"type":"vxlan","external_ids":["map",[["sdnctl-node","node1"]]],"options":["map",[["remote_ip","flow"],["key","` + key + `"],["local_ip","10.0.0.1"]]]}]}]}`
}

// TestWriteTriesAgain: a conflict is tried again at once, a refusal a few times and
// then no more; and those who set the same again and again are answered ever more
// slowly.
func TestWriteTriesAgain(t *testing.T) {
	const (
		conflict = `{"id":"write","error":null,"result":[{},{"error":"timed out","details":"\"wait\" timed out"},null,null]}`
		done     = `{"id":"write","error":null,"result":[{},{},{"count":1},{}]}`
		refused  = `{"id":"write","error":null,"result":[{"error":"permission error","details":"rbac"},null,null,null]}`
	)
	bed(t, Config{EchoInterval: time.Hour}, func(t *testing.T, ln *pipes, rec *recorder) {
		p := ln.dial(t, "n1")
		p.begin(smallNode)
		check(t, rec, "a1 connected n1 br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")
		rec.writes(tunnelOf("node1", "10.0.0.1"))
		for range 3 {
			p.expect("transact")
			p.send(rows("7"))
			p.expect("transact")
			p.send(conflict)
		}
		p.expect("transact")
		p.send(rows("7"))
		if m := p.expect("transact"); !strings.Contains(string(m.Params), `sdnd: Interface vxlan-sdn options:key: \"7\" becomes \"flow\"`) {
			t.Errorf("the change says not who makes it: %s", m.Params)
		}
		p.send(done)
		check(t, rec, "a1 written: <nil>")

		// Right: nothing is written.
		rec.writes(tunnelOf("node1", "10.0.0.1"))
		p.expect("transact")
		p.send(rows("flow"))
		check(t, rec, "a1 written: <nil>")

		start := time.Now()
		for range 8 {
			rec.writes(tunnelOf("node1", "10.0.0.1"))
			p.expect("transact")
			p.send(rows("7"))
			p.expect("transact")
			p.send(done)
			check(t, rec, "a1 written: <nil>")
		}
		if took := time.Since(start); took < 30*time.Second {
			t.Errorf("written 8 times within %v", took)
		}

		time.Sleep(2 * calmAfter)
		rec.writes(tunnelOf("node1", "10.0.0.1"))
		start = time.Now()
		for range maxTries {
			p.expect("transact")
			p.send(rows("7"))
			p.expect("transact")
			p.send(refused)
			synctest.Wait()
		}
		if took := time.Since(start); took < 20*time.Second || took > time.Minute {
			t.Errorf("refused %d times within %v", maxTries, took)
		}
		const why = "a1 written: transaction refused: permission error: rbac"
		check(t, rec, why, why, why, why, why, why, why)
		time.Sleep(time.Hour / 2)
		if len(p.got) > 0 {
			t.Errorf("tried once more: %+v", <-p.got)
		}
	})
}

// TestWriteReadOnly: nothing is sent to a node that joined with --ovsdb read, not even
// a question, nor the counter.
func TestWriteReadOnly(t *testing.T) {
	bed(t, Config{}, func(t *testing.T, ln *pipes, rec *recorder) {
		p := ln.dial(t, "n1")
		p.begin(strings.Replace(smallNode, `"name":"br-int","datapath_id"`, `"name":"br-int","external_ids":["map",[["sdnctl-ovsdb","read"]]],"datapath_id"`, 1))
		check(t, rec, "a1 connected n1 br-int 3.1.0", "a1 bridge {FailMode: Node: UnderlayMTU:0 ReadOnly:true}", "a1 interfaces veth1(web1,,)@1")
		rec.reconfigure()
		rec.writes(tunnelOf("node1", "10.0.0.1"))
		check(t, rec, "a1 written: "+ErrReadOnly.Error())
		if len(p.got) > 0 {
			t.Errorf("sent %+v", <-p.got)
		}
		p.update(`{"Bridge":{"` + u1 + `":{"modify":{"external_ids":["map",[["sdnctl-ovsdb","read"]]]}}}}`)
		synctest.Wait()
		rec.writes(tunnelOf("node1", "10.0.0.1"))
		p.expect("transact")
	})
}

// TestWriteReal: a real ovsdb-server: what is wrong becomes right, in one transaction
// of its log; others' rows, columns and keys stay; what is right is not written; what
// others change between reading and writing is not overwritten.
func TestWriteReal(t *testing.T) {
	p := newPrivate(t)
	port, _, rec, expect := serveRecorded(t, Config{Logger: textLogger(t.Output())})
	p.vsctl("set-manager", "tcp:127.0.0.1:"+port, "--", "add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_id=0000a1b2c3d4e5f6",
		"--", "add-port", "br-int", "vxlan-sdn", "--", "set", "Interface", "vxlan-sdn", "type=geneve", "options:key=7", "options:csum=true", "external_ids:sdnctl-node=node1", "external_ids:x=y",
		"--", "add-port", "br-int", "other", "--", "set", "Interface", "other", "type=vxlan", "options:key=7")
	expect("a1b2c3d4e5f6 connected node br-int ", "a1b2c3d4e5f6 interfaces other(,,)@0 vxlan //7/ vxlan-sdn(,,)@0 geneve //7/ joined node1//")
	dump := func() string {
		var all []string
		for _, table := range []string{"Open_vSwitch", "Bridge", "Port", "Interface", "Manager"} {
			for row := range strings.SplitSeq(p.vsctl("list", table), "\n\n") {
				if !strings.Contains(row, "name                : vxlan-sdn") || table != "Interface" {
					all = append(all, row)
				}
			}
		}
		return strings.Join(all, "\n\n")
	}
	log := func() string { return p.command("ovsdb-tool", "-mm", "show-log", p.path("conf.db")) }
	transactions := func() int { return strings.Count(log(), "\nrecord ") }
	written := func() {
		t.Helper()
		for line := range rec.each {
			if strings.HasSuffix(line, "written: <nil>") {
				return
			}
			if strings.Contains(line, "written: ") {
				t.Fatal(line)
			}
		}
	}

	before, count := dump(), transactions()
	rec.writes(tunnelOf("node1", "10.0.0.1"))
	written()
	const want = "{csum=\"true\", key=flow, local_ip=\"10.0.0.1\", remote_ip=flow}\nvxlan\n{sdnctl-node=node1, x=y}\n"
	if got := p.vsctl("get", "Interface", "vxlan-sdn", "options", "type", "external_ids"); got != want {
		t.Errorf("the row is %s", got)
	}
	if d := cmp.Diff(before, dump()); d != "" {
		t.Errorf("others' rows (-before +after):\n%s", d)
	}
	if n := transactions() - count; n != 1 || !strings.Contains(log(), `"sdnd: Interface vxlan-sdn type: "geneve" becomes "vxlan"; `) {
		t.Errorf("%d transactions:\n%s", n, log())
	}

	count = transactions()
	rec.writes(tunnelOf("node1", "10.0.0.1"))
	written()
	if n := transactions() - count; n != 0 {
		t.Errorf("%d transactions though nothing differed", n)
	}

	rec.writes(tunnelOf("node2", "10.0.0.2"))
	written()
	if n := transactions() - count; n != 0 {
		t.Errorf("%d transactions on a row of another node", n)
	}

	// As read before a change of others: the transaction fails as a whole.
	stale := func(text string) (v []values) {
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	uuidOf := func(table, name string) string {
		return strings.TrimSpace(p.vsctl("get", table, name, "_uuid"))
	}
	ops, _, err := tunnelOf("node1", "10.0.0.3").changes([][]values{
		stale(`[{"_uuid":["uuid","` + uuidOf("Bridge", "br-int") + `"],"external_ids":["map",[]]}]`),
		stale(`[{"_uuid":["uuid","` + uuidOf("Interface", "vxlan-sdn") + `"],"type":"vxlan","external_ids":["map",[["sdnctl-node","node1"],["x","y"]]],"options":["map",[["key","8"]]]}]`),
	})
	if err != nil {
		t.Fatal(err)
	}
	params := []any{database}
	for _, op := range ops {
		params = append(params, op)
	}
	text, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	answer := p.command("ovsdb-client", "transact", "unix:"+p.path("db.sock"), string(text))
	if err := checkTransaction(message{Result: json.RawMessage(answer)}); !errors.Is(err, errConflict) {
		t.Errorf("written over what others had changed: %s", answer)
	}
	if got := p.vsctl("get", "Interface", "vxlan-sdn", "options:local_ip"); got != "\"10.0.0.1\"\n" {
		t.Errorf("local_ip %s", got)
	}
}
