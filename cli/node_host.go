package cli

import (
	"errors"
	"io/fs"

	"github.com/sdnctl/sdnctl/cli/membership"
	"github.com/sdnctl/sdnctl/controller/api"
)

// membershipHost describes this machine, for joining it to sdnd and working on it as its
// node.
func (a *app) membershipHost() membership.Host {
	e := a.env
	return membership.Host{
		Dir: e.Getenv("SDNCTL_DIR"), RunDir: e.Getenv("OVS_RUNDIR"),
		Exec: e.Exec, LocalAddr: e.LocalAddr, MTU: e.MTU, Now: e.Now, Author: e.Author(),
		Note: func(text string) { a.note("%s", text) },
	}
}

// hostGiven reports whether the user gives the address of sdnd.
func (a *app) hostGiven() bool { return a.host != "" || a.env.Getenv("SDNCTL_HOST") != "" }

// nodeClient makes the client of a command for the node it runs on. It authenticates as the
// node, unless --host or SDNCTL_HOST is given.
func (a *app) nodeClient() (*api.Client, membership.Config, error) {
	host := a.membershipHost()
	if !a.hostGiven() {
		return host.Client()
	}
	c, err := host.Config()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, membership.Config{}, err
	}
	client, err := a.client()
	return client, c, err
}
