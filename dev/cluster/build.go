package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// tickEvery is how often a long build says that it is still at work.
const tickEvery = 15 * time.Second

// Names of the tools that a cluster is made of.
const (
	etcdTool      = "etcd"
	apiServerTool = "kube-apiserver"
)

// binaries are the tools, ready to run. A path is empty when its tool wasn't
// asked for.
type binaries struct {
	dir           string // holds a link to each of them
	etcd          string
	kubeAPIServer string
}

type logFunc func(format string, args ...any)

// location says where a set of tools is, or will be once it is built.
type location struct {
	cacheDir string
	paths    map[string]string // of the binaries, by tool
	recipes  []recipe          // of those that KUBEBUILDER_ASSETS doesn't provide
}

// locate finds the tools in KUBEBUILDER_ASSETS or in the cache, without
// building any.
func locate(ctx context.Context, tools []tool, log logFunc) (location, error) {
	cacheDir, err := findCache()
	if err != nil {
		return location{}, err
	}
	toolsDir, err := findTools()
	if err != nil {
		return location{}, err
	}

	assets := os.Getenv("KUBEBUILDER_ASSETS")
	l := location{cacheDir: cacheDir, paths: map[string]string{}}
	var provided []string
	for _, t := range tools {
		if assets != "" && t.asset {
			if l.paths[t.name], err = findAsset(assets, t.name); err != nil {
				return location{}, err
			}
			provided = append(provided, t.name)
			continue
		}
		r, err := t.resolve(toolsDir, cacheDir)
		if err != nil {
			return location{}, err
		}
		l.paths[t.name] = r.path
		l.recipes = append(l.recipes, r)
	}
	if len(provided) > 0 {
		log("from KUBEBUILDER_ASSETS (%s): %s", assets, strings.Join(provided, ", "))
	}
	if slices.Contains(provided, apiServerTool) {
		if err := checkServerVersion(ctx, l.paths[apiServerTool]); err != nil {
			return location{}, fmt.Errorf("KUBEBUILDER_ASSETS is set to %s: %w (put a newer control plane there, or unset the variable to have one built)", assets, err)
		}
	}
	return l, nil
}

// ensureTools returns the tools, building what the cache lacks.
func ensureTools(ctx context.Context, tools []tool, log logFunc) (binaries, error) {
	l, err := locate(ctx, tools, log)
	if err != nil {
		return binaries{}, err
	}
	if len(notBuilt(l.recipes)) > 0 {
		if err := buildMissing(ctx, l.cacheDir, l.recipes, log); err != nil {
			return binaries{}, err
		}
	} else if len(l.recipes) > 0 {
		log("cached in %s: %s", l.cacheDir, describe(l.recipes))
	}

	dir, err := linkAll(l.cacheDir, l.paths)
	if err != nil {
		return binaries{}, fmt.Errorf("linking the tools into one folder: %w", err)
	}
	return binaries{dir: dir, etcd: l.paths[etcdTool], kubeAPIServer: l.paths[apiServerTool]}, nil
}

// estimate returns how long ensureTools will build, on two cores with nothing
// cached; zero when nothing is missing.
func estimate(ctx context.Context, tools []tool, log logFunc) (time.Duration, error) {
	l, err := locate(ctx, tools, log)
	if err != nil {
		return 0, err
	}
	var total time.Duration
	for _, r := range notBuilt(l.recipes) {
		total += r.expect
	}
	return total, nil
}

// notBuilt picks the recipes whose binary is not in the cache. Binaries get
// their name only when complete, so one that is there is whole.
func notBuilt(recipes []recipe) []recipe {
	var missing []recipe
	for _, r := range recipes {
		if checkExecutable(r.path) != nil {
			missing = append(missing, r)
		}
	}
	return missing
}

func describe(recipes []recipe) string {
	var names []string
	for _, r := range recipes {
		names = append(names, r.name+" "+r.version)
	}
	return strings.Join(names, ", ")
}

