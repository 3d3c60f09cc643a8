package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// occupy listens on a loopback port until the test ends.
func occupy(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func TestVersionIsReadFromTheRequirementOnly(t *testing.T) {
	for name, test := range map[string]struct{ mod, want string }{
		"in a block":       {"require (\n\texample.org/tool v1.2.3\n)", "v1.2.3"},
		"indirect":         {"require (\n\texample.org/tool v1.2.3 // indirect\n)", "v1.2.3"},
		"on one line":      {"require example.org/tool v1.2.3", "v1.2.3"},
		"not a longer one": {"require example.org/tool/v2 v2.0.0", ""},
		"not a replace":    {"replace example.org/tool v1.0.0 => example.org/fork v1.2.3", ""},
		"not a tool line":  {"tool example.org/tool", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := requiredVersion([]byte(test.mod), "example.org/tool")
			if got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
		})
	}
}

func TestABumpOfAModuleMovesItsBinary(t *testing.T) {
	tools := t.TempDir()
	write := func(mod, sum string) {
		t.Helper()
		dir := filepath.Join(tools, "kubernetes")
		for path, text := range map[string]string{"go.mod": mod, "go.sum": sum} {
			if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, path), []byte(text), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
	}
	resolve := func() recipe {
		t.Helper()
		r, err := allTools[1].resolve(tools, "cache")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}

	write("require k8s.io/kubernetes v1.2.3\n", "one")
	first := resolve()
	if resolve().path != first.path {
		t.Error("the same module gave two places")
	}
	if !strings.Contains(first.path, "kubernetes-v1.2.3-") || filepath.Base(first.path) != "kube-apiserver" {
		t.Errorf("unexpected place %s", first.path)
	}
	for _, stamp := range []string{"version.gitVersion=v1.2.3", "version.gitMajor=1", "version.gitMinor=2"} {
		if !strings.Contains(first.ldflags, stamp) {
			t.Errorf("%s is not in %q", stamp, first.ldflags)
		}
	}
	write("require k8s.io/kubernetes v1.2.3\n", "two")
	if resolve().path == first.path {
		t.Error("other checksums gave the same place")
	}
	write("require k8s.io/kubernetes v1.2.4\n", "two")
	if !strings.Contains(resolve().path, "kubernetes-v1.2.4-") {
		t.Error("a bump did not show in the place")
	}
}

func TestOtherTagsMoveABinary(t *testing.T) {
	tools, err := findTools()
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, tags := range []string{"", "one", "two"} {
		tool := allTools[0]
		tool.tags = tags
		r, err := tool.resolve(tools, "cache")
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(paths, r.path) {
			t.Errorf("the tags %q gave the place of others: %s", tags, r.path)
		}
		paths = append(paths, r.path)
	}
}

func TestEveryToolResolvesInThisCheckout(t *testing.T) {
	tools, err := findTools()
	if err != nil {
		t.Fatal(err)
	}
	for _, tool := range allTools {
		if _, err := tool.resolve(tools, "cache"); err != nil {
			t.Errorf("%s: %v", tool.name, err)
		}
	}
}

func TestAssetsThatAreIncompleteAreNamed(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("KUBEBUILDER_ASSETS", dir)
	t.Setenv("PROPENSITY_DEV_CACHE", t.TempDir())
	_, err := ensureTools(t.Context(), allTools, t.Logf)
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "etcd")) || !strings.Contains(err.Error(), "KUBEBUILDER_ASSETS") {
		t.Errorf("got %v", err)
	}
}

func TestABuildWaitsForAnother(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	// The first report of waiting is the moment to give up.
	if _, err := lock(ctx, path, func(string, ...any) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want to wait until cancelled", err)
	}
	again, err := lock(t.Context(), path, func(string, ...any) { unlock() })
	if err != nil {
		t.Fatal(err)
	}
	again()
}

func TestAServerThatFailsShowsItsLog(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "etcd")
	if err := os.WriteFile(script, []byte("#!/bin/sh\necho the disk is on fire >&2\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, err := startEtcd(t.Context(), script, dir, occupy(t), time.Minute)
	if s == nil || err == nil {
		t.Fatalf("got %v, %v", s, err)
	}
	for _, part := range []string{"exit status 3", "etcd.log", "the disk is on fire"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %v", part, err)
		}
	}
}

func TestTheSurroundingsDoNotConfigureTheServers(t *testing.T) {
	got := strings.Join(serverEnv([]string{"HOME=/h", "ETCD_NAME=x", "KUBE_FEATURE_WatchList=false", "PATH=/p"}), " ")
	if got != "HOME=/h PATH=/p" {
		t.Errorf("got %q", got)
	}
}
