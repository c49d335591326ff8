package cli

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/sdnctl/sdnctl/controller/api"
	"github.com/sdnctl/sdnctl/controller/pki"
)

// proofFlags are the user's credentials for sdnd. Each may come from the environment
// instead.
type proofFlags struct {
	ca, cert, key, tokenFile string
}

func (f *proofFlags) add(root *cobra.Command) {
	flags := root.PersistentFlags()
	flags.StringVar(&f.ca, "ca", "", "`file` with the certificate of the CA of sdnd, for https (default $SDNCTL_CA, else the machine's trusted CAs)")
	flags.StringVar(&f.cert, "cert", "", "`file` with your certificate, for https (default $SDNCTL_CERT)")
	flags.StringVar(&f.key, "key", "", "`file` with the key of your certificate (default $SDNCTL_KEY)")
	flags.StringVar(&f.tokenFile, "token-file", "", "`file` with your token, for https (default: the token in $SDNCTL_TOKEN)")
}

// clientOptions completes the options of a client for the sdnd at host.
func (f proofFlags) clientOptions(getenv func(string) string, host string, o *api.ClientOptions) error {
	or := func(flag, variable string) string {
		if flag != "" {
			return flag
		}
		return getenv(variable)
	}
	files := pki.Files{CA: or(f.ca, "SDNCTL_CA"), Cert: or(f.cert, "SDNCTL_CERT"), Key: or(f.key, "SDNCTL_KEY")}
	config, err := files.ClientTLS(host)
	if err != nil {
		return usageErrorf("--ca, --cert, --key: %w", err)
	}
	o.TLS, o.Token = config, getenv("SDNCTL_TOKEN")
	if f.tokenFile != "" {
		b, err := os.ReadFile(f.tokenFile)
		if err != nil {
			return usageErrorf("--token-file: %w", err)
		}
		o.Token = string(b)
	}
	if o.Token = strings.TrimSpace(o.Token); strings.ContainsAny(o.Token, " \t\r\n") {
		return usageErrorf("the token has spaces in it: give the output of 'sdnctl token new'")
	}
	return nil
}
