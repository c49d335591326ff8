package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/pki"
)

// newTokenCmd makes the commands for tokens.
func newTokenCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "token",
		Short:   "Create API tokens for programs",
		Example: `  sdnctl token new ci --role operator`,
		Args:    cobra.ArbitraryArgs,
		RunE:    runGroup,
	}
	cmd.AddCommand(newTokenNewCmd(a))
	return cmd
}

type tokenNewOptions struct {
	app  *app
	role string
	file string
}

func newTokenNewCmd(a *app) *cobra.Command {
	o := &tokenNewOptions{app: a}
	cmd := &cobra.Command{
		Use:   "new NAME --role ROLE",
		Short: "Create a token and its line for sdnd's token file",
		Long: `Create a token with which NAME authenticates to the API over HTTPS, in SDNCTL_TOKEN
or as "Authorization: Bearer". The token is printed once and stored nowhere. sdnd
accepts it once its line is in the file of --api-tokens; --file adds the line there,
and it takes effect at once. To revoke a token, remove its line.`,
		Example: `  sudo sdnctl token new ci --role operator --file /etc/sdnctl/tokens
  sdnctl token new dashboard --role viewer`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return o.run(args[0]) },
	}
	roleFlag(cmd, &o.role)
	cmd.Flags().StringVar(&o.file, "file", "", "add the line to this `file`; created if it does not exist")
	cmd.ValidArgsFunction = cobra.NoFileCompletions
	return cmd
}

func (o *tokenNewOptions) run(name string) error {
	role, err := pki.ParseRole(o.role)
	if err != nil {
		return usageErrorf("--role: %w", err)
	}
	token, line, err := pki.NewToken(pki.Identity{Kind: pki.User, Name: name, Role: role})
	if err != nil {
		return usageError{err}
	}
	if o.file == "" {
		o.app.note("add this line to the file that sdnd's --api-tokens names:\n%s", line)
	} else if err := appendLine(o.file, line); err != nil {
		return err
	}
	_, err = fmt.Fprintln(o.app.env.Out, token)
	return err
}

// appendLine adds a line to a file of secrets.
func appendLine(name, line string) error {
	have, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(have) > 0 && have[len(have)-1] != '\n' {
		line = "\n" + line
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}
