package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	release   = "propensity-operator" // of the chart, and the name of most objects in it
	system    = "propensity-system"
	namespace = "bench"
	key       = "bench-key"
	group     = "/apis/abm.propensity.com/v1alpha1/namespaces/" + namespace

	maxAudiences = 100_000 // the daily budget's limit
	maxMembers   = 1000    // the limit of an inline list

	// appliers is how many audiences are applied at the same time.
	appliers = 8
	// patience is the time without progress after which a measurement fails.
	patience = time.Minute
)

// stage is a control plane with the chart, a simulator, and a namespace with a workspace.
type stage struct {
	options
	dir       string
	running   []*program
	cluster   clusterReport
	client    *http.Client
	simulator string
	audit     *auditLog
}

// clusterReport is the output of the cluster program.
type clusterReport struct {
	Kubeconfig   string
	Server       string
	CAFile       string
	AdminToken   string
	AuditLog     string
	Bin          string
	EtcdPid      int
	APIServerPid int
}

// setUp starts everything except the operator. If it fails, it ends what it started.
func setUp(ctx context.Context, o options, dir string) (*stage, error) {
	s := &stage{options: o, dir: dir}
	err := os.Mkdir(dir, 0o700)
	for _, step := range []func(context.Context) error{s.startCluster, s.startSimulator, s.installChart, s.makeWorkspace} {
		if err == nil {
			err = step(ctx)
		}
	}
	if err != nil {
		s.tearDown()
		return nil, err
	}
	return s, nil
}

// tearDown ends the started programs, in reverse order.
func (s *stage) tearDown() {
	for len(s.running) > 0 {
		last := len(s.running) - 1
		s.running[last].end()
		s.running = s.running[:last]
	}
	if s.audit != nil {
		s.audit.file.Close()
	}
}

func (s *stage) startCluster(context.Context) error {
	logf("starting a control plane (the first time, it is built, which takes minutes)")
	cluster, err := start(s.dir, "cluster", os.Environ(), filepath.Join(s.programs, "cluster"),
		"up", "--hold", "stdin", "--tools", "helm", "--dir", filepath.Join(s.dir, "cluster"))
	if err != nil {
		return err
	}
	s.running = append(s.running, cluster)
	line, err := cluster.line(time.Hour)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(line), &s.cluster); err != nil {
		return err
	}
	ca, err := os.ReadFile(s.cluster.CAFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	s.client = &http.Client{
		Timeout:   time.Minute,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: appliers},
	}
	s.audit, err = openAudit(s.cluster.AuditLog, "system:serviceaccount:"+system+":"+release)
	return err
}

func (s *stage) startSimulator(context.Context) error {
	simulator, err := start(s.dir, "simulator", os.Environ(), filepath.Join(s.programs, "simulator"),
		"--key", key, "--delay", s.delay.String(), "--hold", "stdin")
	if err != nil {
		return err
	}
	s.running = append(s.running, simulator)
	line, err := simulator.line(10 * time.Second)
	if err != nil {
		return err
	}
	var report struct{ URL string }
	err = json.Unmarshal([]byte(line), &report)
	s.simulator = report.URL
	return err
}

// installChart installs the chart with Helm, and writes a kubeconfig with a token of its ServiceAccount. The Deployment
// gets no pod here, because the control plane runs no controllers for that.
func (s *stage) installChart(ctx context.Context) error {
	logf("installing the chart")
	helm := exec.CommandContext(ctx, filepath.Join(s.cluster.Bin, "helm"), "install", release, s.chart,
		"--namespace", system, "--create-namespace", "--set", "image.repository="+release, "--set", "image.tag=bench")
	helm.Env = append(os.Environ(), "KUBECONFIG="+s.cluster.Kubeconfig, "HOME="+s.dir)
	if output, err := helm.CombinedOutput(); err != nil {
		return fmt.Errorf("helm install: %w\n%s", err, output)
	}
	var token struct{ Status struct{ Token string } }
	path := "/api/v1/namespaces/" + system + "/serviceaccounts/" + release + "/token"
	err := s.call(ctx, http.MethodPost, path, "application/json", object{"spec": object{"expirationSeconds": 4 * 3600}}, &token)
	if err != nil {
		return err
	}
	admin, err := os.ReadFile(s.cluster.Kubeconfig)
	if err != nil {
		return err
	}
	kubeconfig := bytes.ReplaceAll(admin, []byte(s.cluster.AdminToken), []byte(token.Status.Token))
	return os.WriteFile(s.operatorKubeconfig(), kubeconfig, 0o600)
}

func (s *stage) operatorKubeconfig() string { return filepath.Join(s.dir, "operator.kubeconfig") }

