package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
)

// TestOnlyTheNodeOfTheProofReports: a connection without proof is closed before
// a word, one that may not speak for its bridge is not reported, and one that
// may not any more is ended at the next thing it says.
func TestOnlyTheNodeOfTheProofReports(t *testing.T) {
	var owner atomic.Value // the node that has datapath id a1
	owner.Store("n1")
	cfg := Config{
		Identify: func(_ context.Context, conn net.Conn) (string, error) {
			name := conn.RemoteAddr().String()
			if name == "unknown" {
				return "", errors.New("no certificate")
			}
			return name, nil
		},
		Admit: func(c Conn) error {
			if c.DatapathID == 0xa1 && c.Node == owner.Load() {
				return nil
			}
			return fmt.Errorf("%s may not", c.Node)
		},
	}
	bed(t, cfg, func(t *testing.T, ln *pipes, rec *recorder) {
		ln.dial(t, "unknown").ended()
		check(t, rec)

		other := ln.dial(t, "n2")
		other.begin(smallNode)
		other.ended()
		check(t, rec)

		p := ln.dial(t, "n1")
		p.begin(smallNode)
		check(t, rec, "a1 connected n1 br-int 3.1.0", "a1 interfaces veth1(web1,,)@1")
		owner.Store("n3")
		// It says nothing; the reply to the next echo counts.
		m := p.expect("echo")
		p.send(`{"id":` + string(m.ID) + `,"result":[],"error":null}`)
		p.ended()
		check(t, rec, "a1 disconnected: n1 may not")
	})
}
