package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

// tool is one binary, built from a Go module of its own below tools/. That
// module's go.mod is the only place that names a version.
type tool struct {
	name    string // of the binary
	module  string // folder below tools/
	require string // module path whose version is the tool's version
	pkg     string // main package
	// expect is the build time on two cores with nothing cached, after the tools
	// above it, to tell who waits.
	expect time.Duration
	// stamps are the variables to set to the version at link time: binaries
	// built from the module cache know no git tag. VERSION, MAJOR and MINOR stand
	// for the parts of it.
	stamps []string
	// tags are build tags that leave out what nobody here needs.
	tags string
	// asset says that KUBEBUILDER_ASSETS is expected to hold this tool.
	asset bool
}

// kubernetesStamps make the API server and kubectl report a real version. With
// the placeholder in the sources, version-skew checks and Helm's kubeVersion
// constraints would see v0.0.0.
var kubernetesStamps = []string{
	"k8s.io/component-base/version.gitVersion=VERSION",
	"k8s.io/component-base/version.gitMajor=MAJOR",
	"k8s.io/component-base/version.gitMinor=MINOR",
	"k8s.io/client-go/pkg/version.gitVersion=VERSION",
	"k8s.io/client-go/pkg/version.gitMajor=MAJOR",
	"k8s.io/client-go/pkg/version.gitMinor=MINOR",
}

var prometheusStamps = []string{"github.com/prometheus/common/version.Version=VERSION"}

// prometheusTags leave out service discovery in clouds and other systems, a
// sixth of the packages. What stays is static, by file and by HTTP. Without the
// tag builtinassets, which isn't given, there is no web interface either.
const prometheusTags = "remove_all_sd"

var allTools = []tool{
	{
		name: "etcd", module: "etcd", asset: true, expect: 30 * time.Second,
		require: "go.etcd.io/etcd/server/v3", pkg: "go.etcd.io/etcd/server/v3",
	},
	{
		name: "kube-apiserver", module: "kubernetes", asset: true, expect: 6 * time.Minute,
		require: "k8s.io/kubernetes", pkg: "k8s.io/kubernetes/cmd/kube-apiserver",
		stamps: kubernetesStamps,
	},
	{
		name: "kubectl", module: "kubernetes", asset: true, expect: time.Minute,
		require: "k8s.io/kubernetes", pkg: "k8s.io/kubernetes/cmd/kubectl",
		stamps: kubernetesStamps,
	},
	{
		name: "helm", module: "helm", expect: 2 * time.Minute,
		require: "helm.sh/helm/v4", pkg: "helm.sh/helm/v4/cmd/helm",
		stamps: []string{"helm.sh/helm/v4/internal/version.version=VERSION"},
	},
	{
		name: "prometheus", module: "prometheus", expect: 3 * time.Minute,
		require: "github.com/prometheus/prometheus", pkg: "github.com/prometheus/prometheus/cmd/prometheus",
		stamps: prometheusStamps, tags: prometheusTags,
	},
	{
		name: "promtool", module: "prometheus", expect: time.Minute,
		require: "github.com/prometheus/prometheus", pkg: "github.com/prometheus/prometheus/cmd/promtool",
		stamps: prometheusStamps, tags: prometheusTags,
	},
}

// selectTools returns the named tools, or all of them where none is named, in
// the order in which they are built.
func selectTools(names ...string) ([]tool, error) {
	if len(names) == 0 {
		return allTools, nil
	}
	var known []string
	var selected []tool
	for _, t := range allTools {
		known = append(known, t.name)
		if slices.Contains(names, t.name) {
			selected = append(selected, t)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("unknown tool %q, the tools are %s: %w", name, strings.Join(known, ", "), errUsage)
		}
	}
	return selected, nil
}

// recipe is a tool with everything that decides what its binary is.
type recipe struct {
	tool
	source  string // folder of the tool's module
	version string
	ldflags string
	path    string // where the binary is, or will be, in the cache
}

