package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFaultsForReports(t *testing.T) {
	isRows := func(t *testing.T, got answer) { rowsOf(t, engagement, got.body) }
	for _, c := range []struct {
		fault  string
		status int
		check  func(t *testing.T, got answer)
	}{
		{`{"fault":"delay","delayMs":20}`, 200, isRows},
		{`{"fault":"slow","delayMs":1}`, 200, isRows},
		{`{"fault":"oversized","sizeBytes":300000}`, 200, func(t *testing.T, got answer) {
			isRows(t, got)
			if len(got.body) < 300000 || len(got.body) > 310000 {
				t.Errorf("%d bytes", len(got.body))
			}
		}},
		{`{"fault":"status","status":503}`, 503, contains("<html>")},
		{`{"fault":"errorTrue"}`, 200, isResults(true)},
		{`{"fault":"garbage"}`, 200, contains("<title>")},
		{`{"fault":"empty"}`, 200, isEmpty},
		{`{"fault":"rateLimited","retryAfter":7}`, 429, hasHeader("Retry-After", "7")},
		{`{"fault":"redirect","location":"http://elsewhere.example/"}`, 307, hasHeader("Location", "http://elsewhere.example/")},
		{`{"fault":"echo","status":500}`, 500, contains(reportsPath)},
	} {
		for _, endpoint := range []string{reports, engagement} {
			t.Run(endpoint+c.fault, func(t *testing.T) {
				h := start(t)
				h.set(`{"rows":2}`)
				h.fault(strings.Replace(c.fault, "{", `{"endpoint":"`+endpoint+`",`, 1))
				c.check(t, h.mustGet(h.reportPath(engagement), c.status))
				if logged := h.lastAnswer(); logged.Status != c.status || logged.Fault == "" || logged.Stored {
					t.Errorf("logged as %+v", logged)
				}
				h.mustPost(accountsPath, oneAccount, 200)
			})
		}
	}
}

func TestFaultsAffectOnlyTheirEndpoint(t *testing.T) {
	h := start(t)
	path := h.reportPath(engagement)
	h.fault(`[{"fault":"empty"},{"fault":"status","status":500,"endpoint":"asset_analytics"}]`)
	rowsOf(t, engagement, h.mustGet(path, 200).body)
	h.mustGet(h.reportPath("asset_analytics"), 500)
	isEmpty(t, h.mustPost(accountsPath, oneAccount, 200))

	for fault, message := range map[string]string{
		`{"fault":"storeThenStatus","status":503,"endpoint":"reports"}`:   "isn't for reports",
		`{"fault":"closeAfterStoring","endpoint":"account_engagement"}`:   "isn't for reports",
		`{"fault":"empty","store":true,"endpoint":"reports"}`:             `takes no "store"`,
		`{"fault":"delay","store":false,"endpoint":"account_engagement"}`: `takes no "store"`,
	} {
		got, err := h.do(h.request(t.Context(), http.MethodPost, "/_sim/faults", "", fault))
		if err != nil || got.status != 400 || !strings.Contains(got.body, strings.ReplaceAll(message, `"`, `\"`)) {
			t.Errorf("%s: %d %s (%v)", fault, got.status, got.body, err)
		}
	}
}

func TestBrokenReports(t *testing.T) {
	h := start(t)
	for _, name := range []string{engagement, "contact_engagement", "asset_analytics"} {
		path := h.reportPath(name)
		h.fault(`{"fault":"truncated","endpoint":"reports","times":1}`)
		got, err := h.get(path)
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: truncated, but %v", name, err)
		}
		rowsOf(t, name, got.body) // the received part is a complete report, so a client must check the length

		h.fault(`{"fault":"endless","endpoint":"reports","times":1}`)
		response, err := http.DefaultTransport.RoundTrip(h.request(t.Context(), http.MethodGet, path, testKey, ""))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
		response.Body.Close()
		if err != nil || len(text) != 1<<20 || response.Header.Get("Content-Type") != reportShapes[name].contentType {
			t.Errorf("%s: the answer ended (%v)", name, err)
		}
		whole, _, _ := strings.Cut(string(text[len(text)-1000:]), "\n") // in these three, each row is a line
		last := len(text) - 1000 + len(whole)
		rowsOf(t, name, strings.TrimSuffix(string(text[:last]), ",")+reportShapes[name].form.close)
	}

	h.fault(`{"fault":"closeBeforeReading","endpoint":"reports","times":1}`)
	if _, err := h.get(h.reportPath(engagement)); !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("not closed, but %v", err)
	}
}

