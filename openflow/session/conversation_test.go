package session

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sdnctl/sdnctl/openflow"
)

// conversation is what was said on a connection, message by message.
type conversation []spoken

type spoken struct {
	bySwitch bool
	frame    []byte
}

// text is the form in testdata: a line for each message, "<" from the switch,
// ">" to it, with the type for the reader's convenience.
func (c conversation) text() []byte {
	var b bytes.Buffer
	for _, m := range c {
		direction := '>'
		if m.bySwitch {
			direction = '<'
		}
		fmt.Fprintf(&b, "%c %v %x\n", direction, openflow.FrameType(m.frame), m.frame)
	}
	return b.Bytes()
}

func readConversation(t testing.TB, name string) (c conversation) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) != 3 {
			t.Fatalf("%s: line %q", name, lines.Text())
		}
		frame, err := hex.DecodeString(words[2])
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c = append(c, spoken{words[0] == "<", frame})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return c
}

// recordingConn writes down what passes through a connection.
type recordingConn struct {
	net.Conn
	mu     sync.Mutex
	said   conversation
	unread []byte // of the switch's, less than a message
}

func (c *recordingConn) note(bySwitch bool, b []byte) (rest []byte) {
	for len(b) >= openflow.HeaderLen && len(b) >= int(binary.BigEndian.Uint16(b[2:])) {
		n := int(binary.BigEndian.Uint16(b[2:]))
		c.said = append(c.said, spoken{bySwitch, bytes.Clone(b[:n])})
		b = b[n:]
	}
	return b
}

func (c *recordingConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	c.note(false, b)
	c.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *recordingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	c.unread = c.note(true, append(c.unread, b[:n]...))
	c.mu.Unlock()
	return n, err
}

// outside is what a conversation needs to happen beside the connection.
type outside struct {
	packetArrives, portIsAdded func()
}

// converse has a session do all that it can, on conn, and returns in words what
// came of it. It returns an error if an event does not come.
func converse(ctx context.Context, conn net.Conn, world outside) (outcome string, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var b strings.Builder
	s, err := Handshake(ctx, conn, Config{EchoInterval: time.Hour, Role: openflow.RoleMaster, GenerationID: 1})
	if err != nil {
		return "", err
	}
	ran := make(chan error)
	go func() { ran <- s.Run(ctx) }()
	defer func() { s.Close(); <-ran }()
	fmt.Fprintf(&b, "datapath %v, %d tables\n%+v\n", s.Features().DatapathID, s.Features().Tables, s.Desc())
	printPorts(&b, s.Ports())

	toUs := openflow.Flow{Priority: 1, Cookie: 0xc0ffee, Match: openflow.Match{}.InPort(1),
		Instructions: openflow.Instructions{}.ApplyActions(openflow.Actions{}.Controller(0xffff))}
	mods := [][]byte{toUs.AppendAdd(nil, 0)}
	for i := range 5 {
		f := testFlow(i)
		mods = append(mods, f.AppendAdd(nil, 0))
	}
	fmt.Fprintf(&b, "bundle: %v\n", s.Bundle(ctx, openflow.BundleAtomic|openflow.BundleOrdered, slices.Values(mods)))
	for _, bad := range badMods {
		err := s.Bundle(ctx, openflow.BundleAtomic|openflow.BundleOrdered, slices.Values(withBad(4, 2, bad.flow)))
		fmt.Fprintf(&b, "%s: %v\n", bad.name, err)
	}
	_, err = s.Do(ctx, openflow.NewFlowMod(openflow.FlowAdd, badMods[0].flow))
	fmt.Fprintf(&b, "outside a bundle: %v\n", err)

	var flows []string
	err = s.Flows(ctx, openflow.AllFlows(), func(f *openflow.FlowStats) error {
		flows = append(flows, f.Flow.String())
		return nil
	})
	slices.Sort(flows)
	fmt.Fprintf(&b, "flows: %v\n%s\n", err, strings.Join(flows, "\n"))
	sum, err := s.Aggregate(ctx, openflow.AllFlows())
	fmt.Fprintf(&b, "%d flows, %v\n", sum.Flows, err)
	tables, err := s.Tables(ctx)
	fmt.Fprintf(&b, "%d tables, %v\n", len(tables), err)

	world.packetArrives()
	in, ok := nextEvent(s).(*openflow.PacketIn)
	if !ok {
		return b.String(), fmt.Errorf("no packet-in but %+v", in)
	}
	fmt.Fprintf(&b, "packet-in: port %v, cookie %v, %x\n", in.InPort(), in.Cookie, in.Data)
	_, err = s.Do(ctx, openflow.NewPacketOut(in.Data, openflow.Actions{}.Output(2)))
	fmt.Fprintf(&b, "packet-out: %v\n", err)
	world.portIsAdded()
	status, ok := nextEvent(s).(*openflow.PortStatus)
	if !ok {
		return b.String(), fmt.Errorf("no port-status but %+v", status)
	}
	fmt.Fprintf(&b, "port %v %v %s\n", status.Reason, status.Port.No, status.Port.Name)
	_, err = s.Do(ctx, &openflow.EchoRequest{Data: []byte("good bye")})
	fmt.Fprintf(&b, "echo: %v\n", err)
	return b.String(), err
}

