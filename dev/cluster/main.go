// Cluster runs a real Kubernetes control plane (etcd and kube-apiserver) on the
// loopback interface, without Docker and without root.
//
//	go -C dev run ./cluster build   # build etcd, kube-apiserver, kubectl, Helm, Prometheus and promtool into the cache
//	go -C dev run ./cluster build etcd kube-apiserver    # build only these
//	go -C dev run ./cluster bin     # print the folder that holds them all, for PATH
//	go -C dev run ./cluster up      # start a cluster, print one line of JSON, stay up
//	go -C dev run ./cluster join --dir DIR --etcd URL    # one more API server on that cluster
//	go -C dev run ./cluster guard -- PROGRAM ARGUMENTS   # run a program that ends with its owner
//
// There is no controller manager, scheduler or kubelet: namespaces never finish
// deleting, nothing is garbage-collected, no pod runs, and no namespace gets a
// default service account. Give each test a namespace of its own.
//
// A program that starts a cluster should use `up --hold stdin` with a pipe as
// stdin: the cluster then ends when its owner closes the pipe or dies, however
// it dies. (`go run` does not pass SIGTERM on to what it runs, so a signal sent
// to it is not enough.)
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usage = `usage: cluster COMMAND

  build [TOOL]...
          build these tools into the cache, by default all: etcd,
          kube-apiserver, kubectl, helm, prometheus and promtool (about 13
          minutes the first time on two cores, nothing when they are there)
  bin [TOOL]...
          do the same, then print the folder that holds them, for PATH
  estimate [TOOL]...
          print how many seconds that will take on two cores: 0 when nothing is
          missing
  envtest
          print the folder of a control plane that setup-envtest has installed,
          for KUBEBUILDER_ASSETS, or nothing when there is none to use
  up      build what is missing, start etcd and kube-apiserver, print one line
          of JSON on stdout when both are ready, and stay up
  join    start one more kube-apiserver on a cluster that is up, print one line
          of JSON on stdout when it is ready, and stay up
  guard   run a program that ends when stdin does; each line of stdin (TERM,
          KILL, STOP, CONT, INT) is sent to it as a signal

  up --dir DIR      keep state, keys and logs in DIR and leave them there
                    (default: a temporary folder, removed at the end)
  up --hold stdin   stay up until stdin reaches its end, or SIGINT or SIGTERM
  up --hold signal  stay up until SIGINT or SIGTERM (the default)
  up --timeout 2m   how long each server may take to become ready
  up --tools kubectl,helm
                    what to have beside etcd and kube-apiserver in the folder
                    that the JSON calls bin (default: all tools)

  join --dir DIR --etcd URL   the --dir of the cluster, and how to reach its etcd
  join --hold, --timeout      as with up

environment:
  PROPENSITY_DEV_CACHE   where the binaries are kept
                         (default: propensity-operator in the user's cache folder)
  KUBEBUILDER_ASSETS     a folder with etcd, kube-apiserver and kubectl to use
                         instead of building them; Kubernetes 1.33 or newer
`

// errUsage marks errors that deserve exit code 2 and a pointer to the usage.
var errUsage = errors.New("see `cluster help`")

func main() {
	err := run(os.Args[1:])
	switch {
	case err == nil:
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("no command given: %w", errUsage)
	}
	// After the first signal the default treatment is back: a second one ends
	// the program at once, and the servers die with it.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop)

	command, args := args[0], args[1:]
	switch command {
	case "build", "bin", "estimate":
		tools, err := selectTools(args...)
		if err != nil {
			return fmt.Errorf("%s: %w", command, err)
		}
		if command == "estimate" {
			left, err := estimate(ctx, tools, logf)
			if err != nil {
				return err
			}
			fmt.Println(int(left.Seconds()))
			return nil
		}
		bin, err := ensureTools(ctx, tools, logf)
		if err != nil {
			return err
		}
		if command == "bin" {
			fmt.Println(bin.dir)
		}
		return nil
	case "envtest":
		if len(args) > 0 {
			return fmt.Errorf("envtest takes no arguments, got %q: %w", args, errUsage)
		}
		if dir := findEnvtest(ctx, logf); dir != "" {
			fmt.Println(dir)
		}
		return nil
	case "up":
		options, err := parseUp(args)
		if err != nil {
			return err
		}
		if options.holdStdin {
			// Watched from the start, so that an owner who dies during a long
			// build doesn't leave it running.
			ctx = untilEOF(ctx, os.Stdin)
		}
		return up(ctx, options, os.Stdout)
	case "join":
		options, err := parseJoin(args)
		if err != nil {
			return err
		}
		if options.holdStdin {
			ctx = untilEOF(ctx, os.Stdin)
		}
		return join(ctx, options, os.Stdout)
	case "guard":
		return guard(ctx, args, os.Stdin, os.Stdout)
	case "help", "-h", "-help", "--help":
		fmt.Print(usage)
		return nil
	default:
		return fmt.Errorf("unknown command %q: %w", command, errUsage)
	}
}

type upOptions struct {
	dir   string
	tools []tool
	runOptions
}

// runOptions are what all commands that start a server take.
type runOptions struct {
	holdStdin bool
	timeout   time.Duration
}

func parseUp(args []string) (options upOptions, err error) {
	options.tools = allTools
	options.runOptions, err = parseRun("up", args, func(flags *flag.FlagSet) {
		flags.StringVar(&options.dir, "dir", "", "")
		flags.Func("tools", "", func(names string) (err error) {
			options.tools, err = selectTools(append(strings.Split(names, ","), etcdTool, apiServerTool)...)
			return err
		})
	})
	return options, err
}

// parseRun reads the flags of a command that starts a server, with those that
// define adds.
func parseRun(command string, args []string, define func(*flag.FlagSet)) (runOptions, error) {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	define(flags)
	hold := flags.String("hold", "signal", "")
	timeout := flags.Duration("timeout", 2*time.Minute, "")
	if err := flags.Parse(args); err != nil {
		return runOptions{}, fmt.Errorf("%s: %v: %w", command, err, errUsage)
	}
	if flags.NArg() > 0 {
		return runOptions{}, fmt.Errorf("%s: unexpected argument %q: %w", command, flags.Arg(0), errUsage)
	}
	if *hold != "stdin" && *hold != "signal" {
		return runOptions{}, fmt.Errorf("%s: --hold is stdin or signal, not %q: %w", command, *hold, errUsage)
	}
	if *timeout <= 0 {
		return runOptions{}, fmt.Errorf("%s: --timeout must be more than zero, not %s: %w", command, *timeout, errUsage)
	}
	return runOptions{holdStdin: *hold == "stdin", timeout: *timeout}, nil
}

// untilEOF returns a context that also ends when r does. What is read is thrown
// away: only the end means something.
func untilEOF(parent context.Context, r io.Reader) context.Context {
	ctx, cancel := context.WithCancelCause(parent)
	go func() {
		_, _ = io.Copy(io.Discard, r)
		cancel(errors.New("stdin was closed"))
	}()
	return ctx
}

// logf writes text for people; stdout is for programs.
func logf(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "cluster: "+format+"\n", args...)
}
