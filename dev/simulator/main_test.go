package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

func TestRunUntilStdinEnds(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log.jsonl")
	o, err := parseOptions([]string{"--key", "k1", "--key", "k2", "--log", log, "--hold", "stdin", "--delay", "1ms"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	stdin, owner := io.Pipe()
	announced, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(o, stdin, stdout, io.Discard) }()

	url := readAnnouncement(t, announced, log)
	response, err := http.Get(url + "_sim/state")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var state State
	if err := json.NewDecoder(response.Body).Decode(&state); err != nil || len(state.KeyIDs) != 2 || state.DelayMs != 1 {
		t.Fatalf("state %+v (%v)", state, err)
	}
	owner.Close()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if _, err := http.Get(url); err == nil {
		t.Fatal("it still answers")
	}
}

func TestRunUntilSignalled(t *testing.T) {
	announced, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(options{listen: "127.0.0.1:0", keys: []string{"k"}, hold: "signal"}, nil, stdout, io.Discard)
	}()
	readAnnouncement(t, announced, "")
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

func readAnnouncement(t *testing.T, announced io.Reader, wantLog string) string {
	t.Helper()
	text, err := bufio.NewReader(announced).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	var ready struct{ URL, Log string }
	if err := json.Unmarshal(text, &ready); err != nil || ready.URL == "" || ready.Log != wantLog {
		t.Fatalf("announced %s (%v)", text, err)
	}
	return ready.URL
}

func TestRefusesWrongOptions(t *testing.T) {
	for _, args := range [][]string{
		{}, {"--key", ""}, {"--key", "a\nb"}, {"--key", "k", "--hold", "me"}, {"--key", "k", "more"},
		{"--key", "k", "--delay", "-1s"}, {"--key", "k", "--delay", "soon"},
	} {
		if _, err := parseOptions(args, io.Discard); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}
