package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	testKey      = "canary-key-1"
	contactsPath = "/create_contact_audience"
	accountsPath = "/create_account_audience"
	oneAccount   = `{"accounts":[{"website":"example.com"}]}`
	oneContact   = `{"contacts":[{"linkedin_url":"https://www.linkedin.com/in/example"}]}`
	patience     = 10 * time.Second
)

type harness struct {
	*testing.T
	sim    *Simulator
	server *httptest.Server
}

func start(t *testing.T) *harness {
	t.Helper()
	store, err := OpenStore("")
	if err != nil {
		t.Fatal(err)
	}
	return startWith(t, store)
}

func startWith(t *testing.T, store *Store) *harness {
	t.Helper()
	sim := NewSimulator(store, []string{testKey}, 0, "")
	server := httptest.NewServer(sim)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return &harness{t, sim, server}
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (h *harness) request(ctx context.Context, method, path, key, body string) *http.Request {
	h.Helper()
	r, err := http.NewRequestWithContext(ctx, method, h.server.URL+path, strings.NewReader(body))
	if err != nil {
		h.Fatal(err)
	}
	if key != "" {
		r.Header[keyHeader] = []string{key} // the documented spelling, not Go's canonical one
	}
	r.Header.Set("Content-Type", wantContentType)
	return r
}

// do sends a request once. It follows no redirect and reuses no connection, because a fault may have broken it.
func (h *harness) do(r *http.Request) (answer, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	client := http.Client{
		Transport:     transport,
		Timeout:       patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(body)}, err
}

func (h *harness) post(path, body string) (answer, error) {
	h.Helper()
	return h.do(h.request(h.Context(), http.MethodPost, path, testKey, body))
}

func (h *harness) mustPost(path, body string, wantStatus int) answer {
	h.Helper()
	got, err := h.post(path, body)
	if err != nil {
		h.Fatal(err)
	}
	if got.status != wantStatus {
		h.Fatalf("POST %s: status %d, want %d: %.300s", path, got.status, wantStatus, got.body)
	}
	return got
}

// steer calls the admin API, expects success and decodes the answer into the value, unless it is nil.
func (h *harness) steer(method, path, body string, into any) {
	h.Helper()
	got, err := h.do(h.request(h.Context(), method, path, "", body))
	if err != nil {
		h.Fatal(err)
	}
	if got.status != http.StatusOK {
		h.Fatalf("%s %s: status %d: %s", method, path, got.status, got.body)
	}
	if into != nil {
		if err := json.Unmarshal([]byte(got.body), into); err != nil {
			h.Fatalf("%s %s: %v in %.300s", method, path, err, got.body)
		}
	}
}

func (h *harness) fault(text string) {
	h.Helper()
	h.steer(http.MethodPost, "/_sim/faults", text, nil)
}

func (h *harness) state() State {
	h.Helper()
	var state State
	h.steer(http.MethodGet, "/_sim/state", "", &state)
	return state
}

func (h *harness) wantStored(want int) {
	h.Helper()
	if got := h.state().Audiences.Stored; got != want {
		h.Fatalf("%d audiences stored, want %d", got, want)
	}
}

// lastAnswer waits until all requests have an answer line, and returns the last one.
func (h *harness) lastAnswer() *AnswerLine {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), patience)
	defer cancel()
	h.sim.store.Wait(ctx, func() bool {
		counts := h.sim.store.Counts()
		return counts.Requests.Total > 0 && counts.Requests.Unanswered == 0
	})
	if ctx.Err() != nil {
		h.Fatal("a request has no answer line")
	}
	var last *AnswerLine
	for _, l := range h.sim.store.Snapshot(0).Lines {
		if entry, isAnswer := l.(*AnswerLine); isAnswer {
			last = entry
		}
	}
	return last
}

// wantResults checks the documented format of an answer, and returns its message.
func wantResults(t *testing.T, got answer, wantError bool) string {
	t.Helper()
	var body struct {
		Results *struct {
			Error   *bool
			Message *string
		}
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(got.body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&body); err != nil || body.Results == nil || body.Results.Error == nil || body.Results.Message == nil {
		t.Fatalf("not in the documented format (%v): %.300s", err, got.body)
	}
	if *body.Results.Error != wantError {
		t.Fatalf("error is %v, want %v: %.300s", *body.Results.Error, wantError, got.body)
	}
	return *body.Results.Message
}

func accountNo(i int) string { return fmt.Sprintf(`{"accounts":[{"website":"%d.example.com"}]}`, i) }
