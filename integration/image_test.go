package integration

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sdnctl/sdnctl/integration/lab"
)

// imageVar names the folder of the image as "make dist" leaves it. "make dist-test"
// sets it.
const imageVar = "SDNLAB_IMAGE"

// TestImage builds the container image and starts sdnd from it, as its user, who is not
// root, on a read-only file system. sdnd finds its data, creates its authority, and keeps
// both in the volume when the container is replaced.
func TestImage(t *testing.T) {
	folder := os.Getenv(imageVar)
	if folder == "" {
		t.Skip("no image to build: run this with make dist dist-test")
	}
	if why := lab.MissingDocker(); len(why) > 0 {
		t.Skipf("no docker here: %s", strings.Join(why, "; "))
	}
	b := newBed(t, 1)
	b.must(b.StartDocker(b.ctx))
	n := b.node("node1")
	docker := func(args ...string) string {
		t.Helper()
		out, err := n.Exec(b.ctx, append([]string{"env", "DOCKER_BUILDKIT=0", "docker"}, args...)...)
		return must(b, out, err)
	}
	docker("build", "--tag", "sdnd", folder)
	start := func() {
		t.Helper()
		docker("run", "--detach", "--name", "sdnd", "--network", "none", "--read-only", "--cap-drop", "ALL",
			"--tmpfs", "/run/sdnctl:uid=65532", "--volume", "sdnd:/var/lib/sdnctl", "sdnd")
		b.must(lab.PollFor(b.ctx, 20*time.Second, "sdnd to answer in its container", func(ctx context.Context) error {
			_, err := n.Exec(ctx, "docker", "exec", "sdnd", "sdnctl", "status")
			if err != nil {
				log, _ := n.Exec(ctx, "docker", "logs", "sdnd")
				err = errors.Join(err, errors.New(log))
			}
			return err
		}))
	}
	start()
	docker("exec", "sdnd", "sdnctl", "network", "create", "blue", "--cidr", "10.0.0.0/24")
	says(t, docker("exec", "sdnd", "sdnctl", "node", "invite", "node1"), "sdnctl node join node1 --controller ", "--token SDNCTL-")
	docker("stop", "sdnd")
	if state := docker("inspect", "--format", "{{.State.ExitCode}}", "sdnd"); strings.TrimSpace(state) != "0" {
		t.Errorf("stopped, it ends with %s", state)
	}
	docker("rm", "sdnd")
	start()
	says(t, docker("exec", "sdnd", "sdnctl", "network", "list"), "blue")
	docker("rm", "--force", "--volumes", "sdnd")
	docker("volume", "rm", "sdnd")
}
