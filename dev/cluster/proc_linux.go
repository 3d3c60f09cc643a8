package main

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

// starts feeds the one goroutine that starts child processes.
var starts = sync.OnceValue(func() chan<- func() {
	requests := make(chan func())
	go func() {
		// The kernel sends a child its parent-death signal when the *thread*
		// that started it ends, not the process. This goroutine keeps its
		// thread and never returns, so thread and process end together.
		runtime.LockOSThread()
		for start := range requests {
			start()
		}
	}()
	return requests
})

// startWithParent starts a command that the kernel kills when this program
// ends, even if it ends by SIGKILL and can't clean up.
func startWithParent(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	result := make(chan error)
	starts() <- func() { result <- cmd.Start() }
	return <-result
}
