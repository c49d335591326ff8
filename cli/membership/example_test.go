package membership_test

import (
	"context"

	"github.com/sdnctl/sdnctl/cli/attach"
	"github.com/sdnctl/sdnctl/cli/membership"
	"github.com/sdnctl/sdnctl/cli/nodeconfig"
)

// What a CNI plugin does: ADD gives a network namespace its interface, and DEL takes it
// away. No command line and no container runtime is involved.
func Example() {
	add := func(ctx context.Context, netns, iface, pod, network string) (attach.Result, error) {
		host := membership.LocalHost("cni@node")
		client, config, err := host.Client()
		if err != nil {
			return attach.Result{}, err
		}
		defer client.Close()
		kernel, err := attach.NewKernel()
		if err != nil {
			return attach.Result{}, err
		}
		node := attach.Node{
			Name: config.Node, Bridge: config.Bridge, Kernel: kernel, Controller: client,
			Switch: attach.VSCtl(nodeconfig.Machine{Exec: host.Exec}.Run),
		}
		r, err := node.Attach(ctx, attach.Request{Name: pod, Netns: netns, Interface: iface, Network: network})
		if err != nil {
			return r, err // an *attach.Error has a Code; what was done is undone
		}
		_, err = node.Wait(ctx, r, nil)
		return r, err
	}
	_ = add
}
