package cli

import (
	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/pki"
)

type pkiUserOptions struct {
	pkiOptions
	role string
}

func newPKIUserCmd(a *app) *cobra.Command {
	o := &pkiUserOptions{pkiOptions: pkiOptions{app: a}}
	cmd := &cobra.Command{
		Use:   "user NAME --role ROLE",
		Short: "Create an API user's certificate",
		Long: `Create a certificate with which user NAME authenticates to the API over HTTPS. A
viewer may read; an operator may also change networks, routers, ports, port groups,
services, and policies outside the admin tier; an admin may do everything. The name is
recorded with every change.`,
		Example: `  sudo sdnctl pki user alice --role operator
  sdnctl --host https://192.168.50.10:8453 --ca ca.crt --cert user-alice.crt --key user-alice.key status`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return o.run(args[0]) },
	}
	o.flags(cmd, 365)
	roleFlag(cmd, &o.role)
	return cmd
}

// roleFlag adds --role, which must be given.
func roleFlag(cmd *cobra.Command, role *string) {
	cmd.Flags().StringVar(role, "role", "", "what the user may do: viewer, operator or admin")
	if err := cmd.MarkFlagRequired("role"); err != nil {
		panic(err) // the flag was just added
	}
	var names []string
	for _, r := range pki.Roles() {
		names = append(names, string(r))
	}
	mustComplete(cmd, "role", names...)
}

func (o *pkiUserOptions) run(name string) error {
	role, err := pki.ParseRole(o.role)
	if err != nil {
		return usageErrorf("--role: %w", err)
	}
	ca, err := o.authority()
	if err != nil {
		return err
	}
	issued, err := ca.IssueClient(pki.Identity{Kind: pki.User, Name: name, Role: role}, o.app.env.Now(), o.lasts())
	if err != nil {
		return usageError{err}
	}
	file := "user-" + name
	if err := o.write(file, issued); err != nil {
		return err
	}
	o.app.note("give these and %s to %s, who then uses: sdnctl --host https://ADDRESS:PORT --ca %s.crt --cert %s.crt --key %s.key …",
		o.path(caName, ".crt"), name, caName, file, file)
	return nil
}
