package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

const (
	// pollEvery is the interval for reading the audit log and the state of the simulator. They are on the same machine
	// as the measured processes, and reading uses CPU time.
	pollEvery  = 500 * time.Millisecond
	printEvery = 3 * time.Second
	// quiet is the time without requests after which the operator counts as idle.
	quiet = 3 * time.Second
	// observed is the minimum time for which a restarted operator is observed.
	observed = 10 * time.Second
)

// resource has the fields of a custom resource that are used here.
type resource struct {
	Metadata struct{ Name string }
	Status   struct {
		Members    struct{ ToSend int }
		Conditions []struct{ Type, Status, Reason, Message string }
	}
}

func (r *resource) isReady() bool {
	for _, c := range r.Status.Conditions {
		if c.Type == "Ready" {
			return c.Status == "True"
		}
	}
	return false
}

func (r *resource) reason() string {
	for _, c := range r.Status.Conditions {
		if c.Type == "Ready" {
			return c.Reason + ": " + c.Message
		}
	}
	return "no condition yet"
}

// waitReady waits until all audiences are Ready and the operator is idle. It returns the time of the last status. The
// objects are read only when they should be Ready, because reading them all the time would affect the measurement.
func (s *stage) waitReady(ctx context.Context, started time.Time, operator *operator) (time.Time, error) {
	progress, printed := time.Now(), time.Now()
	before := 0
	for {
		if err := s.audit.read(); err != nil {
			return time.Time{}, err
		}
		state, err := s.simulatorState(ctx)
		if err != nil {
			return time.Time{}, err
		}
		requests := s.audit.since(started)
		if done := state.Requests.Total + len(requests); done != before {
			before, progress = done, time.Now()
		}
		if time.Since(printed) >= printEvery {
			printed = time.Now()
			logf("%4.0f s: %s of %s created, %s requests to the API server", time.Since(started).Seconds(),
				count(state.Audiences.Stored), count(s.audiences), count(len(requests)))
		}
		last := lastAnswer(requests, func(r request) bool { return !r.isWatch() })
		if state.Audiences.Stored >= s.audiences && time.Since(last) >= quiet {
			missing, example, err := s.notReady(ctx)
			if err != nil {
				return time.Time{}, err
			}
			if missing == 0 {
				return lastAnswer(requests, request.isAudienceStatus), nil
			}
			if time.Since(progress) >= patience {
				return time.Time{}, operator.failed(fmt.Sprintf("is idle, and %d audiences aren't Ready, such as %s", missing, example))
			}
		}
		if time.Since(progress) >= patience {
			_, example, err := s.notReady(ctx)
			if err != nil {
				return time.Time{}, err
			}
			return time.Time{}, operator.failed(fmt.Sprintf("did nothing for %s, with %d of %d audiences created; not Ready: %s",
				patience, state.Audiences.Stored, s.audiences, example))
		}
		if err := pause(ctx, pollEvery); err != nil {
			return time.Time{}, err
		}
	}
}

// notReady counts the audiences that aren't Ready with all their members, and describes one.
func (s *stage) notReady(ctx context.Context) (missing int, example string, err error) {
	ready := 0
	for _, plural := range []string{"contactaudiences", "accountaudiences"} {
		for next := ""; ; {
			var page struct {
				Metadata struct{ Continue string }
				Items    []resource
			}
			path := fmt.Sprintf("%s/%s?limit=250&continue=%s", group, plural, url.QueryEscape(next))
			if err := s.call(ctx, http.MethodGet, path, "", nil, &page); err != nil {
				return 0, "", err
			}
			for _, item := range page.Items {
				if item.isReady() && item.Status.Members.ToSend == s.members {
					ready++
				} else {
					example = fmt.Sprintf("%s (%d members, %s)", item.Metadata.Name, item.Status.Members.ToSend, item.reason())
				}
			}
			if next = page.Metadata.Continue; next == "" {
				break
			}
		}
	}
	return s.audiences - ready, example, nil
}

