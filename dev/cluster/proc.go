package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	// stopGrace is how long a server may take to end after SIGTERM.
	stopGrace = 10 * time.Second
	// probeEvery is how often readiness is asked for.
	probeEvery = 50 * time.Millisecond
)

// process is a server that runs as a child of this program.
type process struct {
	name    string
	logPath string
	cmd     *exec.Cmd
	exited  chan struct{} // closed when it has ended and err is set
	err     error
}

// startProcess starts a server with its output in a fresh log file.
func startProcess(name, path string, args []string, logPath string) (*process, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", name, err)
	}
	defer log.Close() // the child has its own copy

	p := &process{name: name, logPath: logPath, exited: make(chan struct{})}
	p.cmd = exec.Command(path, args...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Env = serverEnv(os.Environ())
	// A process group of its own: Ctrl-C in a terminal reaches only this
	// program, which then stops the servers in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := startWithParent(p.cmd); err != nil {
		return nil, fmt.Errorf("starting %s (%s): %w", name, path, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// serverEnv drops the variables that would configure a server behind our back:
// etcd reads every flag from ETCD_*, Kubernetes feature gates from KUBE_FEATURE_*.
func serverEnv(environ []string) []string {
	var kept []string
	for _, entry := range environ {
		if !strings.HasPrefix(entry, "ETCD_") && !strings.HasPrefix(entry, "KUBE_FEATURE_") {
			kept = append(kept, entry)
		}
	}
	return kept
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// stop ends the process: politely, then by force. It returns once it is gone.
func (p *process) stop(log logFunc) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // an error means it has ended
	select {
	case <-p.exited:
		return
	case <-time.After(stopGrace):
	}
	log("%s did not end within %s of SIGTERM: killing it", p.name, stopGrace)
	_ = p.cmd.Process.Kill()
	<-p.exited
}

// exitError describes how a process ended that should still run.
func (p *process) exitError() error {
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("%s ended by itself: %s\n%s", p.name, how, p.logTail())
}

// logTail returns the end of the process's log with its place.
func (p *process) logTail() string {
	text, err := os.ReadFile(p.logPath)
	if err != nil {
		return fmt.Sprintf("its log can't be read: %v", err)
	}
	return fmt.Sprintf("the end of %s:\n%s", p.logPath, lastLines(text, 20))
}

// portTaken says whether the process ended because someone else got its port.
func (p *process) portTaken() bool {
	if !p.hasExited() {
		return false
	}
	text, err := os.ReadFile(p.logPath)
	return err == nil && bytes.Contains(text, []byte("address already in use"))
}

// waitReady asks until the probe succeeds, the process ends, or time is up.
func (p *process) waitReady(ctx context.Context, timeout time.Duration, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout,
		fmt.Errorf("not ready after %s (--timeout gives it longer)", timeout))
	defer cancel()
	// A probe may hang on whoever holds the port instead: the end of the
	// process ends it.
	go func() {
		select {
		case <-p.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	last := errors.New("never asked")
	for {
		err := func() error {
			// One hanging probe must not use up all the time.
			ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
			defer cancel()
			return probe(ctx)
		}()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done(): // also when the process has ended
		case <-time.After(probeEvery):
		}
		if p.hasExited() {
			return p.exitError()
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w\nits last answer: %v\n%s", p.name, context.Cause(ctx), last, p.logTail())
		}
	}
}
