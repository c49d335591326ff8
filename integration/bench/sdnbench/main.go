// Command sdnbench runs the benchmarks: it measures sdnctl and what it is
// compared to, prints one table, and writes it as JSON and Markdown if asked.
// Its exit code is 1 if sdnctl could not be measured in a bench.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"github.com/sdnctl/sdnctl/integration/bench"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "sdnbench:", err)
		}
		os.Exit(1)
	}
}

// run is the program: the table goes to stdout, what is going on to stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("sdnbench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var (
		match    = flags.String("run", "", "run only the benches whose names match this `regexp`")
		list     = flags.Bool("list", false, "list the benches and run none")
		short    = flags.Bool("short", false, "few samples and small sizes, to see that all works")
		root     = flags.String("root", ".", "`folder` of the module's source")
		bin      = flags.String("bin", "bin", "`folder` with the programs to measure")
		jsonFile = flags.String("json", "", "write the lines as JSON to this `file`")
		mdFile   = flags.String("markdown", "", "write the lines as Markdown to this `file`")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	pick, err := regexp.Compile(*match)
	if err != nil {
		return fmt.Errorf("-run %q: %w", *match, err)
	}
	if *list {
		for _, b := range bench.Suite() {
			fmt.Fprintln(stdout, b.Name)
		}
		return nil
	}
	env, err := bench.NewEnv(*root, *bin, *short)
	if err != nil {
		return err
	}
	start := time.Now()
	env.Logf = func(format string, args ...any) {
		fmt.Fprintf(stderr, "%6.1f s  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
	}
	defer env.Close()
	machine := bench.ThisMachine(ctx, *short)
	lines := bench.Run(ctx, env, bench.Suite(), pick)
	machine.Took = time.Since(start).Seconds()
	if err := bench.WriteTable(stdout, lines); err != nil {
		return err
	}
	met, missed, unknown := bench.Count(lines)
	fmt.Fprintf(stdout, "goals met: %d, missed: %d, unknown: %d; it took %.0f s\n", met, missed, unknown, machine.Took)
	return errors.Join(
		writeFile(*jsonFile, func(w io.Writer) error { return bench.WriteJSON(w, machine, lines) }),
		writeFile(*mdFile, func(w io.Writer) error { return bench.WriteMarkdown(w, machine, lines) }),
		bench.Failed(lines), ctx.Err())
}

// writeFile writes a file, if it has a name.
func writeFile(name string, write func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
