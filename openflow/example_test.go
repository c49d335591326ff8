package openflow_test

import (
	"fmt"
	"net/netip"

	"github.com/sdnctl/sdnctl/openflow"
)

// A router's flow: to a prefix, through the gateway's MAC address, one hop less
// to live.
func ExampleFlow() {
	var match openflow.Match
	var actions openflow.Actions
	f := openflow.Flow{
		Table:    20,
		Priority: 124,
		Match:    match.EthType(0x0800).Metadata(5001).IPv4Dst(netip.MustParsePrefix("10.244.2.0/24")),
		Instructions: openflow.Instructions(nil).
			ApplyActions(actions.SetEthSrc(openflow.MAC{2, 0, 0, 0, 0, 1}).DecTTL()).
			GotoTable(30),
	}
	fmt.Println(&f)
	fmt.Println(len(f.AppendAdd(nil, 1)), "bytes")
	// Output:
	// table=20, priority=124,ip,metadata=0x1389,nw_dst=10.244.2.0/24 actions=set_field:02:00:00:00:00:01->eth_src,dec_ttl,goto_table:30
	// 128 bytes
}

// Bytes of a peer are decoded by their type.
func ExampleDecodeMessage() {
	m, err := openflow.DecodeMessage([]byte{4, 0, 0, 16, 0, 0, 0, 1, 0, 1, 0, 8, 0, 0, 0, 0x12})
	if err != nil {
		fmt.Println(err)
		return
	}
	switch m := m.(type) {
	case *openflow.Hello:
		fmt.Println("the peer speaks wire versions", m.Versions())
	default:
		fmt.Println("unexpected", m.Type())
	}
	_, err = openflow.DecodeMessage([]byte{4, 14, 0, 12, 0, 0, 0, 1, 0, 0, 0, 0})
	fmt.Println(err)
	// Output:
	// the peer speaks wire versions [1 4]
	// flow_mod: cookie: message is cut short
}
