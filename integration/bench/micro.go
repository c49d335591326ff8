package bench

import (
	"bufio"
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// micro is a line that comes from a Go benchmark.
type micro struct {
	pkg, name string // as "go test -bench" prints it, without the number of CPUs
	line      string
	metric    string // "ns/op" and the like
	unit      string
	scale     float64 // factor from the metric to the line's unit
	goal      Goal
	beside    string // name of the baseline, another benchmark of the package
	baseline  string
}

// microBenches returns the benches of micros, one for each package.
func microBenches() []micro {
	flow := "BenchmarkFlowAppendAdd/"
	return []micro{
		{pkg: "./openflow", name: flow + "build_and_encode", line: "build and encode one flow", metric: "ns/op", unit: "ns", goal: AtMost(150),
			beside: "BenchmarkLibOpenflow", baseline: "libOpenflow"},
		{pkg: "./openflow", name: flow + "build_and_encode", line: "build and encode one flow, allocations", metric: "allocs/op", goal: AtMost(0),
			beside: "BenchmarkLibOpenflow", baseline: "libOpenflow"},
		{pkg: "./openflow", name: flow + "encode", line: "encode one flow", metric: "ns/op", unit: "ns"},
		{pkg: "./openflow", name: "BenchmarkFlowReply", line: "decode one flow of a reply", metric: "ns/flow", unit: "ns"},
		{pkg: "./controller/pipeline", name: "BenchmarkCompileNode/nodes=1000", line: "compile a node of 1,000 × 10 ports", metric: "ns/op", unit: "µs", scale: 1e-3},
		{pkg: "./controller/pipeline", name: "BenchmarkCompileNode/nodes=1000", line: "flows of that node", metric: "flows", goal: AtMost(1100)},
		{pkg: "./controller/pipeline", name: "BenchmarkPortDelta/ports=10000", line: "delta of one port among 10,000 on two nodes", metric: "ns/op", unit: "µs", scale: 1e-3,
			beside: "BenchmarkPortDelta/ports=100", baseline: "among 100", goal: RatioAtMost(2)},
		{pkg: "./controller/pipeline", name: "BenchmarkPolicyFlows", line: "flows that 10,000 rules over 100,000 ports add to a node of ten ports", metric: "policy-flows", goal: AtMost(2500)},
		{pkg: "./topology", name: "BenchmarkAllocate/taken=1000000", line: "allocate an address, 1,000,000 taken", metric: "ns/op", unit: "ns",
			beside: "BenchmarkAllocate/taken=1000", baseline: "1,000 taken", goal: RatioAtMost(2)},
		{pkg: "./topology", name: "BenchmarkPlanPort/ports=100000", line: "validate and plan one port among 100,000", metric: "ns/op", unit: "µs", scale: 1e-3,
			beside: "BenchmarkPlanPort/ports=1000", baseline: "among 1,000"},
		{pkg: "./topology", name: "BenchmarkMemory", line: "memory of one port in a snapshot", metric: "B/port", unit: "B"},
	}
}

// micros are the costs of single steps, from the Go benchmarks of packages.
func micros() []Bench {
	var all []Bench
	seen := map[string]bool{}
	for _, m := range microBenches() {
		if seen[m.pkg] {
			continue
		}
		seen[m.pkg] = true
		all = append(all, Bench{
			Name: "micro/" + strings.TrimPrefix(m.pkg, "./"), Section: "Single steps",
			Run: func(ctx context.Context, e *Env, r *Report) error { return goBench(ctx, e, r, m.pkg) },
		})
	}
	return all
}

// goBench runs the benchmarks of one package and adds their lines.
func goBench(ctx context.Context, e *Env, r *Report, pkg string) error {
	var wanted []micro
	tops := map[string]bool{}
	for _, m := range microBenches() {
		if m.pkg == pkg {
			wanted = append(wanted, m)
			for _, n := range []string{m.name, m.beside} {
				if top, _, _ := strings.Cut(n, "/"); top != "" {
					tops[top] = true
				}
			}
		}
	}
	var names []string
	for n := range tops {
		names = append(names, n)
	}
	span := time.Duration(e.Pick(300, 20)) * time.Millisecond
	out, _, err := outputOf(ctx, e.Root, nil, "go", "test", "-short", "-run", "^$",
		"-bench", "^("+strings.Join(names, "|")+")$", "-benchmem", "-benchtime", span.String(), pkg)
	if err != nil {
		return err
	}
	got := parseGoBench(out)
	figure := func(m micro, name string) Figure {
		v, ok := got[name][m.metric]
		if !ok {
			return None(fmt.Sprintf("%s gave no %s", name, m.metric))
		}
		if m.scale != 0 {
			v *= m.scale
		}
		return Value(v)
	}
	for _, m := range wanted {
		l := Line{Name: m.line, Unit: m.unit, Ours: figure(m, m.name), Goal: m.goal}
		if m.beside != "" {
			l.Baseline, l.Theirs = m.baseline, figure(m, m.beside)
		}
		r.Add(l)
	}
	return nil
}

// parseGoBench parses the output of "go test -bench" into metrics by benchmark.
func parseGoBench(out string) map[string]map[string]float64 {
	cpus := regexp.MustCompile(`-\d+$`)
	got := map[string]map[string]float64{}
	for s := bufio.NewScanner(strings.NewReader(out)); s.Scan(); {
		f := strings.Fields(s.Text())
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		metrics := map[string]float64{}
		for i := 2; i+1 < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err == nil {
				metrics[f[i+1]] = v
			}
		}
		got[cpus.ReplaceAllString(f[0], "")] = metrics
	}
	return got
}
