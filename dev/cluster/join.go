package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

type joinOptions struct {
	dir  string
	etcd string
	runOptions
}

// joined is the line of JSON that `join` prints when its server is ready.
type joined struct {
	Kubeconfig   string `json:"kubeconfig"` // for an admin, self-contained
	Server       string `json:"server"`
	APIServerPid int    `json:"apiserverPid"`
}

func parseJoin(args []string) (options joinOptions, err error) {
	options.runOptions, err = parseRun("join", args, func(flags *flag.FlagSet) {
		flags.StringVar(&options.dir, "dir", "", "")
		flags.StringVar(&options.etcd, "etcd", "", "")
	})
	if err == nil && (options.dir == "" || options.etcd == "") {
		err = fmt.Errorf("join: --dir and --etcd say which cluster: %w", errUsage)
	}
	return options, err
}

// join runs one more API server on a cluster that is up, until ctx ends or the
// server does.
func join(ctx context.Context, options joinOptions, stdout io.Writer) error {
	wanted, err := selectTools(apiServerTool)
	if err != nil {
		return err
	}
	tools, err := ensureTools(ctx, wanted, logf)
	if err != nil {
		return err
	}
	keys, err := openPKI(filepath.Join(options.dir, "pki"))
	if err != nil {
		return err
	}
	token, err := adminToken(options.dir)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(options.dir, "joined-")
	if err != nil {
		return fmt.Errorf("making a folder for the server: %w", err)
	}
	apiServer, err := startOnFreePort(logf, "kube-apiserver", func(port string) (*server, error) {
		return startAPIServer(ctx, tools.kubeAPIServer, dir, port, options.etcd, token, keys, options.timeout)
	})
	if err != nil {
		return stoppedOr(ctx, err)
	}
	defer apiServer.stop(logf)
	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := writeKubeconfig(kubeconfig, apiServer.url, token, keys.caPEM); err != nil {
		return err
	}
	line, err := json.Marshal(joined{Kubeconfig: kubeconfig, Server: apiServer.url, APIServerPid: apiServer.pid()})
	if err != nil {
		return fmt.Errorf("describing the server: %w", err)
	}
	if _, err := fmt.Fprintf(stdout, "%s\n", line); err != nil {
		return fmt.Errorf("printing the description of the server on stdout: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil
	case <-apiServer.exited:
		return apiServer.exitError()
	}
}

// adminToken reads the token that `up` gave the admin.
func adminToken(dir string) (string, error) {
	tokens, err := os.ReadFile(filepath.Join(dir, "tokens.csv"))
	if err != nil {
		return "", fmt.Errorf("reading the admin's token: %w", err)
	}
	token, _, found := strings.Cut(string(tokens), ",")
	if !found {
		return "", errors.New("tokens.csv holds no token")
	}
	return token, nil
}
