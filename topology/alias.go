package topology

import "github.com/sdnctl/sdnctl/topology/model"

// What users declare is package model's, under the same names here.
type (
	Kind        = model.Kind
	Ref         = model.Ref
	Spec        = model.Spec
	ProblemKind = model.ProblemKind

	NodeSpec    = model.NodeSpec
	NetworkSpec = model.NetworkSpec
	RouterSpec  = model.RouterSpec
	Route       = model.Route
	PortSpec    = model.PortSpec

	TunnelCheck = model.TunnelCheck
	Mode        = model.Mode
	Subnet      = model.Subnet
	AddrRange   = model.AddrRange
	BlockSpec   = model.BlockSpec
	VNI         = model.VNI
	MAC         = model.MAC
	DatapathID  = model.DatapathID
	Family      = model.Family
)

// The constants of those types.
const (
	KindNode    = model.KindNode
	KindNetwork = model.KindNetwork
	KindUplink  = model.KindUplink
	KindService = model.KindService
	// KindFloatingIP is explained at model.KindFloatingIP.
	KindFloatingIP = model.KindFloatingIP
	// KindEgressIP is explained at model.KindEgressIP.
	KindEgressIP = model.KindEgressIP
	KindRouter   = model.KindRouter
	KindPort     = model.KindPort

	IPv4 = model.IPv4
	IPv6 = model.IPv6

	TunnelAuto    = model.TunnelAuto
	TunnelEnforce = model.TunnelEnforce
	Stretched     = model.Stretched
	Segmented     = model.Segmented
	MinVNI        = model.MinVNI
	MaxVNI        = model.MaxVNI

	Invalid   = model.Invalid
	Conflict  = model.Conflict
	NotFound  = model.NotFound
	InUse     = model.InUse
	Exhausted = model.Exhausted
	Exists    = model.Exists
)