// makeWorkspace creates a workspace with limits so high that they have no effect.
func (s *stage) makeWorkspace(ctx context.Context) error {
	workspace := custom("PropensityWorkspace", "default", object{
		"workspaceID":       "bench",
		"rateLimit":         object{"requestsPerMinute": 100_000, "burst": 10_000},
		"concurrentCreates": 20,
		"dailyCreateBudget": maxAudiences,
	})
	return errors.Join(
		s.applyOne(ctx, "/api/v1/namespaces/"+namespace,
			object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": namespace}}),
		s.applyOne(ctx, "/api/v1/namespaces/"+namespace+"/secrets/propensity", object{
			"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": "propensity"},
			"stringData": object{"workspace_api_key": key},
		}),
		s.applyOne(ctx, group+"/propensityworkspaces/default", workspace),
	)
}

// startOperator starts the operator with the permissions of the chart's ServiceAccount and without this environment.
func (s *stage) startOperator(context.Context) (*operator, error) {
	o := &operator{started: time.Now()}
	env := []string{"KUBECONFIG=" + s.operatorKubeconfig(), "HOME=" + s.dir}
	var err error
	o.program, err = start(s.dir, "operator", env, filepath.Join(s.programs, "cluster"), "guard", "--", s.operator,
		"--api-url", s.simulator, "--allowed-hosts", "127.0.0.1", "--lease-namespace", system,
		"--listen", "127.0.0.1:0", "--log-format", "json")
	if err != nil {
		return nil, err
	}
	s.running = append(s.running, o.program)
	line, err := o.line(10 * time.Second)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Sscanf(line, "pid %d", &o.pid); err != nil {
		return nil, o.failed("printed no process id: " + line)
	}
	return o, nil
}

// waitConnected waits until the workspace is Ready, so that a measurement doesn't include the operator's start.
func (s *stage) waitConnected(ctx context.Context) error {
	for deadline := time.Now().Add(patience); ; {
		var workspace resource
		if err := s.call(ctx, http.MethodGet, group+"/propensityworkspaces/default", "", nil, &workspace); err != nil {
			return err
		}
		if workspace.isReady() {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the workspace isn't Ready: %s", workspace.reason())
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// apply applies all audiences, several at the same time.
func (s *stage) apply(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range appliers {
		workers.Go(func() {
			for number := range numbers {
				path, audience := s.audience(number)
				if err := s.applyOne(ctx, path, audience); err != nil {
					cancel(err)
				}
			}
		})
	}
	for number := range s.audiences {
		if ctx.Err() != nil {
			break
		}
		numbers <- number
	}
	close(numbers)
	workers.Wait()
	return context.Cause(ctx)
}

// object is a JSON object.
type object = map[string]any

func custom(kind, name string, spec object) object {
	return object{
		"apiVersion": "abm.propensity.com/v1alpha1", "kind": kind, "spec": spec,
		"metadata": object{"name": name, "namespace": namespace},
	}
}

// audience generates an audience: of people for an even number, of companies for an odd one. No two share a member.
func (s *stage) audience(number int) (path string, audience object) {
	members := make([]object, s.members)
	name := fmt.Sprintf("a%05d", number)
	for m := range members {
		tld := []string{"com", "org", "net", "edu"}[m%4]
		members[m] = object{"website": fmt.Sprintf("%s-%03d.example.%s", name, m, tld)}
		if number%2 == 0 {
			members[m]["firstName"] = fmt.Sprintf("Given %d", m)
			members[m]["lastName"] = "Family " + name
			members[m]["companyName"] = fmt.Sprintf("Company %d", m)
		}
	}
	if number%2 == 0 {
		return group + "/contactaudiences/" + name, custom("ContactAudience", name, object{"contacts": members})
	}
	return group + "/accountaudiences/" + name, custom("AccountAudience", name, object{"accounts": members})
}

// applyOne applies an object as `kubectl apply --server-side` does.
func (s *stage) applyOne(ctx context.Context, path string, applied object) error {
	return s.call(ctx, http.MethodPatch, path+"?fieldManager=bench&force=true", "application/apply-patch+yaml", applied, nil)
}

// call sends a request as an admin.
func (s *stage) call(ctx context.Context, method, path, contentType string, body object, answer any) error {
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, s.cluster.Server+path, reader)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+s.cluster.AdminToken)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return fetch(s.client, r, answer)
}

// simulatorState has the counts of the simulator.
type simulatorState struct {
	Requests  struct{ Total int }
	Audiences struct{ Stored, Duplicates int }
}

func (s *stage) simulatorState(ctx context.Context) (state simulatorState, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(s.simulator, "/")+"/_sim/state", nil)
	if err == nil {
		err = fetch(http.DefaultClient, r, &state)
	}
	return state, err
}

// fetch sends a request that must succeed, and decodes the answer unless answer is nil.
func fetch(client *http.Client, r *http.Request, answer any) error {
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %.500s", r.Method, r.URL.Path, response.Status, body)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(body, answer)
}

// pause waits, unless the context ends.
func pause(ctx context.Context, wait time.Duration) error {
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
