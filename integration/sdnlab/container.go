package main

import (
	"context"
	"fmt"
	"net/netip"
	"text/tabwriter"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
	"github.com/spf13/cobra"
)

func newContainer() *cobra.Command {
	cmd := &cobra.Command{Use: "container", Aliases: []string{"c"}, Short: "Containers: namespaces or real Docker"}
	cmd.AddCommand(newContainerAdd(), newContainerExec(), newContainerRemove(), newContainerMove(), newContainerList())
	return cmd
}

func newContainerAdd() *cobra.Command {
	var (
		c        lab.Container
		ip, gw   string
		docker   bool
		noIfceID bool
	)
	cmd := &cobra.Command{
		Use:   "add NODE NAME",
		Short: "Make a container and plug it into a node's br-int",
		Long: `Make a container and plug it into a node's br-int. The OVS interface gets the
container's name, and external_ids:iface-id too, which binds it to the port of
that name; with --docker it is a real Docker container plugged in by ovs-docker.`,
		Example: "  sdnlab container add node1 web1 --ip 10.244.1.3/24 --mac 02:00:00:00:01:03 --gw 10.244.1.1",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := theLab(cmd)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			c.Node, c.Name = args[0], args[1]
			if ip != "" {
				if c.IP, err = netip.ParsePrefix(ip); err != nil {
					return fmt.Errorf("--ip: %w: want an address with a prefix length, such as 10.244.1.3/24", err)
				}
			}
			if gw != "" {
				if c.Gateway, err = netip.ParseAddr(gw); err != nil {
					return fmt.Errorf("--gw: %w", err)
				}
			}
			if docker {
				_, err = l.AddDockerContainer(ctx, c)
				return err
			}
			if c.InterfaceID == "" && !noIfceID {
				c.InterfaceID = c.Name
			}
			_, err = l.AddContainer(ctx, c)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&ip, "ip", "", "address with prefix length")
	f.StringVar(&c.MAC, "mac", "", "Ethernet address (default: the kernel's choice)")
	f.StringVar(&gw, "gw", "", "gateway of the default route (default: none)")
	f.IntVar(&c.MTU, "mtu", 0, "MTU (default 1450)")
	f.StringVar(&c.InterfaceID, "iface-id", "", "value of external_ids:iface-id (default: the name)")
	f.StringVar(&c.Interface, "interface", "", "name of the OVS interface (default: the name)")
	f.BoolVar(&noIfceID, "no-iface-id", false, "write no external_ids:iface-id")
	f.BoolVar(&docker, "docker", false, "a real Docker container, plugged in by ovs-docker")
	return cmd
}

func newContainerExec() *cobra.Command {
	return &cobra.Command{
		Use:     "exec NAME -- COMMAND [ARG]...",
		Short:   "Run a program of this machine in a container's network",
		Example: "  sdnlab container exec web1 -- ping -c1 10.244.1.1",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := theContainer(cmd, args[0])
			if err != nil {
				return err
			}
			return attach(cmd, c.Command(cmd.Context(), args[1:]...))
		},
	}
}

func newContainerRemove() *cobra.Command {
	return &cobra.Command{
		Use:   "rm NAME...",
		Short: "Unplug containers and delete them",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range args {
				c, err := theContainer(cmd, name)
				if err != nil {
					return err
				}
				if err := c.Remove(cmd.Context()); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

func newContainerMove() *cobra.Command {
	return &cobra.Command{
		Use:   "move NAME NODE",
		Short: "Unplug a container and plug it in on another node",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := theContainer(cmd, args[0])
			if err != nil {
				return err
			}
			return c.Move(cmd.Context(), args[1])
		},
	}
}

func newContainerList() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the lab's containers",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := theLab(cmd)
			if err != nil {
				return err
			}
			all, err := l.Containers()
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 8, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tNODE\tIP\tMAC\tINTERFACE")
			for _, c := range all {
				ip := "-"
				if c.IP.IsValid() {
					ip = c.IP.String()
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", c.Name, c.Node, ip, c.MAC, c.Interface)
			}
			return w.Flush()
		},
	}
}

func newDocker() *cobra.Command {
	cmd := &cobra.Command{Use: "docker", Short: "The lab's own dockerd"}
	cmd.AddCommand(&cobra.Command{
		Use:   "up",
		Short: "Start dockerd with an image " + lab.Image,
		Long: `Start a dockerd of the lab's own, with an image ` + lab.Image + `. One serves all
nodes; on each, docker and ovs-docker reach it.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := theLab(cmd)
			if err != nil {
				return err
			}
			return l.StartDocker(cmd.Context())
		},
	}, &cobra.Command{
		Use:   "adopt NODE NAME",
		Short: "Make a container known to \"sdnlab container\" that docker and ovs-docker made",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := theLab(cmd)
			if err != nil {
				return err
			}
			n, err := l.Node(args[0])
			if err != nil {
				return err
			}
			_, err = l.AdoptDocker(cmd.Context(), n, lab.Container{Name: args[1]})
			return err
		},
	})
	return cmd
}

// theContainer returns the container of the lab that a command names.
func theContainer(cmd *cobra.Command, name string) (*lab.Container, error) {
	l, err := theLab(cmd)
	if err != nil {
		return nil, err
	}
	return l.Container(name)
}
