package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"
)

// guarded runs a program under guard and returns its owner's ends of the pipes.
func guarded(t *testing.T, args ...string) (stdin *io.PipeWriter, lines *bufio.Scanner) {
	t.Helper()
	inRead, inWrite := io.Pipe()
	outRead, outWrite := io.Pipe()
	go func() {
		err := guard(context.Background(), args, inRead, outWrite)
		outWrite.CloseWithError(err)
	}()
	t.Cleanup(func() { inWrite.Close() })
	return inWrite, bufio.NewScanner(outRead)
}

func next(t *testing.T, lines *bufio.Scanner) string {
	t.Helper()
	if !lines.Scan() {
		t.Fatalf("the guard said nothing more: %v", lines.Err())
	}
	return lines.Text()
}

func TestGuardTellsHowAProgramEnds(t *testing.T) {
	_, lines := guarded(t, "--", "sh", "-c", "exit 3")
	if pid := next(t, lines); !strings.HasPrefix(pid, "pid ") {
		t.Fatalf("no pid: %q", pid)
	}
	if got := next(t, lines); got != "exit 3" {
		t.Fatalf("got %q", got)
	}
}

func TestGuardPassesSignalsOn(t *testing.T) {
	stdin, lines := guarded(t, "sleep", "600")
	next(t, lines)
	fmt.Fprintln(stdin, "TERM")
	if got := next(t, lines); got != "signal TERM" {
		t.Fatalf("got %q", got)
	}
}

func TestGuardedProgramEndsWithStdinEvenIfStopped(t *testing.T) {
	stdin, lines := guarded(t, "sleep", "600")
	var pid int
	if _, err := fmt.Sscanf(next(t, lines), "pid %d", &pid); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(stdin, "STOP")
	stdin.Close()
	if got := next(t, lines); got != "signal KILL" {
		t.Fatalf("got %q", got)
	}
	deadline := time.Now().Add(5 * time.Second)
	for syscall.Kill(pid, 0) == nil {
		if time.Now().After(deadline) {
			t.Fatal("the program still runs")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
