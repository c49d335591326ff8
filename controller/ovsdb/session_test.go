package ovsdb

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// check compares the calls of the handler since the last time.
func check(t *testing.T, rec *recorder, want ...string) {
	t.Helper()
	synctest.Wait()
	if d := cmp.Diff(want, rec.take()); d != "" {
		t.Errorf("handler got (-want +got):\n%s", d)
	}
}

func TestSessionReportsBindings(t *testing.T) {
	bed(t, Config{}, func(t *testing.T, ln *pipes, rec *recorder) {
		p := ln.dial(t, "n1")
		m := p.expect("monitor_cond")
		var params []any
		if err := json.Unmarshal(m.Params, &params); err != nil || params[0] != "Open_vSwitch" || params[1] != "monitor" {
			t.Errorf("parameters %s, %v", m.Params, err)
		}
		p.send(`{"id":"monitor","error":null,"result":` + smallNode + `}`)
		check(t, rec, "a1 connected n1 br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")

		p.update(`{"Interface":{"` + i1 + `":{"modify":{"ofport":["set",[]]}}}}`)
		check(t, rec, "a1 interfaces veth1(web1,,)@1")
		// An interface that is on no port of the bridge is not reported.
		p.update(`{"Interface":{"10000000-0000-4000-8000-000000000099":{"insert":{"name":"other","ofport":7}}}}`)
		check(t, rec)
		// Differences of a map: a new pair, one that goes, one that changes.
		p.update(`{"Interface":{"` + i1 + `":{"modify":{"external_ids":["map",[["container_id","c1"],["container_iface","eth0"]]]}}}}`)
		check(t, rec, "a1 interfaces br-int(,c1,eth0)@0 veth1(web1,,)@1")
		p.update(`{"Interface":{"` + i1 + `":{"modify":{"external_ids":["map",[["container_id","c1"],["container_iface","eth1"]]]}}}}`)
		check(t, rec, "a1 interfaces br-int(,,eth1)@0 veth1(web1,,)@1")
		// A port leaves the bridge without its rows being deleted.
		p.update(`{"Bridge":{"` + u1 + `":{"modify":{"ports":["uuid","` + p1 + `"]}}}}`)
		check(t, rec, "a1 interfaces veth1(web1,,)@1")
		// All of it goes at once.
		p.update(`{"Port":{"` + p2 + `":{"delete":null}},"Interface":{"` + i2 + `":{"delete":null}},
			"Bridge":{"` + u1 + `":{"modify":{"ports":["uuid","` + p2 + `"]}}}}`)
		check(t, rec, "a1 interfaces")
		p.conn.Close()
		check(t, rec, "a1 disconnected: the node closed the connection")
	})
}

// What a bridge and its interfaces are set to, and their state are reported as they
// changes; what is asked of no column is not.
func TestSessionReportsFacts(t *testing.T) {
	bed(t, Config{}, func(t *testing.T, ln *pipes, rec *recorder) {
		p := ln.dial(t, "n1")
		p.begin(smallNode)
		check(t, rec, "a1 connected n1 br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")
		bridge := func(columns string) { p.update(`{"Bridge":{"` + u1 + `":{"modify":` + columns + `}}}`) }
		bridge(`{"fail_mode":"secure","external_ids":["map",[["sdnctl-node","node1"],["sdnctl-underlay-mtu","1500"],["other","x"]]]}`)
		check(t, rec, "a1 bridge {FailMode:secure Node:node1 UnderlayMTU:1500 ReadOnly:false}")
		bridge(`{"external_ids":["map",[["other","x"]]]}`)
		check(t, rec)
		bridge(`{"fail_mode":["set",[]],"external_ids":["map",[["sdnctl-node","node1"],["sdnctl-underlay-mtu","huge"]]]}`)
		check(t, rec)
		if b := rec.bridge; b != (Bridge{}) {
			t.Errorf("bridge is %+v, want nothing: an MTU that is no number says nothing", b)
		}
		iface := func(columns string) { p.update(`{"Interface":{"` + i2 + `":{"modify":` + columns + `}}}`) }
		iface(`{"type":"vxlan","options":["map",[["remote_ip","flow"],["key","flow"],["csum","true"]]]}`)
		check(t, rec, "a1 interfaces veth1(web1,,)@1 vxlan flow//flow/")
		iface(`{"options":["map",[["csum","true"]]]}`)
		check(t, rec)
		iface(`{"type":"","options":["map",[["key","7"],["remote_ip","flow"]]],"error":"no such device"}`)
		check(t, rec, `a1 interfaces veth1(web1,,)@1 //7/ error "no such device"`)
		iface(`{"options":["map",[["key","7"]]],"error":["set",[]],"admin_state":"up","link_state":"down","mac_in_use":"02:00:00:00:00:01"}`)
		check(t, rec, "a1 interfaces veth1(web1,,)@1 up/down 020000000001")
		iface(`{"admin_state":["set",[]],"link_state":["set",[]],"mac_in_use":["set",[]],"external_ids":["map",[["iface-status","inactive"]]]}`)
		check(t, rec, "a1 interfaces veth1(web1,,)@1 inactive")
	})
}

