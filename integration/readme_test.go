package integration

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// TestReadme runs the lines of README.md's first five minutes, in order, in the shells of
// three machines, as a reader does, and ends with their ping.
//
// The machines are those of a lab: the controller's is the hub, with the same addresses as
// in the README. The programs of testdata/readme come first in PATH and hold the
// differences: "make" copies programs that are already built, "sdnd" has its files in the
// lab's directory, and programs that would install packages do nothing. Where the README
// has "SDNCTL-…", the line that "node invite" printed is run, as the README says.
func TestReadme(t *testing.T) {
	if why := slices.Concat(lab.Missing(), lab.MissingDocker()); len(why) > 0 {
		t.Skipf("no lab here: %s", strings.Join(why, "; "))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	l, err := lab.Up(ctx, lab.Options{Nodes: 2})
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{Lab: l, t: t, ctx: ctx, folder: filepath.Join(l.Dir, "reader")}
	t.Cleanup(r.down)
	r.prepare()
	for _, b := range readmeBlocks(t) {
		r.follow(b)
	}
	if !strings.Contains(r.printed, "3 packets transmitted, 3 packets received") {
		t.Errorf("no ping in what was printed:\n%s", r.printed)
	}
	for _, want := range []string{"client", "web", "10.10.0.10/24"} {
		if !strings.Contains(r.printed, want) {
			t.Errorf("no %q in what was printed", want)
		}
	}
}

// block is a block of code in a README.
type block struct {
	// machines are the machines on which its lines are run; for a file it is empty.
	machines []string
	file     string
	text     string
}

// readmeBlocks returns the blocks that say where to run them ("sh MACHINE…") or
// that they are a file ("yaml NAME").
func readmeBlocks(t *testing.T) []block {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	for _, m := range regexp.MustCompile("(?ms)^```(sh|yaml) ([^\n]+)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		b := block{text: m[3]}
		if m[1] == "yaml" {
			b.file = m[2]
		} else {
			b.machines = strings.Fields(m[2])
		}
		blocks = append(blocks, b)
	}
	if len(blocks) < 8 {
		t.Fatalf("only %d blocks to run in the README", len(blocks))
	}
	return blocks
}

// reader follows a README in a lab.
type reader struct {
	*lab.Lab
	t       *testing.T
	ctx     context.Context
	folder  string // where the reader has unpacked the source
	printed string
	// invited has the lines that "node invite" printed, by node.
	invited map[string]string
}

// prepare sets up what a reader has: the source, and machines with Docker.
func (r *reader) prepare() {
	r.t.Helper()
	r.invited = map[string]string{}
	standIns, err := filepath.Abs("testdata/readme")
	r.check(err)
	for _, machine := range []string{"controller", "node1", "node2"} {
		r.check(os.MkdirAll(filepath.Join(r.folder, machine), 0o755))
	}
	r.check(os.Symlink(standIns, filepath.Join(r.folder, "stand-ins")))
	r.check(r.StartDocker(r.ctx))
	// As a registry would name it.
	_, err = r.Nodes[0].Exec(r.ctx, "docker", "tag", lab.Image, "busybox")
	r.check(err)
}

func (r *reader) check(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatalf("%v\nprinted so far:\n%s", err, r.printed)
	}
}

// follow carries out a block.
func (r *reader) follow(b block) {
	r.t.Helper()
	if b.file != "" {
		r.check(os.WriteFile(filepath.Join(r.folder, b.file), []byte(b.text), 0o644))
		return
	}
	for _, machine := range b.machines {
		out, err := r.shell(machine, r.substitute(b.text))
		r.printed += fmt.Sprintf("%s:\n%s%s", machine, b.text, out)
		r.check(err)
		r.note(out)
	}
	if regexp.MustCompile(`sdnd\b.*&`).MatchString(b.text) {
		// A reader takes longer to get to the next line.
		r.check(lab.PollFor(r.ctx, 10*time.Second, "sdnd to be ready", func(ctx context.Context) error {
			return r.Controller.Get(ctx, "/readyz", nil)
		}))
	}
}

// note records the lines that "node invite" printed.
func (r *reader) note(out string) {
	for lines := bufio.NewScanner(strings.NewReader(out)); lines.Scan(); {
		if m := regexp.MustCompile(`^sudo sdnctl node join (\S+) .*--token SDNCTL-`).FindStringSubmatch(lines.Text()); m != nil {
			r.invited[m[1]] = lines.Text()
		}
	}
}

// substitute replaces the README's placeholder lines by those of the invitations.
func (r *reader) substitute(text string) string {
	for node, line := range r.invited {
		// Everything but the token must be as the README shows it.
		form := line[:strings.Index(line, "SDNCTL-")] + "SDNCTL-…"
		text = strings.ReplaceAll(text, form, line)
		if strings.Contains(text, "node join "+node) && strings.Contains(text, "SDNCTL-…") {
			r.t.Fatalf("the README has\n%swhere sdnctl printed the form\n%s", text, form)
		}
	}
	return text
}

// shell runs lines on a machine, and ends with the first that fails.
func (r *reader) shell(machine, text string) (string, error) {
	home := filepath.Join(r.folder, machine)
	path := fmt.Sprintf("%s:%s:%s", filepath.Join(r.folder, "stand-ins"), home, "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	line := func(env ...string) []string {
		return slices.Concat([]string{"env", "-C", r.folder}, env, []string{
			"PATH=" + path, "MACHINE=" + home, "LAB=" + r.Dir, "BUILT=" + os.Getenv(binVar), "SDNCTL_DIR=" + filepath.Join(home, "etc"),
			"sh", "-e", "-c", text,
		})
	}
	if machine == "controller" {
		return r.Controller.Exec(r.ctx, line("SDNCTL_HOST="+r.Controller.Host())...)
	}
	n, err := r.Node(machine)
	r.check(err)
	return n.Exec(r.ctx, line("-u", "SDNCTL_HOST")...)
}

func (r *reader) down() {
	if r.t.Failed() {
		log, err := os.ReadFile(r.Controller.LogFile)
		r.t.Logf("sdnd's log (%v):\n%s", err, tail(string(log), 30))
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := r.Down(ctx); err != nil {
		r.t.Error(err)
	}
}
