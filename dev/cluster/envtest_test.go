package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// script writes a program.
func script(t *testing.T, path, text string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o755)); err != nil {
		t.Fatal(err)
	}
}

// assets makes a folder with a control plane that only knows its version.
func assets(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"etcd", "kubectl"} {
		script(t, filepath.Join(dir, name), "exit 0")
	}
	script(t, filepath.Join(dir, "kube-apiserver"), "echo Kubernetes "+version)
	return dir
}

// setupEnvtest puts a setup-envtest on the PATH that takes only the arguments
// by which it downloads nothing, and then does as told.
func setupEnvtest(t *testing.T, then string) {
	t.Helper()
	dir := t.TempDir()
	script(t, filepath.Join(dir, "setup-envtest"), `[ "$*" = "use -i -p path" ] || { echo "called with $*" >&2; exit 9; }`+"\n"+then)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

func TestTheControlPlaneOfSetupEnvtestIsUsedWhereItIsWholeAndNewEnough(t *testing.T) {
	incomplete := assets(t, "v1.35.0")
	if err := os.Remove(filepath.Join(incomplete, "kubectl")); err != nil {
		t.Fatal(err)
	}
	unreadable := assets(t, "v1.35.0")
	if err := os.Chmod(filepath.Join(unreadable, "etcd"), 0o644); err != nil {
		t.Fatal(err)
	}
	newest := assets(t, "v1.37.2")
	oldest := assets(t, "v1.33.0")
	for name, test := range map[string]struct{ then, want, log string }{
		"a new one":             {"printf " + newest, newest, newest},
		"the oldest that works": {"echo " + oldest, oldest, oldest},
		"one that is too old":   {"printf " + assets(t, "v1.32.9"), "", "is Kubernetes 1.32, and the operator needs 1.33"},
		"something else":        {"printf " + assets(t, "2"), "", "which is no version of Kubernetes"},
		"one without kubectl":   {"printf " + incomplete, "", "kubectl"},
		"one that can't run":    {"printf " + unreadable, "", "etcd is not executable"},
		"a folder that is gone": {"printf /nowhere", "", "/nowhere"},
		"none":                  {"echo no matching version >&2; exit 2", "", "no matching version"},
	} {
		t.Run(name, func(t *testing.T) {
			setupEnvtest(t, test.then)
			var logged strings.Builder
			got := findEnvtest(t.Context(), func(format string, args ...any) { fmt.Fprintf(&logged, format, args...) })
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if !strings.Contains(logged.String(), test.log) {
				t.Errorf("%q is not in %q", test.log, logged.String())
			}
		})
	}
}

func TestWithoutSetupEnvtestNothingIsSaid(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	got := findEnvtest(t.Context(), func(format string, args ...any) { t.Errorf(format, args...) })
	if got != "" {
		t.Errorf("got %q", got)
	}
}

func TestTheOldestKubernetesIsThatOfTheChart(t *testing.T) {
	chart, err := os.ReadFile("../../charts/propensity-operator/Chart.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`kubeVersion: ">=1.%d.0-0"`, minMinor)
	if !regexp.MustCompile("(?m)^" + regexp.QuoteMeta(want) + "$").Match(chart) {
		t.Errorf("Chart.yaml doesn't say %s", want)
	}
	if !strings.Contains(usage, fmt.Sprintf("Kubernetes 1.%d or newer", minMinor)) {
		t.Error("the usage names another version")
	}
}

func TestAssetsStandForTheControlPlaneAndBuildNothing(t *testing.T) {
	dir := assets(t, "v1.35.0")
	t.Setenv("KUBEBUILDER_ASSETS", dir)
	t.Setenv("PROPENSITY_DEV_CACHE", t.TempDir())
	t.Setenv("PATH", "/nowhere") // so that a build fails
	tools, err := selectTools("kubectl", "kube-apiserver", "etcd")
	if err != nil {
		t.Fatal(err)
	}
	if left, err := estimate(t.Context(), tools, t.Logf); left != 0 || err != nil {
		t.Errorf("the estimate is %s, %v", left, err)
	}
	bin, err := ensureTools(t.Context(), tools, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	if bin.etcd != filepath.Join(dir, "etcd") || bin.kubeAPIServer != filepath.Join(dir, "kube-apiserver") {
		t.Errorf("got %+v", bin)
	}
	if target, err := os.Readlink(filepath.Join(bin.dir, "kubectl")); target != filepath.Join(dir, "kubectl") {
		t.Errorf("kubectl is linked to %q, %v", target, err)
	}
}

func TestAssetsThatAreTooOldAreRefused(t *testing.T) {
	t.Setenv("KUBEBUILDER_ASSETS", assets(t, "v1.32.9"))
	t.Setenv("PROPENSITY_DEV_CACHE", t.TempDir())
	tools, err := selectTools("kube-apiserver")
	if err != nil {
		t.Fatal(err)
	}
	_, err = ensureTools(t.Context(), tools, t.Logf)
	if err == nil || !strings.Contains(err.Error(), "KUBEBUILDER_ASSETS") || !strings.Contains(err.Error(), "1.32") {
		t.Errorf("got %v", err)
	}
}

func TestOnlyTheNamedToolsAreChosen(t *testing.T) {
	names := func(tools []tool) (names []string) {
		for _, tool := range tools {
			names = append(names, tool.name)
		}
		return names
	}
	for name, test := range map[string]struct{ named, want []string }{
		"none named":                           {nil, names(allTools)},
		"in the order in which they are built": {[]string{"kubectl", "etcd", "kube-apiserver"}, []string{"etcd", "kube-apiserver", "kubectl"}},
		"named twice":                          {[]string{"helm", "helm"}, []string{"helm"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := selectTools(test.named...)
			if err != nil || !slices.Equal(names(got), test.want) {
				t.Errorf("got %q, %v", names(got), err)
			}
		})
	}
	if _, err := selectTools("etcd", "docker"); !errors.Is(err, errUsage) || !strings.Contains(err.Error(), `"docker"`) {
		t.Errorf("an unknown tool: %v", err)
	}

	options, err := parseUp([]string{"--tools", "kubectl"})
	if err != nil || !slices.Equal(names(options.tools), []string{"etcd", "kube-apiserver", "kubectl"}) {
		t.Errorf("up --tools kubectl: %q, %v", names(options.tools), err)
	}
	if options, err = parseUp(nil); err != nil || len(options.tools) != len(allTools) {
		t.Errorf("up: %q, %v", names(options.tools), err)
	}
	if _, err = parseUp([]string{"--tools", "docker"}); !errors.Is(err, errUsage) {
		t.Errorf("up --tools docker: %v", err)
	}
}

func TestTheEstimateCountsWhatIsNotBuilt(t *testing.T) {
	t.Setenv("KUBEBUILDER_ASSETS", "")
	t.Setenv("PROPENSITY_DEV_CACHE", t.TempDir())
	tools, err := selectTools("etcd", "kube-apiserver", "kubectl")
	if err != nil {
		t.Fatal(err)
	}
	total := func() time.Duration {
		t.Helper()
		left, err := estimate(t.Context(), tools, t.Logf)
		if err != nil {
			t.Fatal(err)
		}
		return left
	}
	all := total()
	if want := tools[0].expect + tools[1].expect + tools[2].expect; all != want {
		t.Errorf("with nothing built: %s, want %s", all, want)
	}
	l, err := locate(t.Context(), tools, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	script(t, l.paths["kube-apiserver"], "exit 0")
	if got := total(); got != all-tools[1].expect {
		t.Errorf("with kube-apiserver built: %s", got)
	}
	script(t, l.paths["etcd"], "exit 0")
	script(t, l.paths["kubectl"], "exit 0")
	if got := total(); got != 0 {
		t.Errorf("with all built: %s", got)
	}
}

func TestDurationsAreSaidInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		30 * time.Second: "30 seconds",
		time.Minute:      "1 minute",
		6 * time.Minute:  "6 minutes",
	} {
		if got := inWords(d); got != want {
			t.Errorf("%s is %q, want %q", d, got, want)
		}
	}
}
