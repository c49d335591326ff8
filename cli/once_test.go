package cli

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// made returns the JSON of a spec with values of the flag and no others.
func (v *flagValue[S]) made(texts ...string) (string, error) {
	spec := fresh[S]()
	for i, text := range texts {
		if err := v.flag.set(&spec, text, i == 0); err != nil {
			return "", err
		}
	}
	out, err := json.Marshal(spec)
	return string(out), err
}

// twice has two values for each flag of a spec that may be repeated.
var twice = map[string][2]string{
	"network create --reserve":      {"10.0.0.2", "10.0.0.9"},
	"network create --subnet":       {"10.0.0.0/24", "fd00::/64"},
	"network create --block":        {"n1=10.0.0.0/24", "n2=10.0.1.0/24"},
	"network create --dhcp-dns":     {"10.0.0.2", "10.0.0.9"},
	"network create --dhcp-ntp":     {"10.0.0.2", "10.0.0.9"},
	"network create --dhcp-search":  {"a.example", "b.example"},
	"network create --dhcp-route":   {"10.1.0.0/24=10.0.0.2", "10.2.0.0/24=10.0.0.2"},
	"network create --dhcp-option":  {"150=ip:10.0.0.2", "151=text:a"},
	"network create --dns-upstream": {"192.0.2.53", "192.0.2.54"},
	"node create --address":         {"192.0.2.1", "2001:db8::1"},
	"node create --uplink-address":  {"192.0.2.1", "2001:db8::1"},
	"port create --ip":              {"10.0.0.2", "fd00::2"},
	"port create --address":         {"10.0.0.3", "10.0.0.4"},
	"port create --named-port":      {"http=tcp/80", "dns=udp/53"},
	"portgroup create --port":       {"a", "b"},
	"router create --network":       {"a", "b"},
	"router create --route":         {"10.51.0.0/24=10.0.0.2", "10.52.0.0/24=10.0.0.2"},
	"policy create --isolate":       {"ingress", "egress"},
	"policy create --allow-from":    {"group:a", "group:b"},
	"policy create --allow-to":      {"group:a", "group:b"},
	"policy create --ports":         {"tcp/80", "udp/53"},
	"service create --address":      {"10.96.0.1", "10.96.0.2"},
	"service create --network":      {"a", "b"},
	"service create --router":       {"a", "b"},
	"service create --ports":        {"tcp/80:8080", "udp/53"},
	"service create --endpoint":     {"a", "b"},
	"uplink create --range":         {"198.19.0.0/16", "fd99::/64"},
	"uplink create --address":       {"192.0.2.64/26", "2001:db8::40/122"},
	"egressip create --address":     {"192.0.2.1", "192.0.2.2"},
	"egressip create --node":        {"a", "b"},
	"floatingip create --forward":   {"tcp/443:a", "udp/53:b"},
	"dnsrecord create --value":      {"192.0.2.1", "192.0.2.2"},
}

// TestFlagsGivenTwice: no flag loses a value without a word. One that may be repeated takes all of them, and any
// other refuses a second one that differs.
func TestFlagsGivenTwice(t *testing.T) {
	seen := map[string]bool{}
	everyCommand(testRoot(), func(cmd *cobra.Command) {
		if !cmd.HasParent() || cmd.IsAdditionalHelpTopicCommand() {
			return
		}
		path := strings.TrimPrefix(cmd.CommandPath(), "sdnctl ")
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			name := path + " --" + f.Name
			switch v := f.Value.(type) {
			case *once:
				_ = f.Value.Set("1") // some take no such value, which does not matter
				if err := f.Value.Set("2"); err == nil || !strings.Contains(err.Error(), `given as "1" already`) {
					t.Errorf("%s takes a second value: %v", name, err)
				}
			case pflag.SliceValue:
				if err := f.Value.Set("a"); err != nil {
					t.Error(name, err)
				}
				if err := f.Value.Set("b"); err != nil || !slices.Equal(v.GetSlice(), []string{"a", "b"}) {
					t.Errorf("%s has %q, %v", name, v.GetSlice(), err)
				}
			case *labelFlag:
				_, _ = v.Set("a=1"), v.Set("b=2")
				if !slices.Equal(v.edits, []string{"a=1", "b=2"}) {
					t.Errorf("%s has %q", name, v.edits)
				}
			case interface {
				made(...string) (string, error)
			}:
				of := strings.Replace(name, " set --", " create --", 1)
				values, ok := twice[of]
				if !ok {
					t.Errorf("%s may be repeated: the test needs two values", name)
					return
				}
				seen[of] = true
				both, err := v.made(values[0], values[1])
				first, err1 := v.made(values[0])
				second, err2 := v.made(values[1])
				if err != nil || err1 != nil || err2 != nil || both == first || both == second {
					t.Errorf("%s: both %s, the first %s, the second %s; %v, %v, %v", name, both, first, second, err, err1, err2)
				}
			default:
				if f.Name != "output" && f.Name != "help" {
					t.Errorf("%s is of a type that the test does not know: %T", name, v)
				}
			}
		})
	})
	for name := range twice {
		if !seen[name] {
			t.Errorf("no flag is %s", name)
		}
	}
}
