package integration

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestExamples runs every demo, in namespaces: the scripts that users run with
// virtual machines.
func TestExamples(t *testing.T) {
	if why := lab.Missing(); len(why) > 0 {
		t.Skipf("no lab here: %s", strings.Join(why, "; "))
	}
	demos, err := filepath.Glob("../examples/*/demo.sh")
	if err != nil || len(demos) < 6 {
		t.Fatalf("found %v (%v)", demos, err)
	}
	for _, demo := range demos {
		name := filepath.Base(filepath.Dir(demo))
		t.Run(name, func(t *testing.T) {
			if why := lab.MissingDocker(); name == "single-l2" && len(why) > 0 {
				t.Skipf("no docker here: %s", strings.Join(why, "; "))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, demo)
			cmd.Env = append(os.Environ(), "BACKEND=namespaces", "KEEP=", "BIN_DIR="+os.Getenv(binVar))
			cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it cleans up
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			checkReadme(t, filepath.Join(filepath.Dir(demo), "README.md"), string(out))
		})
	}
}

// TestExamplesOnMachines runs the demos as they run on virtual machines, with Docker and
// ovs-docker for every container. Only vagrant itself is replaced, by a script that reaches
// the nodes of a lab.
func TestExamplesOnMachines(t *testing.T) {
	if why := slices.Concat(lab.Missing(), lab.MissingDocker()); len(why) > 0 {
		t.Skipf("no lab here: %s", strings.Join(why, "; "))
	}
	standIn, err := filepath.Abs("testdata/machines")
	if err != nil {
		t.Fatal(err)
	}
	b := newBed(t, 3)
	b.must(b.StartDocker(b.ctx))
	for _, name := range []string{"scale-model", "stretched-l2", "kos", "single-l2"} {
		b.run(name, func(t *testing.T, b *bed) {
			cmd := exec.CommandContext(b.ctx, filepath.Join("..", "examples", name, "demo.sh"))
			cmd.Env = append(os.Environ(), "BACKEND=vagrant", "KEEP=", "SDNLAB="+b.ID,
				"PATH="+standIn+":"+os.Getenv(binVar)+":"+os.Getenv("PATH"),
				"CONTROLLER="+b.Controller.Addr.String(), "IMAGE="+lab.Image)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
			// The demo leaves nothing on the machines.
			if got := b.sdnctl("export"); strings.Contains(got, "kind:") {
				t.Errorf("still declared:\n%s", got)
			}
			if got, err := b.node("node1").Exec(b.ctx, "docker", "ps", "--all", "--quiet"); err != nil || got != "" {
				t.Errorf("containers left: %s (%v)", got, err)
			}
		})
	}
}

// checkReadme looks for each line of a README's output blocks in the demo's output, in
// order. "…" matches any text, and the width of gaps does not matter.
func checkReadme(t *testing.T, readme, output string) {
	t.Helper()
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	rest := strings.Split(output, "\n")
	blocks := strings.Split(string(text), "```output\n")[1:]
	if len(blocks) == 0 {
		t.Errorf("%s shows no output", readme)
	}
	for _, b := range blocks {
		b, _, _ = strings.Cut(b, "```")
		for line := range strings.Lines(b) {
			var parts []string
			for part := range strings.SplitSeq(strings.Join(strings.Fields(line), " "), "…") {
				parts = append(parts, regexp.QuoteMeta(strings.TrimSpace(part)))
			}
			want := regexp.MustCompile("^" + strings.Join(parts, ".*") + "$")
			at := slices.IndexFunc(rest, func(l string) bool {
				return want.MatchString(strings.Join(strings.Fields(l), " "))
			})
			if at < 0 {
				t.Errorf("%s: the demo did not print (in this order):\n%s", readme, line)
				continue
			}
			rest = rest[at+1:]
		}
	}
	if t.Failed() {
		t.Logf("it printed:\n%s", output)
	}
}

// TestExamplesReadme: each example has a description.
func TestExamplesReadme(t *testing.T) {
	entries, err := os.ReadDir("../examples")
	if err != nil || len(entries) < 5 {
		t.Fatalf("found %v (%v)", entries, err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if _, err := os.Stat(filepath.Join("../examples", e.Name(), "README.md")); err != nil {
			t.Error(err)
		}
	}
}

// TestVagrant checks the syntax of files that cannot run here.
func TestVagrant(t *testing.T) {
	t.Run("playbook is YAML", func(t *testing.T) {
		text, err := os.ReadFile("../examples/vagrant/provision.yml")
		if err != nil {
			t.Fatal(err)
		}
		var plays []struct {
			Hosts string
			Tasks []map[string]any
		}
		if err := yaml.Unmarshal(text, &plays); err != nil || len(plays) == 0 || len(plays[0].Tasks) == 0 {
			t.Errorf("%v, %v", plays, err)
		}
	})
	for name, args := range map[string][]string{
		"Vagrantfile": {"ruby", "-c", "Vagrantfile"},
		"playbook":    {"ansible-playbook", "--syntax-check", "--inventory", "localhost,", "provision.yml"},
		"lib":         {"bash", "-n", "../backend-vagrant.sh"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := exec.LookPath(args[0]); err != nil {
				t.Skipf("no %s here", args[0])
			}
			cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
			cmd.Dir = "../examples/vagrant"
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
