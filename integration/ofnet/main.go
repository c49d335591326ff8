// Command ofnetbench installs flows on a switch with antrea.io/ofnet, which the
// ofnet line of controllers is made of, and prints how long that took. It is
// what sdnctl is measured beside.
//
// Its arguments are the switch's management socket and a file of OpenFlow 1.3
// flow-mods one after the other. They are made into ofnet's flow objects first,
// which is not timed; then all are sent in one bundle.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"antrea.io/libOpenflow/openflow15"
	"antrea.io/ofnet/ofctrl"
	"github.com/sirupsen/logrus"
)

func main() {
	logrus.SetLevel(logrus.ErrorLevel)
	took, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "ofnetbench:", err)
		os.Exit(1)
	}
	fmt.Println(took)
}

func run(args []string) (time.Duration, error) {
	if len(args) != 2 {
		return 0, errors.New("usage: ofnetbench SOCKET FLOWS")
	}
	encoded, err := os.ReadFile(args[1])
	if err != nil {
		return 0, err
	}
	flows, err := decode(encoded)
	if err != nil {
		return 0, err
	}
	a := app{up: make(chan *ofctrl.OFSwitch, 1)}
	c := ofctrl.NewController(a)
	failed := make(chan error, 1)
	go func() { failed <- c.Connect(args[0]) }()
	select {
	case sw := <-a.up:
		return install(sw, flows)
	case err := <-failed:
		return 0, fmt.Errorf("connect to %s: %w", args[0], err)
	case <-time.After(10 * time.Second):
		return 0, fmt.Errorf("no switch at %s within 10 s", args[0])
	}
}

// install sends the flows as one bundle.
func install(sw *ofctrl.OFSwitch, flows []*openflow15.FlowMod) (time.Duration, error) {
	start := time.Now()
	tx := sw.NewTransaction(ofctrl.Atomic | ofctrl.Ordered)
	if err := tx.Begin(); err != nil {
		return 0, fmt.Errorf("begin the bundle: %w", err)
	}
	for i, f := range flows {
		if err := tx.AddFlow(f); err != nil {
			return 0, fmt.Errorf("add flow %d: %w", i, err)
		}
	}
	n, err := tx.Complete()
	if err != nil {
		return 0, fmt.Errorf("close the bundle: %w", err)
	}
	if n != len(flows) {
		return 0, fmt.Errorf("the switch took %d of %d flows", n, len(flows))
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("commit the bundle: %w", err)
	}
	return time.Since(start), nil
}

// decode makes flow-mods of OpenFlow 1.3 into ofnet's, which speaks 1.5. The
// two differ in the version, in two bytes of padding that became the importance
// (OpenFlow 1.5.1, 7.3.4.1), and in how a field is copied to another.
func decode(b []byte) (flows []*openflow15.FlowMod, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("flow %d: libOpenflow panics: %v", len(flows), p)
		}
	}()
	for len(b) > 0 {
		n := int(binary.BigEndian.Uint16(b[2:]))
		b[0] = openflow15.VERSION
		f := openflow15.NewFlowMod()
		if err := f.UnmarshalBinary(b[:n]); err != nil {
			return nil, fmt.Errorf("flow %d: %w", len(flows), err)
		}
		giveMACs(f, b[:n])
		again, err := f.MarshalBinary()
		if err != nil {
			return nil, fmt.Errorf("flow %d: %w", len(flows), err)
		}
		if !bytes.Equal(again, b[:n]) {
			return nil, fmt.Errorf("flow %d: libOpenflow makes %x of %x", len(flows), again, b[:n])
		}
		copyFields(f)
		flows, b = append(flows, f), b[n:]
	}
	return flows, nil
}

// copyFields puts OpenFlow 1.5's copy_field in the place of Nicira's move,
// which Open vSwitch does not take by that version.
func copyFields(f *openflow15.FlowMod) {
	id := func(m *openflow15.MatchField) openflow15.OxmId {
		return openflow15.OxmId{Class: m.Class, Field: m.Field, Length: m.Length}
	}
	for _, in := range f.Instructions {
		apply, ok := in.(*openflow15.InstrActions)
		if !ok {
			continue
		}
		for i, a := range apply.Actions {
			if m, ok := a.(*openflow15.NXActionRegMove); ok {
				moved := openflow15.NewActionCopyField(m.Nbits, m.SrcOfs, m.DstOfs, id(m.SrcField), id(m.DstField))
				apply.Length += moved.Len() - m.Len()
				apply.Actions[i] = moved
			}
		}
	}
}

// giveMACs sets the Ethernet addresses of a flow from its bytes: libOpenflow
// reads them as none.
func giveMACs(f *openflow15.FlowMod, b []byte) {
	const match = 48 // OpenFlow 1.3.5, 7.3.4.1
	end := match + int(binary.BigEndian.Uint16(b[match+2:]))
	at := match + 4
	for i := range f.Match.Fields {
		giveMAC(&f.Match.Fields[i], b[at:])
		at += 4 + int(b[at+3])
	}
	at = (end + 7) / 8 * 8
	for _, in := range f.Instructions {
		if apply, ok := in.(*openflow15.InstrActions); ok {
			action := at + 8
			for _, a := range apply.Actions {
				if set, ok := a.(*openflow15.ActionSetField); ok {
					giveMAC(&set.Field, b[action+4:])
				}
				action += int(binary.BigEndian.Uint16(b[action+2:]))
			}
		}
		at += int(binary.BigEndian.Uint16(b[at+2:]))
	}
}

// giveMAC sets the address of a field from its bytes, if it has one.
func giveMAC(f *openflow15.MatchField, oxm []byte) {
	switch v := f.Value.(type) {
	case *openflow15.EthDstField:
		v.EthDst = bytes.Clone(oxm[4:10])
	case *openflow15.EthSrcField:
		v.EthSrc = bytes.Clone(oxm[4:10])
	case *openflow15.ArpXHaField:
		v.ArpHa = bytes.Clone(oxm[4:10])
	}
}

// app signals that the switch has connected.
type app struct{ up chan *ofctrl.OFSwitch }

// SwitchConnected passes the switch on.
func (a app) SwitchConnected(sw *ofctrl.OFSwitch) { a.up <- sw }

// SwitchDisconnected does nothing.
func (a app) SwitchDisconnected(*ofctrl.OFSwitch) {}

// PacketRcvd does nothing: no flow sends packets to the controller.
func (a app) PacketRcvd(*ofctrl.OFSwitch, *ofctrl.PacketIn) {}

// MultipartReply does nothing: nothing is asked for.
func (a app) MultipartReply(*ofctrl.OFSwitch, *openflow15.MultipartReply) {}

// FlowGraphEnabledOnSwitch reports that ofnet need not keep a graph of the flows.
func (a app) FlowGraphEnabledOnSwitch() bool { return false }

// TLVMapEnabledOnSwitch reports that the switch maps no options of tunnels.
func (a app) TLVMapEnabledOnSwitch() bool { return false }

// PortStatusRcvd does nothing: the flows name ports by number.
func (a app) PortStatusRcvd(*openflow15.PortStatus) {}
