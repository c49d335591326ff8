package ovsdb

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ownBed is a real ovsdb-server whose bridge br-int is node1's, and what it is asked for.
type ownBed struct {
	*private
	rec *recorder
}

// newOwnBed makes the bridge, with ports p0 and so on, and waits until it is read.
func newOwnBed(t *testing.T, ports int) *ownBed {
	t.Helper()
	return ownBedOn(t, newPrivate(t), ports)
}

// ownBedOn does what newOwnBed does, with a server that runs.
func ownBedOn(t *testing.T, p *private, ports int) *ownBed {
	t.Helper()
	port, _, rec, _ := serveRecorded(t, Config{Logger: textLogger(t.Output())})
	args := []string{"set-manager", "tcp:127.0.0.1:" + port, "--", "add-br", "br-int", "--", "set", "Bridge", "br-int", "datapath_id=0000a1b2c3d4e5f6", "external_ids:sdnctl-node=node1"}
	for i := range ports {
		args = append(args, "--", "add-port", "br-int", fmt.Sprint("p", i))
	}
	p.vsctl(args...)
	b := &ownBed{p, rec}
	b.next(" interfaces")
	return b
}

// next waits for a line of the handler that has one of the endings.
func (b *ownBed) next(endings ...string) string {
	b.t.Helper()
	late := time.After(20 * time.Second)
	for {
		select {
		case line := <-b.rec.each:
			if slices.ContainsFunc(endings, func(e string) bool { return strings.Contains(line, e) }) {
				return line
			}
		case <-late:
			b.t.Fatalf("the handler did not get %q", endings)
		}
	}
}

// writes asks for rows and waits for the result.
func (b *ownBed) writes(want string, rows ...OwnRow) {
	b.t.Helper()
	b.makes(want, Desired{Node: "node1", Own: append([]OwnRow{}, rows...)})
}

// makes asks for what a database should have, and waits for the result.
func (b *ownBed) makes(want string, d Desired) {
	b.t.Helper()
	b.rec.writes(d)
	if got := b.next("written: "); !strings.Contains(got, "written: "+want) {
		b.t.Fatalf("%s, want %q", got, want)
	}
}

// transactions is how many the database's log has.
func (b *ownBed) transactions() int {
	b.t.Helper()
	return strings.Count(b.command("ovsdb-tool", "-mm", "show-log", b.path("conf.db")), "\nrecord ")
}

// adds reports how many transactions do adds.
func (b *ownBed) adds(do func()) int {
	b.t.Helper()
	before := b.transactions()
	do()
	return b.transactions() - before
}

// list returns columns of all rows of a table.
func (b *ownBed) list(table, columns string) []string {
	b.t.Helper()
	out := strings.TrimSpace(b.command("ovs-vsctl", "--db=unix:"+b.path("db.sock"), "--format=csv", "--no-headings", "--no-wait", "--", "--columns="+columns, "list", table))
	if out == "" {
		return nil
	}
	rows := strings.Split(out, "\n")
	slices.Sort(rows)
	return rows
}

// someRows are own rows of every table.
func someRows() []OwnRow {
	return []OwnRow{
		{Table: "Mirror", Key: "mirror m", On: "br-int", Columns: map[string]Value{
			"name": Set(Text("m")), "select_src_port": Set(Row{"Port", "p0"}, Row{"Port", "p1"}), "output_port": Set(Row{"Port", "p2"}),
		}},
		{Table: "QoS", Key: "qos p0", On: "p0", Columns: map[string]Value{
			"type": Set(Text("linux-htb")), "other_config": Strings(map[string]string{"max-rate": "1000000"}),
			"queues": Map([2]Atom{Int(0), Own("queue p0 0")}, [2]Atom{Int(1), Own("queue p0 1")}),
		}},
		{Table: "Queue", Key: "queue p0 0", Columns: map[string]Value{"other_config": Strings(map[string]string{"max-rate": "7"})}},
		{Table: "Queue", Key: "queue p0 1", Columns: map[string]Value{"dscp": Set(Int(10))}},
		{Table: "Port", Key: "port probe", On: "br-int", Columns: map[string]Value{"name": Set(Text("probe")), "interfaces": Set(Own("interface probe"))}},
		{Table: "Interface", Key: "interface probe", Columns: map[string]Value{
			"name": Set(Text("probe")), "type": Set(Text("vxlan")), "options": Strings(map[string]string{"remote_ip": "172.16.0.2", "key": "0"}), "bfd": Strings(map[string]string{"enable": "true"}),
		}},
		{Table: "IPFIX", Key: "ipfix", On: "br-int", Columns: map[string]Value{"targets": Set(Text("192.0.2.1:4739"), Text("192.0.2.2:4739")), "sampling": Set(Int(64))}},
	}
}

