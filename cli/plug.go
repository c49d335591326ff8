package cli

import (
	"cmp"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/cli/attach"
	"github.com/sdnctl/sdnctl/cli/nodeconfig"
	"github.com/sdnctl/sdnctl/controller/api"
)

// plugFlags are the flags that attach and detach share.
type plugFlags struct {
	app          *app
	port, iface  string
	name, bridge string
	db           string
}

func (f *plugFlags) add(a *app, cmd *cobra.Command) {
	f.app = a
	flags := cmd.Flags()
	flags.StringVar(&f.port, "port", "", "`name` of the port (default: NAME, and NAME-INTERFACE for another interface than "+attach.DefaultInterface+")")
	flags.StringVar(&f.iface, "interface", attach.DefaultInterface, "`name` of the interface in the container")
	flags.StringVar(&f.name, "node", "", "`name` of this node (default: as 'sdnctl node join' has set it)")
	flags.StringVar(&f.bridge, "bridge", "", "`name` of the bridge (default: as 'sdnctl node join' has set it, else "+attach.DefaultBridge+")")
	flags.StringVar(&f.db, "db", "", "OVSDB `server` of the bridge, such as unix:/run/ovs2/db.sock (default the machine's own)")
	mustCompleteFunc(cmd, "port", a.completeNames(api.KindPort, 0))
	for _, flag := range []string{"interface", "node", "bridge"} {
		mustComplete(cmd, flag)
	}
}

// node returns this machine as a node, and the client that it uses.
func (f *plugFlags) node() (*api.Client, attach.Node, error) {
	kernel, err := attach.NewKernel()
	if err != nil {
		return nil, attach.Node{}, err
	}
	containers, err := attach.NewDocker(f.app.env.Getenv("DOCKER_HOST"))
	if err != nil {
		return nil, attach.Node{}, err
	}
	client, config, err := f.app.nodeClient()
	if err != nil {
		return nil, attach.Node{}, err
	}
	machine := nodeconfig.Machine{Exec: f.app.env.Exec, DB: f.db}
	return client, attach.Node{
		Name: cmp.Or(f.name, config.Node), Bridge: cmp.Or(f.bridge, config.Bridge),
		Kernel: kernel, Containers: containers, Controller: client,
		Switch: attach.VSCtl(machine.Run),
	}, nil
}