func TestSessionFollowsTheBridge(t *testing.T) {
	bed(t, Config{}, func(t *testing.T, ln *pipes, rec *recorder) {
		p := ln.dial(t, "n1")
		p.begin(`{}`)
		check(t, rec)
		// The bridge comes, first without an id.
		p.update(`{"Bridge":{"` + u1 + `":{"insert":{"name":"br-int","ports":["uuid","` + p1 + `"]}}}}`)
		check(t, rec)
		p.update(`{"Interface":{"` + i1 + `":{"insert":{"name":"v1","external_ids":["map",[["iface-id","a"]]]}}},
			"Port":{"` + p1 + `":{"insert":{"interfaces":["uuid","` + i1 + `"]}}}}`)
		check(t, rec)
		p.update(`{"Bridge":{"` + u1 + `":{"modify":{"datapath_id":"00000000000000a1"}}}}`)
		check(t, rec, "a1 connected n1 br-int ", "a1 interfaces v1(a,,)@0")
		// It gets another id, then what is no id, then one again.
		p.update(`{"Bridge":{"` + u1 + `":{"modify":{"datapath_id":"00000000000000a2"}}}}`)
		gone := "disconnected: the bridge is gone or has another datapath id now"
		check(t, rec, "a1 "+gone, "a2 connected n1 br-int ", "a2 interfaces v1(a,,)@0")
		p.update(`{"Bridge":{"` + u1 + `":{"modify":{"datapath_id":"rabbit"}}}}`)
		check(t, rec, "a2 "+gone)
		p.update(`{"Bridge":{"` + u1 + `":{"modify":{"datapath_id":"00000000000000a1"}}}}`)
		check(t, rec, "a1 connected n1 br-int ", "a1 interfaces v1(a,,)@0")
		// Deleted and made anew, with the same id and other ports, in one update.
		p.update(`{"Bridge":{"` + u1 + `":{"delete":null},
			"` + u2 + `":{"insert":{"name":"br-int","datapath_id":"00000000000000a1"}}}}`)
		check(t, rec, "a1 interfaces")
		p.update(`{"Bridge":{"` + u2 + `":{"delete":null}}}`)
		check(t, rec, "a1 "+gone)
	})
}

func TestSessionEchoes(t *testing.T) {
	bed(t, Config{EchoInterval: 5 * time.Second}, func(t *testing.T, ln *pipes, rec *recorder) {
		p := ln.dial(t, "n1")
		p.begin(smallNode)
		synctest.Wait()
		rec.take()

		p.send(`{"id":"x","method":"echo","params":[1,"two"]}`)
		if m := p.expect(""); string(m.ID) != `"x"` || string(m.Result) != `[1,"two"]` || string(m.Error) != "null" {
			t.Errorf("answer to echo: %s %s %s", m.ID, m.Result, m.Error)
		}
		p.send(`{"id":7,"method":"rabbit","params":[]}`)
		if m := p.expect(""); string(m.ID) != "7" || string(m.Error) != `"unknown method"` {
			t.Errorf("answer to an unknown method: %s %s", m.ID, m.Error)
		}
		p.send(`{"id":null,"method":"rabbit","params":[]}`)

		start := time.Now()
		p.expect("echo")
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("first echo after %v", d)
		}
		p.send(`{"id":"echo","result":[],"error":null}`)
		p.expect("echo")
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("second echo after %v", d)
		}
		p.ended()
		if d := time.Since(start); d != 15*time.Second {
			t.Errorf("given up after %v", d)
		}
		check(t, rec, "a1 disconnected: no answer to echo within 5s")
	})
}

