package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Machine describes the machine and the time of a run.
type Machine struct {
	Started time.Time `json:"started"`
	// Took is the duration of the run in seconds.
	Took float64 `json:"took"`
	// CPUs is the number of processors that the run could use. Load is the load average of 1
	// minute at its beginning; if it is much greater than 0, the machine was busy.
	CPUs   int    `json:"cpus"`
	CPU    string `json:"cpu,omitempty"`
	Load   string `json:"load,omitempty"`
	Kernel string `json:"kernel,omitempty"`
	Go     string `json:"go"`
	OVS    string `json:"ovs,omitempty"`
	OVN    string `json:"ovn,omitempty"`
	Short  bool   `json:"short,omitempty"`
}

// ThisMachine describes the present machine. Unknown values are empty.
func ThisMachine(ctx context.Context, short bool) Machine {
	m := Machine{Started: time.Now().UTC().Truncate(time.Second), CPUs: runtime.NumCPU(), Go: runtime.Version(), Short: short}
	m.Load, _, _ = strings.Cut(fileText("/proc/loadavg"), " ")
	m.Kernel = fileText("/proc/sys/kernel/osrelease")
	for line := range strings.Lines(fileText("/proc/cpuinfo")) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
			break
		}
	}
	m.OVS = firstLine(ctx, "ovs-vswitchd", "--version")
	m.OVN = firstLine(ctx, "ovn-controller", "--version")
	return m
}

func (m Machine) fields() (f [][2]string) {
	add := func(name, value string) {
		if value != "" {
			f = append(f, [2]string{name, value})
		}
	}
	add("started", m.Started.Format("2006-01-02 15:04 UTC"))
	add("took", time.Duration(m.Took*float64(time.Second)).Round(time.Second).String())
	add("machine", strings.TrimPrefix(fmt.Sprintf("%s, %d CPUs, Linux %s", m.CPU, m.CPUs, m.Kernel), ", "))
	add("load when it began", m.Load)
	add("Go", m.Go)
	add("Open vSwitch", m.OVS)
	add("OVN", m.OVN)
	if m.Short {
		add("short run", "few samples; the figures are for seeing that all works")
	}
	return f
}

func fileText(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func firstLine(ctx context.Context, args ...string) string {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	out, err := cmd.Output()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}
