package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// endGrace is how long a program may take to end after its stdin is closed.
const endGrace = 30 * time.Second

// program is a child process that ends when its stdin is closed, so it never outlives this process, however this ends.
type program struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string // of stdout; closed at its end
	log   string
}

// start starts a program whose stderr goes to a file in dir.
func start(dir, name string, env []string, path string, args ...string) (*program, error) {
	p := &program{name: name, lines: make(chan string, 16), log: filepath.Join(dir, name+".log")}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own copy
	p.cmd = exec.Command(path, args...)
	p.cmd.Env, p.cmd.Stderr = env, log
	// A separate process group: Ctrl-C in a terminal reaches only this program, which then ends the others in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	go func() {
		defer close(p.lines)
		scanner := bufio.NewScanner(stdout)
		for scanner.Scan() {
			p.lines <- scanner.Text()
		}
	}()
	return p, nil
}

// line waits for the next line of stdout.
func (p *program) line(timeout time.Duration) (string, error) {
	select {
	case line, open := <-p.lines:
		if open {
			return line, nil
		}
		return "", p.failed("ended too early")
	case <-time.After(timeout):
		return "", p.failed(fmt.Sprintf("printed nothing within %s", timeout))
	}
}

// failed returns an error with the last lines of the program's log.
func (p *program) failed(what string) error {
	text, _ := os.ReadFile(p.log)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) > 20 {
		lines = lines[len(lines)-20:]
	}
	return fmt.Errorf("%s %s; it wrote:\n  %s", p.name, what, strings.Join(lines, "\n  "))
}

// end ends the program and waits for it.
func (p *program) end() {
	p.stdin.Close()
	overdue := time.AfterFunc(endGrace, func() { _ = p.cmd.Process.Kill() })
	defer overdue.Stop()
	for range p.lines { // Wait closes the pipe, so read everything before
	}
	_ = p.cmd.Wait()
}

// operator is the operator's process. It is started by the guard of the cluster program.
type operator struct {
	*program
	pid     int
	started time.Time
}

// stop sends SIGTERM to the operator and waits until it has ended.
func (o *operator) stop() error {
	if _, err := fmt.Fprintln(o.stdin, "TERM"); err != nil {
		return o.failed("can't be signalled")
	}
	how, err := o.line(endGrace)
	if err == nil && how != "exit 0" {
		err = o.failed("ended with " + how)
	}
	o.end()
	return err
}

// usage is the memory and CPU time of a process so far, as counted by the kernel.
type usage struct {
	peak, resident float64 // MiB
	cpu            float64 // seconds
}

// ticksPerSecond is the unit of times in /proc. It is always 100, whatever the kernel uses internally.
const ticksPerSecond = 100

func usageOf(pid int) (usage, error) {
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return usage{}, err
	}
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return usage{}, err
	}
	var u usage
	for line := range strings.Lines(string(status)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseFloat(fields[1], 64)
		switch fields[0] {
		case "VmHWM:":
			u.peak = kib / 1024
		case "VmRSS:":
			u.resident = kib / 1024
		}
	}
	// The name, in brackets, may contain any character; user and system time are the 12th and 13th field after it.
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 || u.peak == 0 {
		return usage{}, errors.New("/proc doesn't have the format of Linux")
	}
	for _, field := range fields[11:13] {
		ticks, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return usage{}, err
		}
		u.cpu += ticks / ticksPerSecond
	}
	return u, nil
}
