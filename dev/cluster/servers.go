package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// portAttempts bounds how often a server is started again because another
// program got its port between our choice and the server's bind.
const portAttempts = 10

// auditPolicy logs every request once, when it is answered, without bodies:
// bodies would put Secrets and contacts into the log. A watch is also logged
// when it starts (stage ResponseStarted).
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
`

// server is a running process and the address it serves on.
type server struct {
	*process
	url string
}

// startOnFreePort starts a server until it gets the port it was given.
func startOnFreePort(log logFunc, name string, start func(port string) (*server, error)) (*server, error) {
	for attempt := 1; ; attempt++ {
		port, err := freePort()
		if err != nil {
			return nil, fmt.Errorf("finding a free port for %s: %w", name, err)
		}
		s, err := start(port)
		if err == nil {
			return s, nil
		}
		if s == nil {
			return nil, err
		}
		taken := s.portTaken()
		s.stop(log)
		if !taken || attempt == portAttempts {
			return nil, err
		}
		log("port %s was taken by another program, starting %s again on another one", port, name)
	}
}

// freePort asks the kernel for a loopback port that is free right now.
func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, err
}

// startEtcd starts etcd and waits until it answers. A server that comes with an
// error is one that was started but didn't get ready.
func startEtcd(ctx context.Context, bin, dir, port string, timeout time.Duration) (*server, error) {
	url := "http://127.0.0.1:" + port
	name := randomHex(8)
	// Nobody ever talks to the peer port; a single member doesn't even call
	// itself, so what it advertises only has to agree with the initial cluster.
	const advertised = "http://127.0.0.1:2380"
	p, err := startProcess("etcd", bin, []string{
		"--name=" + name,
		"--data-dir=" + filepath.Join(dir, "etcd"),
		"--listen-client-urls=" + url,
		"--advertise-client-urls=" + url,
		"--listen-peer-urls=http://127.0.0.1:0",
		"--initial-advertise-peer-urls=" + advertised,
		"--initial-cluster=" + name + "=" + advertised,
		// What a power cut would lose is worth nothing here, and on a busy disk
		// the syncs are most of the time a write takes.
		"--unsafe-no-fsync",
		// The election of the only candidate need not take a second.
		"--heartbeat-interval=50", "--election-timeout=250",
		// Room for tests with a lot of data; the default is 2 GiB.
		"--quota-backend-bytes=8589934592",
	}, filepath.Join(dir, "etcd.log"))
	if err != nil {
		return nil, err
	}
	return &server{p, url}, p.waitReady(ctx, timeout, func(ctx context.Context) error {
		return probeEtcd(ctx, url, name)
	})
}

// probeEtcd succeeds when the etcd at url can serve consistent reads and is the
// one of that name: if two clusters start at once and pick the same port, the
// loser must not take the winner's etcd for its own.
func probeEtcd(ctx context.Context, url, name string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v3/cluster/member/list", bytes.NewReader([]byte(`{"linearizable":true}`)))
	if err != nil {
		return err
	}
	body, err := fetch(http.DefaultClient, request)
	if err != nil {
		return err
	}
	var list struct {
		Members []struct{ Name string }
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return err
	}
	for _, member := range list.Members {
		if member.Name == name {
			return nil
		}
	}
	return fmt.Errorf("%s is served by another etcd or this one is not yet published", url)
}

// startAPIServer starts kube-apiserver and waits until it is ready and has made
// the namespaces that every cluster has.
func startAPIServer(ctx context.Context, bin, dir, port, etcdURL, token string, keys *pki, timeout time.Duration) (*server, error) {
	tokens := filepath.Join(dir, "tokens.csv")
	policy := filepath.Join(dir, "audit-policy.yaml")
	for path, content := range map[string]string{
		tokens: token + `,admin,admin,"system:masters"` + "\n",
		policy: auditPolicy,
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return nil, fmt.Errorf("configuring kube-apiserver: %w", err)
		}
	}

	url := "https://127.0.0.1:" + port
	p, err := startProcess("kube-apiserver", bin, []string{
		"--etcd-servers=" + etcdURL,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		"--secure-port=" + port,
		"--service-cluster-ip-range=10.0.0.0/24",
		// The reconciler would try to publish our address as the endpoint of the
		// service "kubernetes" and fail for ever: loopback is not allowed there.
		"--endpoint-reconciler-type=none",

		"--cert-dir=" + keys.dir,
		"--tls-cert-file=" + keys.servingCert,
		"--tls-private-key-file=" + keys.servingKey,
		"--token-auth-file=" + tokens,
		"--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-signing-key-file=" + keys.serviceAccount,
		"--service-account-key-file=" + keys.serviceAccount,

		// Blocking, and without a buffer, so that a test finds the line of a
		// request soon after its answer. The size (in MB) keeps the log in one file.
		"--audit-policy-file=" + policy,
		"--audit-log-path=" + auditLog(dir),
		"--audit-log-mode=blocking",
		"--audit-log-maxsize=100000",

		// Fair queueing and limits on requests at once would make a test depend
		// on what its neighbours do: no queue, no limit, and no 429 that a test
		// didn't ask for. It also saves start time.
		"--enable-priority-and-fairness=false",
		"--max-requests-inflight=0",
		"--max-mutating-requests-inflight=0",
		"--profiling=false",
	}, filepath.Join(dir, "kube-apiserver.log"))
	if err != nil {
		return nil, err
	}

	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: keys.pool, MinVersion: tls.VersionTLS12},
	}}
	defer client.CloseIdleConnections()
	return &server{p, url}, p.waitReady(ctx, timeout, func(ctx context.Context) error {
		// Ready comes before the namespaces: those are made in the background.
		for _, path := range []string{"/readyz", "/api/v1/namespaces/default", "/api/v1/namespaces/kube-system"} {
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+path, nil)
			if err != nil {
				return err
			}
			request.Header.Set("Authorization", "Bearer "+token)
			if _, err := fetch(client, request); err != nil {
				return err
			}
		}
		return nil
	})
}

func auditLog(dir string) string { return filepath.Join(dir, "audit.log") }

// fetch returns the body of a successful answer.
func fetch(client *http.Client, request *http.Request) ([]byte, error) {
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s: %s", request.URL.Path, response.Status, bytes.TrimSpace(body))
	}
	return body, nil
}

func randomHex(bytes int) string {
	random := make([]byte, bytes)
	if _, err := rand.Read(random); err != nil {
		panic("crypto/rand failed: " + err.Error()) // documented never to happen
	}
	return hex.EncodeToString(random)
}