// Each of these peers ends its own connection; the one beside it goes on.
func TestSessionBadPeers(t *testing.T) {
	ok := func(tables string) string { return `{"id":"monitor","error":null,"result":` + tables + `}` }
	update := func(params string) string { return ok("{}") + `{"id":null,"method":"update2","params":` + params + `}` }
	tests := []struct{ name, send, want string }{
		{"HTTP", "GET / HTTP/1.1\r\n", "does not speak OVSDB"},
		{"TLS", "\x16\x03\x01\x02", "without it"},
		{"not JSON", "{]}", "decode message"},
		{"deep", strings.Repeat(`{"a":`, 20000) + "1" + strings.Repeat("}", 20000), "depth"},
		{"huge", `{"method":"` + strings.Repeat("x", 1<<20) + `"}`, "more than"},
		{"huge without end", strings.Repeat(`{`, 1<<20), "more than"},
		{"refuses", `{"id":"monitor","result":null,"error":{"error":"unknown database"}}`, "unknown database"},
		{"silent", "", "no answer to monitor_cond"},
		{"only echoes", `{"id":null,"method":"echo","params":[]}`, "no answer to monitor_cond"},
		{"never ends", `{"id":"monitor","result":{"Bridge":{`, "no answer to monitor_cond"},
		{"white space", strings.Repeat(" ", 1<<16), "no answer to monitor_cond"},
		{"answers twice", ok("{}") + ok("{}"), "second answer"},
		{"no result", `{"id":"monitor","result":null,"error":null}`, "update"},
		{"early update", `{"id":null,"method":"update2","params":["monitor",{}]}`, "not asked for"},
		{"other monitor", update(`["other",{}]`), "not asked for"},
		{"no parameters", update(`null`), "want ["},
		{"few parameters", update(`["monitor"]`), "not asked for"},
		{"other table", ok(`{"NB_Global":{"` + u1 + `":{"initial":{}}}}`), "not asked for"},
		{"no operation", ok(`{"Port":{"` + u1 + `":{}}}`), "none of"},
		{"bad uuid", ok(`{"Port":{"rabbit":{"initial":{}}}}`), "not a uuid"},
		{"modified before inserted", ok(`{"Port":{"` + u1 + `":{"modify":{}}}}`), "before it was inserted"},
		{"deleted before inserted", ok(`{"Interface":{"` + u1 + `":{"delete":null}}}`), "before it was inserted"},
		{"inserted twice", ok(`{"Bridge":{"` + u1 + `":{"initial":{"name":"a"}},"` + u1 + `":{"initial":{"name":"a"}}}}`), "twice"},
		{"one name twice", ok(`{"Bridge":{"` + u1 + `":{"initial":{"name":"br-int"}},"` + u2 + `":{"initial":{"name":"br-int"}}}}`), "2 bridges"},
		{"database replaced", ok("{}") + `{"id":null,"method":"monitor_canceled","params":["monitor"]}`, "being replaced"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log strings.Builder
			cfg := Config{MaxMessage: 1 << 19, Logger: textLogger(&log)}
			bed(t, cfg, func(t *testing.T, ln *pipes, rec *recorder) {
				good := ln.dial(t, "good")
				good.begin(smallNode)
				go func() {
					for m := range good.got {
						if m.Method == "echo" {
							good.send(`{"id":"echo","result":[],"error":null}`)
						}
					}
				}()
				bad := ln.dial(t, "bad")
				bad.expect("monitor_cond")
				go bad.conn.Write([]byte(tt.send)) // fails when we hang up, as we should
				bad.ended()
				synctest.Wait()
				if !strings.Contains(log.String(), tt.want) || !strings.Contains(log.String(), "=bad") {
					t.Errorf("want %q in the log:\n%s", tt.want, log.String())
				}
				good.update(`{"Interface":{"` + i2 + `":{"modify":{"ofport":9}}}}`)
				check(t, rec, "a1 connected good br-int 3.1.0", "a1 interfaces veth1(web1,,)@1", "a1 interfaces veth1(web1,,)@9")
			})
		})
	}
}

// A peer that never reads is given up when the write does not get through.
func TestSessionPeerThatNeverReads(t *testing.T) {
	bed(t, Config{}, func(t *testing.T, ln *pipes, rec *recorder) {
		ours, theirs := newUnreadPipe()
		ln.conns <- ours
		start := time.Now()
		<-theirs
		if d := time.Since(start); d != 5*time.Second {
			t.Errorf("given up after %v", d)
		}
	})
}

// A view may not outgrow what one message can say, in however many steps.
func TestSessionViewIsBounded(t *testing.T) {
	bed(t, Config{MaxMessage: 10000}, func(t *testing.T, ln *pipes, rec *recorder) {
		p := ln.dial(t, "n1")
		p.begin(`{}`)
		for i := range 300 {
			id := fmt.Sprintf("30000000-0000-4000-8000-%012d", i)
			raw := `{"id":null,"method":"update2","params":["monitor",{"Interface":{"` + id + `":{"insert":{"name":"v"}}}}]}`
			if _, err := p.conn.Write([]byte(raw)); err != nil {
				if i < 150 {
					t.Errorf("ended after %d rows", i)
				}
				p.ended()
				return
			}
		}
		t.Error("300 rows were taken")
	})
}
