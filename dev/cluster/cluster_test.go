package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is the cluster program as a binary: `go run` would put a process
// between the test and what it wants to signal.
var program string

// TestMain builds the program, and the tools if need be. Without them in the
// cache that takes nearly the 10 minutes that a test may run: run
// `go run ./cluster build` first.
func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(func() int {
		if testing.Short() {
			return m.Run()
		}
		dir, err := os.MkdirTemp("", "cluster-test-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		program = filepath.Join(dir, "cluster")
		for _, command := range [][]string{{"go", "build", "-o", program, "."}, {program, "build", "etcd", "kube-apiserver", "kubectl"}} {
			cmd := exec.Command(command[0], command[1:]...)
			cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
			if err := cmd.Run(); err != nil {
				fmt.Fprintln(os.Stderr, strings.Join(command, " "), "failed:", err)
				return 1
			}
		}
		return m.Run()
	}())
}

// running is a started cluster program that printed its report.
type running struct {
	report
	cmd    *exec.Cmd
	stdin  io.Closer
	stderr *bytes.Buffer // to be read after the end only
	ended  chan error
}

// start runs the program with stdin held open, as a test harness would.
func start(t *testing.T, args ...string) *running {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a cluster; not with -short")
	}
	cmd := exec.Command(program, append([]string{"up", "--hold", "stdin", "--tools", "kubectl"}, args...)...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	r := &running{cmd: cmd, stdin: stdin, stderr: &bytes.Buffer{}, ended: make(chan error, 1)}
	cmd.Stderr = r.stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		t.Fatalf("no report on stdout: %v; the program ended with %v and said:\n%s", err, cmd.Wait(), r.stderr)
	}
	if err := json.Unmarshal(line, &r.report); err != nil {
		t.Fatalf("the report is not JSON: %v: %s", err, line)
	}
	go func() {
		rest, _ := io.ReadAll(lines)
		err := cmd.Wait()
		if len(rest) > 0 {
			err = fmt.Errorf("more than one line on stdout: %q", rest)
		}
		r.ended <- err
	}()
	t.Cleanup(func() { stdin.Close() })
	return r
}

// end waits for the program's end.
func (r *running) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(2*stopGrace + 10*time.Second):
		_ = r.cmd.Process.Kill()
		t.Fatalf("the program did not end; it said:\n%s", r.stderr)
		return nil
	}
}

func (r *running) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(r.Bin, "kubectl"), append([]string{"--kubeconfig", r.Kubeconfig}, args...)...)
	// A home of its own: kubectl keeps a discovery cache there.
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimSpace(stdout.String())
}

// withToken makes a kubeconfig that uses another token than the admin's.
func withToken(t *testing.T, r report, token string) string {
	t.Helper()
	ca, err := os.ReadFile(r.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := writeKubeconfig(path, r.Server, token, ca); err != nil {
		t.Fatal(err)
	}
	return path
}

// eventually polls a condition.
func eventually(t *testing.T, what string, limit time.Duration, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

// gone says whether a process has ended. One whose parent has died may stay a
// zombie for as long as nobody reaps it, as in containers without an init.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false // no /proc on this system
	}
	_, afterName, _ := bytes.Cut(stat, []byte(") "))
	return bytes.HasPrefix(afterName, []byte("Z"))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func TestClusterServesUntilItsOwnerClosesStdin(t *testing.T) {
	r := start(t)
	if answer := r.kubectl(t, "get", "--raw", "/readyz"); answer != "ok" {
		t.Errorf("/readyz answered %q", answer)
	}
	r.kubectl(t, "create", "namespace", "ours")
	r.kubectl(t, "--namespace", "ours", "create", "serviceaccount", "worker")
	token := r.kubectl(t, "--namespace", "ours", "create", "token", "worker")
	if parts := strings.Split(token, "."); len(parts) != 3 {
		t.Errorf("not a signed token: %q", token)
	}
	// The API server takes the token it signed.
	identity := r.kubectl(t, "--kubeconfig", withToken(t, r.report, token), "auth", "whoami", "--output", "jsonpath={.status.userInfo.username}")
	if identity != "system:serviceaccount:ours:worker" {
		t.Errorf("the token belongs to %q", identity)
	}
	eventually(t, "the audit log has the request", 10*time.Second, func() bool {
		log, err := os.ReadFile(r.AuditLog)
		return err == nil && bytes.Contains(log, []byte("/api/v1/namespaces/ours/serviceaccounts/worker/token"))
	})

	r.stdin.Close()
	if err := r.end(t); err != nil {
		t.Errorf("ended with %v and said:\n%s", err, r.stderr)
	}
	for name, pid := range map[string]int{"etcd": r.EtcdPid, "kube-apiserver": r.APIServerPid} {
		if !gone(pid) {
			t.Errorf("%s (process %d) still runs", name, pid)
		}
	}
	if exists(r.Dir) {
		t.Errorf("the temporary folder %s is still there", r.Dir)
	}
}

func TestAJoinedServerServesTheSameClusterUntilStdinCloses(t *testing.T) {
	r := start(t, "--dir", t.TempDir())
	r.kubectl(t, "create", "namespace", "ours")
	cmd := exec.Command(program, "join", "--hold", "stdin", "--dir", r.Dir, "--etcd", r.Etcd)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var other joined
	if err := json.NewDecoder(stdout).Decode(&other); err != nil {
		t.Fatalf("no report: %v; it said:\n%s", err, &stderr)
	}
	if other.Server == r.Server {
		t.Errorf("both serve at %s", other.Server)
	}
	// The same content, the same admin and the same keys of service accounts.
	r.kubectl(t, "--kubeconfig", other.Kubeconfig, "get", "namespace", "ours")
	r.kubectl(t, "--kubeconfig", other.Kubeconfig, "--namespace", "ours", "create", "serviceaccount", "worker")
	token := r.kubectl(t, "--kubeconfig", other.Kubeconfig, "--namespace", "ours", "create", "token", "worker")
	r.kubectl(t, "--kubeconfig", withToken(t, r.report, token), "auth", "whoami")

	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("ended with %v and said:\n%s", err, &stderr)
	}
	eventually(t, "the joined kube-apiserver is gone", 10*time.Second, func() bool { return gone(other.APIServerPid) })
	r.kubectl(t, "get", "namespace", "ours")
}

