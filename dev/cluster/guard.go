package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// guardSignals are what an owner may send to the guarded program, by name.
var guardSignals = map[string]syscall.Signal{
	"TERM": syscall.SIGTERM,
	"INT":  syscall.SIGINT,
	"KILL": syscall.SIGKILL,
	"STOP": syscall.SIGSTOP,
	"CONT": syscall.SIGCONT,
}

// guard runs a program that never outlives its owner: it is killed when stdin
// reaches its end and when the guard itself is killed, and asked to end (SIGTERM)
// when ctx does. Each line of stdin is a signal to send. Stdout gets a line with the pid and, at the end,
// one that says how the program ended. The program's own output goes to stderr.
func guard(ctx context.Context, args []string, stdin io.Reader, stdout io.Writer) error {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return fmt.Errorf("guard: no program given: %w", errUsage)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	// A process group of its own: Ctrl-C in a terminal reaches only the owner.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := startWithParent(cmd); err != nil {
		return fmt.Errorf("starting %s: %w", args[0], err)
	}
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	fmt.Fprintf(stdout, "pid %d\n", cmd.Process.Pid)

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(stdin)
		for lines.Scan() {
			signal, known := guardSignals[lines.Text()]
			if !known {
				logf("guard: no such signal: %q", lines.Text())
				continue
			}
			// An error means that it has ended, which is reported anyway.
			_ = cmd.Process.Signal(signal)
		}
	}()

	asked := ctx.Done()
	for {
		select {
		case err := <-exited:
			fmt.Fprintln(stdout, howEnded(err))
			return nil
		case <-asked:
			asked = nil
			_ = cmd.Process.Signal(syscall.SIGTERM)
		case <-ended:
			ended = nil
			_ = cmd.Process.Kill()
		}
	}
}

// howEnded says `exit 0` or `signal KILL`.
func howEnded(err error) string {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return "exit 0"
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		for name, signal := range guardSignals {
			if signal == status.Signal() {
				return "signal " + name
			}
		}
		return fmt.Sprintf("signal %d", status.Signal())
	}
	return fmt.Sprintf("exit %d", exit.ExitCode())
}
