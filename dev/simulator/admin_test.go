package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestAdminRejectsInvalidRequests(t *testing.T) {
	h := start(t)
	for _, c := range []struct{ method, path, body, message string }{
		{"POST", "/_sim/faults", ``, "JSON"},
		{"POST", "/_sim/faults", `7`, "number"},
		{"POST", "/_sim/faults", `{}`, "unknown fault"},
		{"POST", "/_sim/faults", `{"fault":"explode"}`, "there are closeAfterStoring, "},
		{"POST", "/_sim/faults", `{"fault":"delay","timse":1}`, `takes no "timse"`},
		{"POST", "/_sim/faults", `{"fault":"closeBeforeReading","store":true}`, `takes no "store"`},
		{"POST", "/_sim/faults", `{"fault":"status"}`, "needs a status"},
		{"POST", "/_sim/faults", `{"fault":"status","status":99}`, "from 200 to 599"},
		{"POST", "/_sim/faults", `{"fault":"redirect","status":200}`, "from 300 to 399"},
		{"POST", "/_sim/faults", `{"fault":"delay","times":-1}`, "negative"},
		{"POST", "/_sim/faults", `{"fault":"delay","endpoint":"audiences"}`, "endpoint is"},
		{"POST", "/_sim/faults", `{"fault":"rateLimited","retryAfter":"soon"}`, "retryAfter is"},
		{"POST", "/_sim/faults", `{"fault":"rateLimited","retryAfter":-1}`, "retryAfter is"},
		{"POST", "/_sim/faults", `{"fault":"oversized","sizeBytes":2000000000}`, "sizeBytes"},
		{"POST", "/_sim/faults", `[{"fault":"delay"},{"fault":"x"}]`, "fault 1: unknown"},
		{"DELETE", "/_sim/faults?id=9", ``, "no active fault 9"},
		{"POST", "/_sim/release", `{"status":1}`, "status"},
		{"POST", "/_sim/keys", `{"keys":[]}`, "at least one"},
		{"POST", "/_sim/keys", `{"keys":["a b "]}`, "a key must be"},
		{"POST", "/_sim/keys", `{"key":"x"}`, "unknown field"},
		{"POST", "/_sim/keys", `{"keys":["x"]} {}`, "more in the body"},
		{"POST", "/_sim/limit", `{"requestsPerMinute":-1}`, "negative"},
		{"POST", "/_sim/limit", `{"requestsPerMinute":1,"burst":0}`, "burst"},
		{"POST", "/_sim/delay", `{"delayMs":-1}`, "negative"},
		{"GET", "/_sim/log?since=x", ``, "since must be"},
		{"GET", "/_sim/requests?members=all", ``, "members must be"},
		{"GET", "/_sim/held?waitMs=-1", ``, "waitMs must be"},
	} {
		got, err := h.do(h.request(t.Context(), c.method, c.path, "", c.body))
		var view adminError
		if err != nil || got.status != 400 || json.Unmarshal([]byte(got.body), &view) != nil || !strings.Contains(view.Error, c.message) {
			t.Errorf("%s %s %s: %d %s (%v), want %q", c.method, c.path, c.body, got.status, got.body, err, c.message)
		}
	}
	if got := h.state().Faults; len(got) != 0 {
		t.Errorf("invalid requests added %d faults", len(got))
	}
	for path, want := range map[string]int{"/_sim/nothing": 404, "/_sim/release": 405} {
		if got, err := h.do(h.request(t.Context(), http.MethodGet, path, "", "")); err != nil || got.status != want {
			t.Errorf("GET %s: %d (%v), want %d", path, got.status, err, want)
		}
	}
	if got := h.state().Requests.Total; got != 0 {
		t.Errorf("requests to the admin API are in the log")
	}
}

func TestResetKeepsTheLog(t *testing.T) {
	h := start(t)
	h.mustPost(accountsPath, oneAccount, 200)
	h.fault(`{"fault":"empty"}`)
	h.steer(http.MethodPost, "/_sim/limit", `{"requestsPerMinute":1,"burst":1}`, nil)
	var state State
	h.steer(http.MethodPost, "/_sim/reset", "", &state)
	if len(state.Faults) != 0 || state.Limit != nil || state.Audiences.Stored != 1 || state.LastSeq != 3 {
		t.Fatalf("state %+v", state)
	}
}

func TestLogOrderAndFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.jsonl")
	store, err := OpenStore(path)
	if err != nil {
		t.Fatal(err)
	}
	h := startWith(t, store)
	h.mustPost(accountsPath, oneAccount, 200)
	h.fault(`{"fault":"closeAfterStoring","times":1}`)
	if _, err := h.post(contactsPath, oneContact); err == nil {
		t.Fatal("there was an answer")
	}
	h.mustPost(accountsPath, `{}`, 400)
	h.mustPost(accountsPath, oneAccount, 200)

	var lines []struct {
		Type    string
		Seq     int64
		Request int64
	}
	h.steer(http.MethodGet, "/_sim/log", "", &lines)
	var got []string
	for i, l := range lines {
		if l.Seq != int64(i+1) {
			t.Fatalf("line %d has the number %d", i+1, l.Seq)
		}
		got = append(got, fmt.Sprint(l.Type, " ", l.Request))
	}
	want := []string{"request 0", "audience 1", "answer 1", "request 0", "audience 4", "answer 4",
		"request 0", "answer 7", "request 0", "audience 9", "answer 9"}
	if !slices.Equal(got, want) {
		t.Fatalf("log %q\nwant %q", got, want)
	}
	h.steer(http.MethodGet, "/_sim/log?since=9", "", &lines)
	if len(lines) != 2 || lines[0].Seq != 10 {
		t.Fatalf("since 9: %+v", lines)
	}
	var requests []RequestView
	h.steer(http.MethodGet, "/_sim/requests?since=4", "", &requests)
	if len(requests) != 2 || requests[0].Answer.Status != 400 || requests[1].Members != nil || requests[1].MemberCount != 1 {
		t.Fatalf("since 4: %+v", requests)
	}
	h.steer(http.MethodGet, "/_sim/requests?members=true", "", &requests)
	if string(requests[0].Members) != `[{"website":"example.com"}]` || !slices.Contains(requests[0].HeaderNames, keyHeader) {
		t.Fatalf("with members: %+v", requests[0])
	}

	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "\n"); n != len(want) {
		t.Errorf("%d lines in the file", n)
	}
	if strings.Contains(string(text), testKey) {
		t.Error("the key is in the file")
	}
}

// A simulator that is killed and restarted continues from its file, without a line that was not completely written.
func TestReplay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.jsonl")
	store, err := OpenStore(path)
	if err != nil {
		t.Fatal(err)
	}
	h := startWith(t, store)
	h.mustPost(accountsPath, oneAccount, 200)
	h.mustPost(accountsPath, oneAccount, 200)
	before := h.state()
	store.Close()

	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(file, `{"type":"request","se`)
	file.Close()
	if store, err = OpenStore(path); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	h = startWith(t, store)
	after := h.state()
	if fmt.Sprint(after.Counts) != fmt.Sprint(before.Counts) {
		t.Fatalf("counts %+v, want %+v", after.Counts, before.Counts)
	}
	h.mustPost(accountsPath, oneAccount, 200)
	if got := h.state(); got.LastSeq != 9 || got.Audiences.Duplicates != 2 {
		t.Fatalf("continued with %+v", got.Counts)
	}
	store.Close()
	if store, err = OpenStore(path); err != nil {
		t.Fatal(err)
	}
	store.Close()

	if err := os.WriteFile(path, []byte("something else\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenStore(path); err == nil {
		t.Fatal("a file that is no log was accepted")
	}
}

// Tests rely on the log, so the simulator must not continue without it.
func TestUnwritableLog(t *testing.T) {
	store, err := OpenStore(filepath.Join(t.TempDir(), "log.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	h := startWith(t, store)
	store.Close()
	h.mustPost(accountsPath, oneAccount, http.StatusInsufficientStorage)
	h.wantStored(0)
}

func TestPage(t *testing.T) {
	h := start(t)
	h.mustPost(accountsPath, `{"accounts":[{"website":"<script>alert(1)</script>"},{"website":"b"},{"website":"c"},{"website":"d"}]}`, 200)
	h.mustPost(accountsPath, `{"accounts":[{"website":"c"},{"website":"b"},{"website":"d"},{"website":"<script>alert(1)</script>"}]}`, 200)
	h.fault(`{"fault":"rateLimited","retryAfter":5,"times":4}`)
	h.mustPost(contactsPath, oneContact, 429)
	h.steer(http.MethodPost, "/_sim/limit", `{"requestsPerMinute":60}`, nil)

	got, err := h.do(h.request(t.Context(), http.MethodGet, "/", "", ""))
	if err != nil || got.status != 200 {
		t.Fatalf("%d (%v)", got.status, err)
	}
	for _, want := range []string{
		"<b>2</b>audiences stored", "<b>1</b>duplicates", "<b>3</b>requests", "and 1 more", "&lt;script&gt;", "429, rateLimited",
		keyID(testKey), "retryAfter", `<td class="n">3</td>`, "60 requests a minute", "</html>",
	} {
		if !strings.Contains(got.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"<script", testKey, "ZgotmplZ"} {
		if strings.Contains(got.body, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}
