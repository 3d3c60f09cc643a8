package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// report is the line of JSON that `up` prints when the cluster is ready.
type report struct {
	Kubeconfig   string `json:"kubeconfig"`   // for an admin, self-contained
	Server       string `json:"server"`       // URL of the API server
	CAFile       string `json:"caFile"`       // verifies the server's certificate
	AdminToken   string `json:"adminToken"`   // bearer token of group system:masters
	AuditLog     string `json:"auditLog"`     // one JSON event a line
	Dir          string `json:"dir"`          // state, keys and logs
	Bin          string `json:"bin"`          // holds the servers, kubectl, helm or what --tools names
	Etcd         string `json:"etcd"`         // URL of etcd, plain HTTP
	EtcdPid      int    `json:"etcdPid"`      //
	APIServerPid int    `json:"apiserverPid"` //
}

// up runs a cluster until ctx ends or a server does.
func up(ctx context.Context, options upOptions, stdout io.Writer) error {
	tools, err := ensureTools(ctx, options.tools, logf)
	if err != nil {
		return err
	}
	dir, remove, err := stateDir(options.dir)
	if err != nil {
		return err
	}
	defer remove()
	// Two clusters in one folder would wait for each other inside etcd.
	unlock, err := lockNow(filepath.Join(dir, "cluster.lock"))
	if err != nil {
		return fmt.Errorf("%s is in use by another cluster: %w (stop that one or give another --dir)", dir, err)
	}
	defer unlock()

	started := time.Now()
	keys, err := newPKI(filepath.Join(dir, "pki"))
	if err != nil {
		return err
	}
	token := randomHex(32)

	etcd, err := startOnFreePort(logf, "etcd", func(port string) (*server, error) {
		return startEtcd(ctx, tools.etcd, dir, port, options.timeout)
	})
	if err != nil {
		return stoppedOr(ctx, err)
	}
	defer etcd.stop(logf)
	apiServer, err := startOnFreePort(logf, "kube-apiserver", func(port string) (*server, error) {
		return startAPIServer(ctx, tools.kubeAPIServer, dir, port, etcd.url, token, keys, options.timeout)
	})
	if err != nil {
		return stoppedOr(ctx, err)
	}
	defer apiServer.stop(logf) // runs before etcd's: the API server needs etcd to end quickly

	kubeconfig := filepath.Join(dir, "kubeconfig")
	if err := writeKubeconfig(kubeconfig, apiServer.url, token, keys.caPEM); err != nil {
		return err
	}
	line, err := json.Marshal(report{
		Kubeconfig:   kubeconfig,
		Server:       apiServer.url,
		CAFile:       keys.caFile,
		AdminToken:   token,
		AuditLog:     auditLog(dir),
		Dir:          dir,
		Bin:          tools.dir,
		Etcd:         etcd.url,
		EtcdPid:      etcd.pid(),
		APIServerPid: apiServer.pid(),
	})
	if err != nil {
		return fmt.Errorf("describing the cluster: %w", err)
	}
	if _, err := fmt.Fprintf(stdout, "%s\n", line); err != nil {
		return fmt.Errorf("printing the description of the cluster on stdout: %w", err)
	}
	logf("ready in %.1f s at %s", time.Since(started).Seconds(), apiServer.url)
	if options.holdStdin {
		logf("up until stdin is closed")
	} else {
		logf("up until Ctrl-C; in another terminal: export KUBECONFIG=%s PATH=%s:$PATH", kubeconfig, tools.dir)
	}

	select {
	case <-ctx.Done():
		logf("stopping: %v", context.Cause(ctx))
		return nil
	case <-apiServer.exited:
		return apiServer.exitError()
	case <-etcd.exited:
		return etcd.exitError()
	}
}

// stoppedOr tells a start that was called off from one that failed.
func stoppedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("stopped before the cluster was ready: %w", context.Cause(ctx))
	}
	return err
}

// stateDir returns the absolute folder for the cluster's files and a function
// that removes it if it is a temporary one. A given folder is kept, with
// etcd's data: the next start finds what the last one stored.
func stateDir(given string) (dir string, remove func(), err error) {
	if given == "" {
		dir, err := os.MkdirTemp("", "dev-cluster-")
		if err != nil {
			return "", nil, fmt.Errorf("making a temporary folder: %w (set TMPDIR, or use --dir)", err)
		}
		return dir, func() {
			if err := os.RemoveAll(dir); err != nil {
				logf("the temporary folder could not be removed: %v", err)
			}
		}, nil
	}
	dir, err = filepath.Abs(given)
	if err == nil {
		// Closed to others: it holds keys and an admin's token.
		err = os.MkdirAll(dir, 0o700)
	}
	if err != nil {
		return "", nil, fmt.Errorf("making the folder given by --dir: %w", err)
	}
	return dir, func() {}, nil
}

// writeKubeconfig writes a config for the admin. The CA is inside, so the file
// works when copied elsewhere.
func writeKubeconfig(path, server, token string, caPEM []byte) error {
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
  - name: dev
    cluster:
      server: %s
      certificate-authority-data: %s
users:
  - name: admin
    user:
      token: %s
contexts:
  - name: dev
    context:
      cluster: dev
      user: admin
current-context: dev
`, server, base64.StdEncoding.EncodeToString(caPEM), token)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing the kubeconfig: %w", err)
	}
	return nil
}