// resolve reads the tool's module and works out what to build and where the
// result belongs. The cache folder's name carries a hash of go.mod, go.sum and
// the flags, so a bump of anything rebuilds and two checkouts share what they
// can. The Go release is left out: a new one is no reason to wait for minutes.
func (t tool) resolve(toolsDir, cacheDir string) (recipe, error) {
	r := recipe{tool: t, source: filepath.Join(toolsDir, t.module)}
	mod, err := os.ReadFile(filepath.Join(r.source, "go.mod"))
	if err != nil {
		return r, fmt.Errorf("the module that pins %s: %w", t.name, err)
	}
	sum, err := os.ReadFile(filepath.Join(r.source, "go.sum"))
	if err != nil {
		return r, fmt.Errorf("the checksums of %s: %w (run `go mod tidy` in %s)", t.name, err, r.source)
	}
	if r.version, err = requiredVersion(mod, t.require); err != nil {
		return r, fmt.Errorf("%s: %w", filepath.Join(r.source, "go.mod"), err)
	}

	r.ldflags = "-s -w"
	major, minor := majorMinor(r.version)
	for _, stamp := range t.stamps {
		r.ldflags += " -X " + strings.NewReplacer("VERSION", r.version, "MAJOR", major, "MINOR", minor).Replace(stamp)
	}

	hash := sha256.New()
	parts := [][]byte{mod, sum, []byte(r.ldflags), []byte(runtime.GOOS), []byte(runtime.GOARCH)}
	if t.tags != "" {
		parts = append(parts, []byte(t.tags))
	}
	for _, part := range parts {
		fmt.Fprintf(hash, "%d:", len(part))
		hash.Write(part)
	}
	folder := fmt.Sprintf("%s-%s-%s", t.module, r.version, hex.EncodeToString(hash.Sum(nil))[:12])
	r.path = filepath.Join(cacheDir, folder, t.name)
	return r, nil
}

// requiredVersion finds the version that a go.mod requires of a module.
func requiredVersion(mod []byte, module string) (string, error) {
	line := regexp.MustCompile(`(?m)^\s*(?:require\s+)?` + regexp.QuoteMeta(module) + `\s+(v[^\s]+)\s*(?://.*)?$`)
	match := line.FindSubmatch(mod)
	if match == nil {
		return "", fmt.Errorf("no requirement of %s found", module)
	}
	return string(match[1]), nil
}

// majorMinor splits v1.37.2 into 1 and 37.
func majorMinor(version string) (major, minor string) {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(parts) < 2 {
		return "", ""
	}
	return parts[0], parts[1]
}

// findTools locates the folder with the tool modules. They can't be embedded:
// the go command leaves folders with a go.mod of their own out of a package.
func findTools() (string, error) {
	isTools := func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "kubernetes", "go.mod"))
		return err == nil
	}
	// Next to this source file, which is right for `go run` and `go test` from
	// any folder; it is no path on disk when built with -trimpath.
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		if dir := filepath.Join(filepath.Dir(file), "tools"); isTools(dir) {
			return dir, nil
		}
	}
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("finding the current folder: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		for _, below := range []string{"dev/cluster/tools", "cluster/tools", "tools"} {
			if candidate := filepath.Join(dir, below); isTools(candidate) {
				return candidate, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("the tool modules (dev/cluster/tools) are neither in %s nor in a folder above it: run this inside the checkout", start)
		}
	}
}

// findCache returns the folder for built binaries, outside of any checkout.
func findCache() (string, error) {
	if dir := os.Getenv("PROPENSITY_DEV_CACHE"); dir != "" {
		// Made absolute, since symlinks to it must work from everywhere.
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: %w (set PROPENSITY_DEV_CACHE to a folder to use)", err)
	}
	return filepath.Join(dir, "propensity-operator"), nil
}

// findAsset returns a tool's binary in the folder KUBEBUILDER_ASSETS names.
func findAsset(dir, name string) (string, error) {
	path, err := assetPath(dir, name)
	if err != nil {
		return "", fmt.Errorf("KUBEBUILDER_ASSETS is set to %s, but its %s can't be used: %w (put it there, or unset the variable to have it built)", dir, name, err)
	}
	return path, nil
}

// assetPath returns the absolute path of a binary that somebody else installed.
func assetPath(dir, name string) (string, error) {
	path, err := filepath.Abs(filepath.Join(dir, name))
	if err != nil {
		return "", err
	}
	return path, checkExecutable(path)
}

func checkExecutable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errors.New(path + " is not a regular file")
	case info.Mode().Perm()&0o111 == 0:
		return errors.New(path + " is not executable")
	}
	return nil
}
