//go:build !linux

package main

import "os/exec"

// startWithParent starts a command. Only Linux can tie its life to this
// program's: elsewhere a SIGKILL of this program leaves the servers running.
func startWithParent(cmd *exec.Cmd) error {
	return cmd.Start()
}
