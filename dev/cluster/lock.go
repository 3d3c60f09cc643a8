package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockNow takes an exclusive lock on a file or fails at once with EWOULDBLOCK.
// The kernel releases it when this process ends, however it ends; the file
// stays, since removing it would let two programs lock two files of one name.
func lockNow(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			file.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
	}
}

// lock waits until it gets the lock. It polls rather than blocks, so that
// waiting can be reported and cancelled.
func lock(ctx context.Context, path string, log logFunc) (unlock func(), err error) {
	started, nextReport := time.Now(), time.Duration(0)
	for {
		unlock, err := lockNow(path)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return unlock, err
		}
		if time.Since(started) >= nextReport {
			log("waiting for another build to finish (lock %s): %s", path, since(started))
			nextReport += tickEvery
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("stopped while waiting for another build: %w", context.Cause(ctx))
		case <-time.After(200 * time.Millisecond):
		}
	}
}