// serverCPU is the CPU time of etcd and the API server so far, in seconds.
func (s *stage) serverCPU() float64 {
	var sum float64
	for _, pid := range []int{s.cluster.EtcdPid, s.cluster.APIServerPid} {
		// If a server has ended, the measurement fails anyway.
		u, _ := usageOf(pid)
		sum += u.cpu
	}
	return sum
}

// section returns the results of a measurement of creates. servers is the servers' CPU time at its start.
func (s *stage) section(title string, started, last time.Time, operator *operator, servers float64) (section, error) {
	used, err := usageOf(operator.pid)
	if err != nil {
		return section{}, err
	}
	state, err := s.simulatorState(context.Background())
	if err != nil {
		return section{}, err
	}
	requests := s.audit.since(started)
	took := last.Sub(started)
	n := float64(s.audiences)

	var t section
	t.title = title
	t.add("seconds to the last Ready", seconds(took), perThousand(s.audiences))
	t.add("audiences a second", fmt.Sprintf("%.0f", n/took.Seconds()), "")
	t.check("POSTs", state.Requests.Total, s.audiences)
	t.check("duplicates", state.Audiences.Duplicates, 0)
	counted, rows := byKind(requests)
	t.add("API-server requests an audience", fmt.Sprintf("%.2f", float64(counted)/n), "6")
	for _, row := range rows {
		t.add("  "+row.name, fmt.Sprintf("%.2f", float64(row.count)/n), "")
	}
	t.add("peak memory, MiB", fmt.Sprintf("%.1f", used.peak), memoryAim(s.audiences))
	t.add("memory afterwards, MiB", fmt.Sprintf("%.1f", used.resident), "")
	t.add("CPU seconds of the operator", fmt.Sprintf("%.2f", used.cpu), "")
	t.add("CPU seconds of API server and etcd", fmt.Sprintf("%.2f", s.serverCPU()-servers), "")
	return t, nil
}

// restart starts the operator when there is nothing to do, and counts what it does anyway.
func (s *stage) restart(ctx context.Context) (section, error) {
	before, err := s.simulatorState(ctx)
	if err != nil {
		return section{}, err
	}
	operator, err := s.startOperator(ctx)
	if err != nil {
		return section{}, err
	}
	var requests []request
	var last time.Time
	for {
		if err := pause(ctx, pollEvery); err != nil {
			return section{}, err
		}
		if err := s.audit.read(); err != nil {
			return section{}, err
		}
		requests = s.audit.since(operator.started)
		last = lastAnswer(requests, func(request) bool { return true })
		if time.Since(operator.started) >= observed && time.Since(last) >= quiet {
			break
		}
		if time.Since(operator.started) >= patience {
			return section{}, operator.failed("isn't idle within " + patience.String())
		}
	}
	if last.IsZero() {
		return section{}, operator.failed("sent no request to the API server")
	}
	used, err := usageOf(operator.pid)
	if err != nil {
		return section{}, err
	}
	after, err := s.simulatorState(ctx)
	if err != nil {
		return section{}, err
	}
	writes := 0
	for _, r := range requests {
		if !r.isRead() {
			writes++
		}
	}
	var t section
	t.title = "restarted with all of them"
	t.check("POSTs", after.Requests.Total-before.Requests.Total, 0)
	t.check("writes", writes, 0)
	counted, rows := byKind(requests)
	t.add("reads", count(counted-writes), "")
	for _, row := range rows {
		t.add("  "+row.name, count(row.count), "")
	}
	t.add("seconds until idle", seconds(last.Sub(operator.started)), "2")
	t.add("peak memory, MiB", fmt.Sprintf("%.1f", used.peak), memoryAim(s.audiences))
	t.add("memory afterwards, MiB", fmt.Sprintf("%.1f", used.resident), "")
	t.add("CPU seconds of the operator", fmt.Sprintf("%.2f", used.cpu), "")
	return t, operator.stop()
}
