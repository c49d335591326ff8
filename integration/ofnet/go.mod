// A module of its own, so that its replace lines and dependencies never reach
// those of sdnctl: see docs/decisions/0002-ofnet.md.
module github.com/sdnctl/sdnctl/integration/ofnet

go 1.26

require (
	antrea.io/ofnet v0.14.0
	github.com/sirupsen/logrus v1.9.3
)

require antrea.io/libOpenflow v0.15.0

require (
	github.com/Microsoft/go-winio v0.6.2 // indirect
	github.com/cenkalti/hub v1.0.2 // indirect
	github.com/cenkalti/rpc2 v1.0.3 // indirect
	github.com/contiv/libovsdb v0.0.0-20170227191248-d0061a53e358 // indirect
	github.com/go-logr/logr v1.4.2 // indirect
	github.com/orcaman/concurrent-map/v2 v2.0.1 // indirect
	golang.org/x/sys v0.25.0 // indirect
	k8s.io/klog/v2 v2.130.1 // indirect
)

replace antrea.io/ofnet => github.com/antrea-io/ofnet v0.14.0

replace antrea.io/libOpenflow => github.com/antrea-io/libOpenflow v0.15.0