// TestOwnRowsReal: rows of sdnd's own come, stay as they are, change in place and go, in
// one transaction each; rows of others in the same tables stay.
func TestOwnRowsReal(t *testing.T) {
	b := newOwnBed(t, 4)
	b.vsctl("--id=@m", "create", "Mirror", "name=theirs", "select_all=true", "--", "add", "Bridge", "br-int", "mirrors", "@m",
		"--", "--id=@q", "create", "QoS", "type=linux-hfsc", "external_ids:sdnctl-node=node2", "external_ids:sdnctl=x", "external_ids:sdnctl-row=y", "--", "set", "Port", "p3", "qos=@q",
		"--", "create", "QoS", "type=linux-noop", "external_ids:sdnctl-node=node1", "external_ids:note=by-hand")
	listed := func() map[string][]string {
		return map[string][]string{
			"mirrors": b.list("Mirror", "name,select_all"), "qos": b.list("QoS", "type,other_config"),
			"queues": b.list("Queue", "dscp,other_config"), "ipfix": b.list("IPFIX", "targets,sampling"),
		}
	}
	columns := func(table string) string { // some exist for each table only
		return map[string]string{"Mirror": "_uuid,name,select_all", "QoS": "_uuid,type,external_ids", "IPFIX": "_uuid"}[table]
	}
	theirs := func() (all []string) {
		for _, table := range []string{"Mirror", "QoS"} {
			for _, row := range b.list(table, columns(table)) {
				if strings.Contains(row, "theirs") || strings.Contains(row, "node2") || strings.Contains(row, "by-hand") {
					all = append(all, row)
				}
			}
		}
		return all
	}
	nothing, before := listed(), theirs()
	if len(before) != 3 {
		t.Fatalf("others' rows: %q", before)
	}

	rows := someRows()
	if n := b.adds(func() { b.writes("<nil>", rows...) }); n != 1 {
		t.Errorf("%d transactions", n)
	}
	want := map[string][]string{
		"mirrors": {"m,false", "theirs,true"},
		"qos":     {`linux-hfsc,{}`, `linux-htb,"{max-rate=""1000000""}"`, `linux-noop,{}`},
		"queues":  {`10,{}`, `[],"{max-rate=""7""}"`},
		"ipfix":   {`"[""192.0.2.1:4739"", ""192.0.2.2:4739""]",64`},
	}
	if d := cmp.Diff(want, listed()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if n := strings.Count(b.vsctl("get", "Bridge", "br-int", "mirrors"), "-") / 4; n != 2 {
		t.Errorf("%d mirrors on the bridge", n)
	}
	if n := b.adds(func() { b.writes("<nil>", rows...) }); n != 0 {
		t.Errorf("%d transactions though nothing differed", n)
	}

	// Each change by others is noticed and undone.
	for _, change := range [][]string{
		{"clear", "Mirror", "m", "select_src_port", "--", "set", "Mirror", "m", "select_all=true", "name=renamed", "external_ids:sdnctl=0"},
		{"clear", "Bridge", "br-int", "ipfix", "--", "clear", "Port", "p0", "qos"}, // which deletes the IPFIX row
		{"set", "QoS", strings.TrimSpace(b.vsctl("get", "Port", "p0", "qos")), "queues={}", "--", "--all", "destroy", "Queue"},
	} {
		full := listed()
		b.vsctl(change...)
		b.next("own rows changed")
		b.writes("<nil>", rows...)
		if d := cmp.Diff(full, listed()); d != "" {
			t.Errorf("%v is not undone (-before +after):\n%s", change, d)
		}
	}

	// Content that changes keeps the row; a row whose key is new is another.
	uuid := b.vsctl("get", "Mirror", "m", "_uuid")
	rows[0].Columns["select_all"] = Set(Bool(true))
	delete(rows[0].Columns, "select_src_port")
	b.writes("<nil>", rows...)
	if now := b.vsctl("get", "Mirror", "m", "_uuid"); now != uuid || b.vsctl("get", "Mirror", "m", "select_all", "select_src_port") != "true\n[]\n" {
		t.Errorf("the mirror %s became %s", uuid, now)
	}
	rows[1].On, rows[4].Key = "p1", "ipfix anew"
	b.writes("<nil>", rows...)
	if moved := b.vsctl("get", "Port", "p0", "qos") + b.vsctl("get", "Port", "p1", "qos"); !strings.HasPrefix(moved, "[]\n") || strings.Count(moved, "[]") != 1 {
		t.Errorf("qos of p0 and p1: %s", moved)
	}
	if n := len(b.list("IPFIX", "_uuid")); n != 1 {
		t.Errorf("%d IPFIX rows", n)
	}

	if n := b.adds(func() { b.writes("<nil>") }); n != 1 {
		t.Errorf("%d transactions", n)
	}
	if d := cmp.Diff(nothing, listed()); d != "" {
		t.Errorf("rows are left, or others' are gone (-before +after):\n%s", d)
	}
	if d := cmp.Diff(before, theirs()); d != "" {
		t.Errorf("others' rows (-before +after):\n%s", d)
	}
}

// TestOwnRowsMissing: a row that needs one of others which is not there, or whose place
// others have, is left out and named; the rest is made; it comes when it can.
func TestOwnRowsMissing(t *testing.T) {
	b := newOwnBed(t, 1)
	b.vsctl("--id=@i", "create", "IPFIX", "sampling=7", "--", "set", "Bridge", "br-int", "ipfix=@i")
	ipfix := OwnRow{Table: "IPFIX", Key: "ipfix", On: "br-int", Columns: map[string]Value{"sampling": Set(Int(64))}}
	queue := OwnRow{Table: "Queue", Key: "queue", Columns: map[string]Value{"dscp": Set(Int(1))}}
	mirror := OwnRow{Table: "Mirror", Key: "mirror", On: "br-int", Columns: map[string]Value{"name": Set(Text("m")), "output_port": Set(Row{"Port", "late"})}}
	qos := OwnRow{Table: "QoS", Key: "qos", On: "late", Columns: map[string]Value{"type": Set(Text("linux-htb"))}}
	b.writes("not in the node's database: QoS qos (there is no Port late); Mirror mirror (there is no Port late); IPFIX ipfix (ipfix of Bridge br-int is that of somebody else; to give it up: ovs-vsctl clear Bridge br-int ipfix)", ipfix, queue, mirror, qos)
	if got := fmt.Sprint(b.list("Queue", "dscp"), b.list("Mirror", "name"), b.list("IPFIX", "sampling")); got != "[1] [] [7]" {
		t.Error(got)
	}
	b.next("own rows changed") // by the write itself
	b.vsctl("add-port", "br-int", "late", "--", "clear", "Bridge", "br-int", "ipfix")
	b.next("own rows changed")
	b.writes("<nil>", ipfix, queue, mirror, qos)
	if got := fmt.Sprint(b.list("Queue", "dscp"), b.list("Mirror", "name"), b.list("IPFIX", "sampling")); got != "[1] [m] [64]" {
		t.Error(got)
	}
}

// TestOwnRowsReadOnly: a node that joined with --ovsdb read is not written to, and the
// result says what it cannot have.
func TestOwnRowsReadOnly(t *testing.T) {
	b := newOwnBed(t, 3)
	b.vsctl("set", "Bridge", "br-int", "external_ids:sdnctl-ovsdb=read")
	b.next("ReadOnly:true")
	n := b.adds(func() {
		b.writes("the node joined with --ovsdb read, so nothing is written to it; it cannot have: Mirror mirror m; QoS qos p0; Queue queue p0 0; Queue queue p0 1; Port port probe; and 2 more", someRows()...)
	})
	if n != 0 {
		t.Errorf("%d transactions", n)
	}
}

// TestThousandOwnRows: 1,000 rows are one transaction; of those one that changes is one
// small one; sdnd that starts again writes nothing; and all go in one.
func TestThousandOwnRows(t *testing.T) {
	b := newOwnBed(t, 1)
	var rows []OwnRow
	for i := range 500 {
		rows = append(rows,
			OwnRow{Table: "Mirror", Key: fmt.Sprint("mirror ", i), On: "br-int", Columns: map[string]Value{"name": Set(Text(fmt.Sprint("m", i))), "output_vlan": Set(Int(1 + i))}},
			OwnRow{Table: "Queue", Key: fmt.Sprint("queue ", i), Columns: map[string]Value{"other_config": Strings(map[string]string{"max-rate": fmt.Sprint(1000 + i)})}})
	}
	check := func(what string, transactions, mirrors int, do func()) {
		t.Helper()
		start := time.Now()
		n := b.adds(do)
		t.Logf("%s: %v", what, time.Since(start))
		if n != transactions {
			t.Errorf("%s: %d transactions, want %d", what, n, transactions)
		}
		if n := len(b.list("Mirror", "_uuid")); n != mirrors {
			t.Errorf("%s: %d mirrors, want %d", what, n, mirrors)
		}
	}
	check("made", 1, 500, func() { b.writes("<nil>", rows...) })
	check("as they are", 0, 500, func() { b.writes("<nil>", rows...) })
	b.vsctl("set", "Mirror", "m7", "output_vlan=9")
	check("one changed", 1, 500, func() { b.writes("<nil>", rows...) })
	if got := b.vsctl("get", "Mirror", "m7", "output_vlan"); got != "8\n" {
		t.Errorf("output_vlan %s", got)
	}

	// Another sdnd, from the start.
	port, _, rec, _ := serveRecorded(t, Config{})
	b.vsctl("set-manager", "tcp:127.0.0.1:"+port)
	b.rec = rec
	b.next(" interfaces")
	check("restarted", 0, 500, func() { b.writes("<nil>", rows...) })
	check("gone", 1, 0, func() { b.writes("<nil>") })
	if n := len(b.list("Queue", "_uuid")); n != 0 {
		t.Errorf("%d queues are left", n)
	}
}