func TestServersDieWithAKilledCluster(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux ends children with their parent")
	}
	r := start(t, "--dir", t.TempDir())
	if err := r.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = r.end(t)
	eventually(t, "etcd is gone", 10*time.Second, func() bool { return gone(r.EtcdPid) })
	eventually(t, "kube-apiserver is gone", 10*time.Second, func() bool { return gone(r.APIServerPid) })
}

func TestAGivenFolderKeepsItsStateAndServesOneClusterAtATime(t *testing.T) {
	dir := t.TempDir()
	first := start(t, "--dir", dir)
	first.kubectl(t, "create", "namespace", "kept")

	output, err := exec.Command(program, "up", "--tools", "kubectl", "--dir", dir).CombinedOutput()
	if err == nil || !strings.Contains(string(output), "in use by another cluster") {
		t.Errorf("a second cluster in one folder: %v, and said:\n%s", err, output)
	}

	if err := first.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := first.end(t); err != nil {
		t.Fatalf("after SIGTERM, ended with %v and said:\n%s", err, first.stderr)
	}
	second := start(t, "--dir", dir)
	second.kubectl(t, "get", "namespace", "kept")
}

func TestTheEndOfAServerEndsTheCluster(t *testing.T) {
	r := start(t)
	if err := syscall.Kill(r.APIServerPid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := r.end(t); err == nil {
		t.Error("the program ended as if nothing had happened")
	}
	if said := r.stderr.String(); !strings.Contains(said, "kube-apiserver ended by itself: signal: killed") {
		t.Errorf("it said:\n%s", said)
	}
	if !gone(r.EtcdPid) {
		t.Error("etcd still runs")
	}
}

func TestAServerWhosePortIsTakenIsStartedOnAnother(t *testing.T) {
	if testing.Short() {
		t.Skip("starts servers; not with -short")
	}
	tools, err := selectTools(etcdTool, apiServerTool)
	if err != nil {
		t.Fatal(err)
	}
	bin, err := ensureTools(context.Background(), tools, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	keys, err := newPKI(filepath.Join(dir, "pki"))
	if err != nil {
		t.Fatal(err)
	}
	// serve starts a server on a port that is taken, then as it was told.
	serve := func(name string, start func(port string) (*server, error)) *server {
		tries := 0
		s, err := startOnFreePort(t.Logf, name, func(port string) (*server, error) {
			if tries++; tries == 1 {
				port = occupy(t)
			}
			return start(port)
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.stop(t.Logf) })
		if tries != 2 {
			t.Errorf("%s took %d tries", name, tries)
		}
		return s
	}
	etcd := serve("etcd", func(port string) (*server, error) {
		return startEtcd(t.Context(), bin.etcd, dir, port, time.Minute)
	})
	serve("kube-apiserver", func(port string) (*server, error) {
		return startAPIServer(t.Context(), bin.kubeAPIServer, dir, port, etcd.url, "token", keys, time.Minute)
	})
}
