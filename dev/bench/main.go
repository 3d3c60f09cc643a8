// Bench measures the performance of the operator on a real control plane, with the permissions of the chart's
// ServiceAccount, against the simulator.
//
//	make bench                          # 1,000 audiences of 100 members
//	make bench BENCH_AUDIENCES=10000    # more; not for CI
//
// It makes three measurements, the last one on a separate control plane:
//
//   - the audiences are applied while the operator runs: from the first apply to the last Ready;
//   - the operator is restarted with all of these audiences: the requests that it sends although there is nothing to do;
//   - the audiences are applied before the operator is started: from its start to the last Ready, so that the time to
//     apply them doesn't count.
//
// Requests are counted from the API server's audit log, creates by the simulator, memory and CPU by the kernel (Linux
// only). The exit status is 1 if a count is wrong: creates, duplicates, writes after the restart. Seconds, memory and
// requests depend on the machine and on the state of the code; they are shown beside their targets, but don't affect
// the exit status.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

type options struct {
	operator  string
	chart     string
	programs  string
	audiences int
	members   int
	delay     time.Duration
}

func parseOptions(args []string) (options, error) {
	o := options{audiences: 1000}
	self, err := os.Executable()
	if err != nil {
		return o, err
	}
	if text := os.Getenv("BENCH_AUDIENCES"); text != "" {
		if o.audiences, err = strconv.Atoi(text); err != nil {
			return o, fmt.Errorf("BENCH_AUDIENCES=%q is not a number", text)
		}
	}
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	flags.StringVar(&o.operator, "operator", "target/release/propensity-operator", "the operator's `binary`, a release build")
	flags.StringVar(&o.chart, "chart", "charts/propensity-operator", "the chart's `folder`")
	flags.StringVar(&o.programs, "programs", filepath.Dir(self), "`folder` with cluster and simulator, built from this module")
	flags.IntVar(&o.audiences, "audiences", o.audiences, "how many audiences, half of each kind (or BENCH_AUDIENCES)")
	flags.IntVar(&o.members, "members", 100, "members of each audience")
	flags.DurationVar(&o.delay, "delay", 20*time.Millisecond, "delay of each answer of the simulator")
	_ = flags.Parse(args) // ExitOnError
	switch {
	case flags.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.audiences < 1 || o.audiences > maxAudiences:
		return o, fmt.Errorf("the number of audiences must be from 1 to %d", maxAudiences)
	case o.members < 1 || o.members > maxMembers:
		return o, fmt.Errorf("the number of members must be from 1 to %d", maxMembers)
	}
	return o, nil
}

func main() {
	o, err := parseOptions(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	// After the first signal, signals have their default effect again: a second one ends the program at once, and with
	// it the programs that it started.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop)
	err = bench(ctx, o)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// bench makes all measurements and prints them.
func bench(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)

	var all []section
	for number, measure := range []func(context.Context, *stage) ([]section, error){whileRunning, beforeStart} {
		sections, err := func() ([]section, error) {
			s, err := setUp(ctx, o, filepath.Join(dir, strconv.Itoa(number)))
			if err != nil {
				return nil, err
			}
			defer s.tearDown()
			return measure(ctx, s)
		}()
		if err != nil {
			return err
		}
		all = append(all, sections...)
	}
	return show(os.Stdout, o, all)
}

// whileRunning applies the audiences while the operator runs, then starts it again.
func whileRunning(ctx context.Context, s *stage) ([]section, error) {
	logf("starting the operator")
	operator, err := s.startOperator(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.waitConnected(ctx); err != nil {
		return nil, err
	}
	servers := s.serverCPU()
	started := time.Now()
	logf("applying %s audiences of %d members", count(s.audiences), s.members)
	// Apply and wait at the same time. If applying fails, there is nothing to wait for.
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	applied := make(chan time.Duration, 1)
	go func() {
		if err := s.apply(ctx); err != nil {
			giveUp(err)
		}
		applied <- time.Since(started)
	}()
	last, err := s.waitReady(ctx, started, operator)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return nil, err
	}
	created, err := s.section("applied while the operator runs", started, last, operator, servers)
	if err != nil {
		return nil, err
	}
	created.add("of these, until the last apply was answered", seconds(<-applied), "")

	logf("restarting the operator")
	if err := operator.stop(); err != nil {
		return nil, err
	}
	restarted, err := s.restart(ctx)
	if err != nil {
		return nil, err
	}
	return []section{created, restarted}, nil
}

// beforeStart applies the audiences, then starts the operator.
func beforeStart(ctx context.Context, s *stage) ([]section, error) {
	logf("applying %s audiences of %d members without an operator", count(s.audiences), s.members)
	started := time.Now()
	if err := s.apply(ctx); err != nil {
		return nil, err
	}
	applying := time.Since(started)
	logf("starting the operator")
	servers := s.serverCPU()
	started = time.Now()
	operator, err := s.startOperator(ctx)
	if err != nil {
		return nil, err
	}
	last, err := s.waitReady(ctx, started, operator)
	if err != nil {
		return nil, err
	}
	created, err := s.section("applied before the operator starts", started, last, operator, servers)
	if err != nil {
		return nil, err
	}
	created.add("seconds to apply them before that", seconds(applying), "")
	return []section{created}, operator.stop()
}

// logf prints progress to stderr; stdout is for the table.
func logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}
