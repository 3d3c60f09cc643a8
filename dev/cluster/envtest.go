package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// minMinor is the oldest Kubernetes 1.x that the operator runs on: kubeVersion
// of the chart.
const minMinor = 33

// askTimeout is how long a program may take to answer a question about itself.
const askTimeout = 30 * time.Second

// findEnvtest returns the folder of a control plane that setup-envtest (of
// controller-runtime) has installed, or nothing when there is none to use.
// Nothing is downloaded: who needs the binaries asks for that by name.
func findEnvtest(ctx context.Context, log logFunc) string {
	program, err := exec.LookPath("setup-envtest")
	if err != nil {
		return ""
	}
	// -i looks at what is installed only, and takes the newest.
	answer, err := ask(ctx, program, "use", "-i", "-p", "path")
	if err != nil {
		log("setup-envtest has no control plane installed: %v", err)
		return ""
	}
	dir := strings.TrimSpace(answer)
	for _, t := range allTools {
		if !t.asset {
			continue
		}
		path, err := assetPath(dir, t.name)
		if err == nil && t.name == apiServerTool {
			err = checkServerVersion(ctx, path)
		}
		if err != nil {
			log("the control plane that setup-envtest has in %q can't be used: %v", dir, err)
			return ""
		}
	}
	log("a control plane of setup-envtest: %s", dir)
	return dir
}

// checkServerVersion refuses an API server that is too old for the operator.
func checkServerVersion(ctx context.Context, path string) error {
	answer, err := ask(ctx, path, "--version")
	if err != nil {
		return fmt.Errorf("asking for the version of the API server: %w", err)
	}
	match := regexp.MustCompile(`^Kubernetes v1\.(\d+)\.`).FindStringSubmatch(answer)
	if match == nil {
		return fmt.Errorf("%s --version answers %q, which is no version of Kubernetes 1.x", path, strings.TrimSpace(answer))
	}
	if minor, err := strconv.Atoi(match[1]); err != nil || minor < minMinor {
		return fmt.Errorf("%s is Kubernetes 1.%s, and the operator needs 1.%d or newer", path, match[1], minMinor)
	}
	return nil
}

// ask runs a program and returns what it prints on stdout.
func ask(ctx context.Context, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	// What a killed program left running must not hold the pipes open.
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if said := strings.TrimSpace(stderr.String()); said != "" {
			return "", fmt.Errorf("%w: %s", err, said)
		}
		return "", err
	}
	return stdout.String(), nil
}
