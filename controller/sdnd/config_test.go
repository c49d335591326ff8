package main

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// TestReference reads the reference file: it must have every option, with its
// default, and no other.
func TestReference(t *testing.T) {
	data, err := os.ReadFile("sdnd.reference.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]string
	if err := yaml.Unmarshal(data, &keys); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	var o options
	flags := pflag.NewFlagSet("sdnd", pflag.ContinueOnError)
	o.flags(flags)
	flags.VisitAll(func(f *pflag.Flag) { want[f.Name] = f.DefValue })
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Errorf("options (-sdnd +file):\n%s", diff)
	}
	defaults := o
	if err := setFlags(data, flags); err != nil {
		t.Fatal(err)
	}
	if o != defaults {
		t.Errorf("the file changes the defaults: %+v, were %+v", o, defaults)
	}
}

// command runs the command with arguments and returns the options it got.
func command(t *testing.T, args ...string) (options, error) {
	t.Helper()
	var got options
	cmd := newCommand(func(_ context.Context, o options, _ io.Writer) error {
		got = o
		return nil
	})
	cmd.SetArgs(args)
	cmd.SetOut(io.Discard)
	cmd.SetErr(io.Discard)
	return got, cmd.ExecuteContext(t.Context())
}

func TestFlagsWinOverTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sdnd.yaml")
	if err := os.WriteFile(file, []byte("bridge: br-file\nopenflow-listen: :1\napi-socket-mode: 600\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := command(t, "--config", file, "--bridge", "br-flag")
	if err != nil {
		t.Fatal(err)
	}
	if o.bridge != "br-flag" || o.openflowListen != ":1" || o.apiSocketMode != 0o600 || o.ovsdbListen != ":6640" {
		t.Errorf("%+v", o)
	}
}

func TestBadConfiguration(t *testing.T) {
	tests := []struct {
		name, yaml string
		want       []string
	}{
		{"all mistakes", "brigde: x\nlog-level: [a]\napi-max-body: many\nbridge: a\nbridge: b\n", []string{`line 1: unknown key "brigde"`, "line 2: log-level: want one value", "line 3: api-max-body", "line 5: bridge is given twice"}},
		{"not a mapping", "- a\n", []string{"line 1", "key: value"}},
		{"not YAML", "a: [\n", []string{"yaml"}},
		{"config in config", "config: other.yaml\n", []string{"unknown key"}},
		{"mode", "api-socket-mode: rw\n", []string{"api-socket-mode"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "sdnd.yaml")
			if err := os.WriteFile(file, []byte(tt.yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := command(t, "--config", file)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range append(tt.want, file) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in: %v", want, err)
				}
			}
		})
	}
	if _, err := command(t, "--config", filepath.Join(t.TempDir(), "none.yaml")); err == nil {
		t.Error("a configuration file that was asked for may be missing")
	}
	if _, err := command(t, "surplus"); err == nil {
		t.Error("arguments are ignored")
	}
	empty := filepath.Join(t.TempDir(), "empty.yaml")
	if err := os.WriteFile(empty, []byte("# nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := command(t, "--config", empty); err != nil {
		t.Errorf("empty file: %v", err)
	}
}

// TestUnit has systemd read the unit, and judge how open it is.
func TestUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	data, err := os.ReadFile("sdnd.service")
	if err != nil {
		t.Fatal(err)
	}
	// The program need not be installed here.
	unit := filepath.Join(t.TempDir(), "sdnd.service")
	text := strings.Replace(string(data), "/usr/local/bin/sdnd", "/bin/true", 1)
	if err := os.WriteFile(unit, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(analyze, "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("verify: %v\n%s", err, out)
	}
	if out, err := exec.Command(analyze, "security", "--offline=true", "--threshold=20", unit).CombinedOutput(); err != nil {
		t.Errorf("exposure over 2.0 of 10: %v\n%s", err, out)
	}
}