func TestHeldReports(t *testing.T) {
	for release, want := range map[string]int{"": 200, `{"status":206}`: 206, `{"status":503}`: 503} {
		h := start(t)
		path := h.reportPath(engagement)
		h.fault(`{"fault":"hold","endpoint":"reports","times":1}`)
		answers := make(chan answer, 1)
		go func() {
			got, _ := h.get(path)
			answers <- got
		}()
		h.wantHeld(1)
		h.steer(http.MethodPost, "/_sim/release", release, nil)
		got := <-answers
		if got.status != want {
			t.Errorf("%s: answered %d", release, got.status)
		} else if want == 503 {
			wantResults(t, got, true)
		} else {
			rowsOf(t, engagement, got.body)
		}
	}
}

func TestReportsCountTowardTheRateLimit(t *testing.T) {
	h := start(t)
	now := time.Now()
	h.sim.now = func() time.Time { return now }
	path := h.reportPath(engagement)
	h.steer(http.MethodPost, "/_sim/limit", `{"requestsPerMinute":6,"burst":3,"retryAfter":true}`, nil)
	h.mustGet(path, 200)
	h.mustPost(accountsPath, oneAccount, 200)
	h.mustGet(reportsPath+"dead/"+engagement, 404)
	if got := h.mustGet(path, 429).header.Get("Retry-After"); got != "10" {
		t.Errorf("Retry-After %q", got)
	}
	h.mustPost(accountsPath, oneAccount, 429)
}

func TestTheLogContainsReportsWithoutTokens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.jsonl")
	store, err := OpenStore(path)
	if err != nil {
		t.Fatal(err)
	}
	h := startWith(t, store)
	old := h.reportPath(engagement)
	token := strings.Split(old, "/")[2]
	h.mustGet(old+"?from=2026-01-01&x=a%20b", 200)
	h.steer(http.MethodPost, "/_sim/reports/rotate", "", nil)
	h.mustGet(old, 404)
	h.fault(`{"fault":"redirect","endpoint":"reports","times":1}`)
	if got := h.mustGet(old, 307).header.Get("Location"); got != "/moved"+old {
		t.Errorf("redirected to %s", got)
	}
	for _, astray := range []string{
		"/moved" + old, "/" + old, old + "/x", reportsPath + token, "/" + token, reportsPath + strings.ToUpper(token) + "/nothing", reportsPath + token[:20] + "/nothing",
	} {
		h.mustGet(astray, 404)
	}
	h.mustGet(h.reportPath("asset_analytics")+"?token="+token, 200)

	state := h.state()
	if got := state.Reports[engagement]; got != (ReportCounts{3, 2}) || len(state.Reports) != 9 {
		t.Errorf("counted %+v", state.Reports)
	}
	if state.Reports["asset_analytics"] != (ReportCounts{1, 0}) || state.Requests.ByEndpoint[reports] != 4 || state.Requests.ByStatus[reports]["307"] != 1 {
		t.Errorf("counted %+v", state)
	}
	first := store.Snapshot(0).Requests[0]
	if first.Path != reportsPath+"-/"+engagement || first.Report != engagement || first.Query != "from=2026-01-01&x=a%20b" || first.Endpoint != reports {
		t.Errorf("logged as %+v", first)
	}
	page := h.mustGet("/", 200).body
	if want := "GET /reports/-/account_engagement?from=2026-01-01&amp;x=a%20b"; !strings.Contains(page, want) {
		t.Errorf("the page lacks %q", want)
	}
	store.Close()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.ToLower(string(text) + page); strings.Contains(got, token[:20]) || len(text) == 0 {
		t.Errorf("a token is in the log or on the page")
	}
	if store, err = OpenStore(path); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if got := store.Counts(); fmt.Sprint(got.Reports) != fmt.Sprint(state.Reports) {
		t.Errorf("a replay counts %+v", got.Reports)
	}
}