// buildMissing builds one tool after the other: `go build` uses all cores by
// itself. Under the lock it looks again, since another program may just have
// built what was missing.
func buildMissing(ctx context.Context, cacheDir string, recipes []recipe, log logFunc) error {
	if err := os.MkdirAll(cacheDir, 0o755); err != nil {
		return fmt.Errorf("making the cache folder: %w (set PROPENSITY_DEV_CACHE to a folder that can be written)", err)
	}
	unlock, err := lock(ctx, filepath.Join(cacheDir, "build.lock"), log)
	if err != nil {
		return err
	}
	defer unlock()

	missing := notBuilt(recipes)
	if len(missing) == 0 {
		log("built by another program in the meantime: %s", describe(recipes))
		return nil
	}
	log("building into %s, once for these versions: %s", cacheDir, describe(missing))
	for _, r := range missing {
		if err := r.build(ctx, log); err != nil {
			return err
		}
	}
	return nil
}

// build compiles the tool to a temporary name and moves it to its place.
func (r recipe) build(ctx context.Context, log logFunc) error {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("building %s needs the go command: %w (install Go, or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver and kubectl)", r.name, err)
	}
	folder := filepath.Dir(r.path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("making a folder for %s: %w", r.name, err)
	}
	// A fixed name: the lock keeps others out, and what a killed build left
	// behind is overwritten.
	partial := r.path + ".partial"
	defer os.Remove(partial)

	cmd := exec.CommandContext(ctx, goTool, "-C", r.source, "build",
		// Explicit, so that a GOFLAGS with -mod=vendor or -mod=mod changes
		// neither the result nor the checked-in go.mod.
		"-mod=readonly", "-buildvcs=false", "-trimpath",
		"-tags", r.tags, "-ldflags", r.ldflags, "-o", partial, r.pkg)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	// The go command ends its compilers in an orderly way on an interrupt.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output

	log("building %s %s: about %s on two cores with nothing cached", r.name, r.version, inWords(r.expect))
	started := time.Now()
	done := make(chan struct{})
	ticked := make(chan struct{})
	go func() {
		defer close(ticked)
		tick(done, started, func(elapsed time.Duration) { log("  %s: %s", r.name, elapsed) })
	}()
	err = startWithParent(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	close(done)
	<-ticked
	if ctx.Err() != nil {
		return fmt.Errorf("building %s was stopped after %s: %w (what is compiled so far is kept, so the next build is shorter)", r.name, since(started), context.Cause(ctx))
	}
	if err != nil {
		return fmt.Errorf("building %s %s (%s) failed: %w\n%s\nIf modules could not be downloaded, check the network and GOPROXY; if the disk is full, `go clean -cache` frees space; then run the build again.",
			r.name, r.version, r.pkg, err, lastLines(output.Bytes(), 30))
	}
	if err := os.Rename(partial, r.path); err != nil {
		return fmt.Errorf("moving the built %s to its place: %w", r.name, err)
	}
	log("built %s %s in %s", r.name, r.version, since(started))
	return nil
}

// tick reports the elapsed time until done is closed.
func tick(done <-chan struct{}, started time.Time, report func(time.Duration)) {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-ticker.C:
			report(since(started))
		}
	}
}

// inWords is a duration as a person says it.
func inWords(d time.Duration) string {
	switch minutes := int(d.Round(time.Minute).Minutes()); {
	case d < time.Minute:
		return fmt.Sprintf("%d seconds", int(d.Seconds()))
	case minutes == 1:
		return "1 minute"
	default:
		return fmt.Sprintf("%d minutes", minutes)
	}
}

func since(started time.Time) time.Duration {
	return time.Since(started).Round(time.Second)
}

// linkAll makes a folder with a link to each tool. Its name is a hash of what
// it links to: the links of one folder never change, so programs that use
// different versions at the same time don't get in each other's way.
func linkAll(cacheDir string, paths map[string]string) (string, error) {
	hash := sha256.New()
	for _, t := range allTools {
		fmt.Fprintf(hash, "%s=%s\n", t.name, paths[t.name])
	}
	dir := filepath.Join(cacheDir, "bin-"+hex.EncodeToString(hash.Sum(nil))[:12])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for name, target := range paths {
		// Whoever comes second finds the same link.
		err := os.Symlink(target, filepath.Join(dir, name))
		if err != nil && !errors.Is(err, os.ErrExist) {
			return "", err
		}
	}
	return dir, nil
}

// lastLines returns the end of a text, for error messages.
func lastLines(text []byte, n int) string {
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return "  " + strings.Join(lines, "\n  ")
}