func printPorts(b *strings.Builder, ports []openflow.Port) {
	slices.SortFunc(ports, func(a, b openflow.Port) int { return int(a.No) - int(b.No) })
	for _, p := range ports {
		fmt.Fprintf(b, "port %v %s up=%v\n", p.No, p.Name, p.LinkUp())
	}
}

const (
	conversationFile = "testdata/conversations/openvswitch.txt"
	outcomeFile      = "testdata/conversations/openvswitch.outcome.txt"
)

// A session that gets the answers which an Open vSwitch gave says the same
// things, byte for byte, and understands the same.
func TestRecordedConversation(t *testing.T) {
	if *update {
		recordConversation(t)
	}
	said := readConversation(t, conversationFile)
	want, err := os.ReadFile(outcomeFile)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		replayed := make(chan error, 1)
		go func() { replayed <- replay(there, said) }()
		nothing := func() {}
		got, err := converse(t.Context(), here, outside{nothing, nothing})
		if err != nil {
			t.Error(err)
		}
		if err := <-replayed; err != nil {
			t.Error(err)
		}
		there.Close()
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("outcome (-want +got):\n%s", diff)
		}
	})
}

// Wherever the connection ends, all that is under way fails at once, and all that
// comes after.
func TestConversationCut(t *testing.T) {
	said := readConversation(t, conversationFile)
	for cut := range said {
		synctest.Test(t, func(t *testing.T) {
			start := time.Now()
			here, there := net.Pipe()
			replayed := make(chan error, 1)
			go func() {
				err := replay(there, said[:cut])
				there.Close()
				replayed <- err
			}()
			nothing := func() {}
			_, err := converse(t.Context(), here, outside{nothing, nothing})
			if err == nil {
				t.Errorf("cut after %d messages: no error", cut)
			}
			if took := time.Since(start); took != 0 {
				t.Errorf("cut after %d messages: took %v", cut, took)
			}
			if err := <-replayed; err != nil {
				t.Error(err)
			}
		})
	}
}

// replay plays the switch.
func replay(conn net.Conn, said conversation) error {
	frames := newFrameReader(conn, openflow.MaxMessageLen)
	for i, m := range said {
		if m.bySwitch {
			if _, err := conn.Write(m.frame); err != nil {
				return fmt.Errorf("message %d: %w", i, err)
			}
			continue
		}
		got, err := frames.next()
		if err != nil {
			conn.Close()
			return fmt.Errorf("message %d: %w", i, err)
		}
		if !bytes.Equal(got, m.frame) {
			conn.Close()
			return fmt.Errorf("message %d is\n%x, want\n%x", i, got, m.frame)
		}
	}
	return nil
}

// recordConversation writes what replay needs, from a real Open vSwitch.
func recordConversation(t *testing.T) {
	o := startOVS(t)
	conn := &recordingConn{Conn: o.accept()}
	outcome, err := converse(t.Context(), conn, o.world())
	if err := errors.Join(
		err,
		os.MkdirAll(filepath.Dir(conversationFile), 0o755),
		os.WriteFile(conversationFile, conn.said.text(), 0o644),
		os.WriteFile(outcomeFile, []byte(outcome), 0o644),
	); err != nil {
		t.Fatal(err)
	}
}

// world does to an Open vSwitch what a conversation needs.
func (o *ovs) world() outside {
	return outside{
		packetArrives: func() { o.Appctl("netdev-dummy/receive", "p1", testPacketHex) },
		portIsAdded: func() {
			o.Vsctl("add-port", "br0", "p3", "--", "set", "interface", "p3", "type=dummy", "ofport_request=3")
		},
	}
}

// nextEvent returns the next event, and nil when the connection has ended.
func nextEvent(s *Session) Event {
	e, _ := s.NextEvent()
	return e
}
