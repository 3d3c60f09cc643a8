package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

const engagement = "account_engagement"

// reportPath returns a report's secret URL, without the host.
func (h *harness) reportPath(name string) string {
	h.Helper()
	var view reportURLsView
	h.steer(http.MethodGet, "/_sim/reports", "", &view)
	path, found := strings.CutPrefix(view.Reports[name], h.server.URL)
	if !found || len(view.Reports) != 9 {
		h.Fatalf("the URLs are %v", view.Reports)
	}
	return path
}

func (h *harness) get(path string) (answer, error) {
	h.Helper()
	return h.do(h.request(h.Context(), http.MethodGet, path, testKey, ""))
}

func (h *harness) mustGet(path string, wantStatus int) answer {
	h.Helper()
	got, err := h.get(path)
	if err != nil || got.status != wantStatus {
		h.Fatalf("GET %s: status %d (%v), want %d: %.300s", path, got.status, err, wantStatus, got.body)
	}
	return got
}

func (h *harness) set(text string) reportSettingsView {
	h.Helper()
	var view reportSettingsView
	h.steer(http.MethodPost, "/_sim/reports", text, &view)
	return view
}

// rowsOf parses a report in its own format, and checks its columns.
func rowsOf(t *testing.T, name, body string) []map[string]any {
	t.Helper()
	rows := []map[string]any{}
	shape := reportShapes[name]
	var err error
	switch name {
	case "abm_roi_analytics":
		var wrapped struct {
			Meta    map[string]any
			Results struct{ Data []map[string]any }
		}
		err = json.Unmarshal([]byte(body), &wrapped)
		rows = wrapped.Results.Data
	case "campaign_pacing":
		var wrapped struct{ Rows []map[string]any }
		err = json.Unmarshal([]byte(body), &wrapped)
		rows = wrapped.Rows
	case "asset_analytics", "daily_abm_activities":
		for line := range strings.Lines(body) {
			row := map[string]any{}
			err = errors.Join(err, json.Unmarshal([]byte(line), &row))
			rows = append(rows, row)
		}
	case "contact_engagement", "daily_propensity_display_network_spend":
		var cells [][]string
		cells, err = csv.NewReader(strings.NewReader(body)).ReadAll()
		if err != nil || !slices.Equal(cells[0], shape.columns) {
			t.Fatalf("%s: header %q (%v)", name, cells, err)
		}
		for _, line := range cells[1:] {
			row := map[string]any{}
			for i, cell := range line {
				row[cells[0][i]] = cell
			}
			rows = append(rows, row)
		}
	default:
		err = json.Unmarshal([]byte(body), &rows)
	}
	if err != nil || rows == nil {
		t.Fatalf("%s: %v in %.300s", name, err, body)
	}
	for _, row := range rows {
		if got := slices.Sorted(maps.Keys(row)); !slices.Equal(got, slices.Sorted(slices.Values(shape.columns))) {
			t.Fatalf("%s: the columns are %q", name, got)
		}
	}
	return rows
}

func TestReportURLsAreSecretsThatRotate(t *testing.T) {
	h := start(t)
	old := map[string]string{}
	for name := range reportShapes {
		old[name] = h.reportPath(name)
		h.mustGet(old[name], 200)
	}
	h.steer(http.MethodPost, "/_sim/reports/rotate", `{"reports":["account_engagement"]}`, nil)
	wantResults(t, h.mustGet(old[engagement], 404), true)
	h.mustGet(h.reportPath(engagement), 200)
	h.mustGet(old["asset_analytics"], 200)

	var view reportURLsView
	h.steer(http.MethodPost, "/_sim/reports/rotate", "", &view)
	h.set(`{"goneStatus":401}`)
	h.set(`{"report":"account_engagement","goneStatus":403}`)
	tokens := map[string]bool{}
	for name, path := range old {
		want := 401
		if name == engagement {
			want = 403
		}
		h.mustGet(path, want)
		h.mustGet(h.reportPath(name), 200)
		tokens[strings.Split(path, "/")[2]] = true
		tokens[strings.Split(view.Reports[name], "/")[4]] = true
	}
	if len(tokens) != 18 {
		t.Errorf("%d different tokens", len(tokens))
	}
	// Neither another report's token nor half a URL opens a report.
	h.mustGet(strings.Replace(h.reportPath("asset_analytics"), "asset_analytics", engagement, 1), 403)
	h.mustGet(h.reportPath(engagement)+"/", 404)
	h.mustGet(reportsPath+engagement, 404)
	if got := h.mustPost(h.reportPath(engagement), "", 405).header.Get("Allow"); got != "GET" {
		t.Errorf("allows %q", got)
	}
}

func TestSeededTokensAreKnownInAdvance(t *testing.T) {
	one, same, different := newReportSet("demo"), newReportSet("demo"), newReportSet("other")
	for _, s := range []*reportSet{one, same, different} {
		s.rotate([]string{engagement})
	}
	if !maps.Equal(one.tokens, same.tokens) || one.tokens[engagement] == newReportSet("demo").tokens[engagement] {
		t.Error("the tokens don't depend only on seed and rotations")
	}
	for name, token := range one.tokens {
		if len(token) != 24 || token == different.tokens[name] {
			t.Errorf("%s has the token %s", name, token)
		}
	}
}

// HTTP/1.0 clients send no host, but also get URLs with a host.
func TestReportURLsHaveAHost(t *testing.T) {
	h := start(t)
	host := h.server.Listener.Addr().String()
	connection, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	fmt.Fprint(connection, "GET /_sim/reports HTTP/1.0\r\n\r\n")
	if got, err := io.ReadAll(connection); err != nil || strings.Count(string(got), "http://"+host+reportsPath) != 9 {
		t.Errorf("%s (%v)", got, err)
	}
}

// It isn't documented whether a key is needed, so all of these requests are answered.
func TestReportsIgnoreTheKey(t *testing.T) {
	h := start(t)
	path := h.reportPath(engagement)
	for _, key := range []string{"", "wrong", testKey} {
		if got, err := h.do(h.request(t.Context(), http.MethodGet, path, key, "")); err != nil || got.status != 200 {
			t.Errorf("key %q: %d (%v)", key, got.status, err)
		}
		requests := h.sim.store.Snapshot(0).Requests
		if last := requests[len(requests)-1]; last.KeyID != keyID(key) {
			t.Errorf("key %q is logged as %q", key, last.KeyID)
		}
	}
}

func TestEveryReportHasItsFormat(t *testing.T) {
	h := start(t)
	for name, shape := range reportShapes {
		path := h.reportPath(name)
		got := h.mustGet(path, 200)
		if rows := rowsOf(t, name, got.body); int64(len(rows)) != shape.rows || shape.rows == 0 {
			t.Errorf("%s: %d rows, want %d", name, len(rows), shape.rows)
		}
		if got := got.header.Get("Content-Type"); got != shape.contentType {
			t.Errorf("%s has the content type %s", name, got)
		}
		for _, want := range []int{0, 1, 1234} {
			h.set(fmt.Sprintf(`{"report":%q,"rows":%d}`, name, want))
			if rows := rowsOf(t, name, h.mustGet(path, 200).body); len(rows) != want {
				t.Errorf("%s: %d rows, want %d", name, len(rows), want)
			}
		}
	}
}

func TestValuesAreWrittenAsDocumented(t *testing.T) {
	for want, got := range map[string]string{
		"$0.05": dollars(5), "$1,234.50": dollars(123450), "$1,000,000.00": dollars(100000000), "-0.1": decimal(-1, 1),
		"12.5": decimal(125, 1), "0.45": decimal(45, 2), "999": thousands(999), "12,345": thousands(12345),
		`"\u0001\"\\\u003cü"`: string(appendText(nil, "\x01\"\\<ü")), `"a ""b"", c"`: string(appendCell(nil, `a "b", c`)),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestTheSameSeedGivesTheSameRows(t *testing.T) {
	h := start(t)
	noon := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	read := func(at time.Time, name string) string {
		h.sim.now = func() time.Time { return at }
		return h.mustGet(h.reportPath(name), 200).body
	}
	newest := map[string]string{
		"abm_campaign_summary": "", "asset_analytics": "", "contact_engagement": "11/20/2026",
		"account_engagement": "2026-11-20T00:00:00Z", "daily_abm_activities": "2026-11-20T00:00:00Z",
	}
	for name := range reportShapes {
		first := read(noon, name)
		if read(noon.Add(11*time.Hour), name) != first {
			t.Errorf("%s changes during a day", name)
		}
		today, known := newest[name]
		if !known {
			today = "2026-11-20"
		}
		if !strings.Contains(first, today) {
			t.Errorf("%s has no row of today: %.300s", name, first)
		}
		if strings.Count(first, "2026-11-20T") > strings.Count(first, "2026-11-20T00:00:00Z") {
			t.Errorf("%s has a time in the future: %.300s", name, first)
		}
		h.set(`{"seed":7}`)
		if read(noon, name) == first {
			t.Errorf("%s doesn't depend on the seed", name)
		}
		h.steer(http.MethodPost, "/_sim/reset", "", nil)
		if read(noon, name) != first {
			t.Errorf("%s isn't the same after a reset", name)
		}
	}
}

func TestReportsHaveRowsAboutTheExamples(t *testing.T) {
	h := start(t)
	domains := map[string]bool{}
	spellings := map[string]bool{}
	for _, row := range rowsOf(t, engagement, h.mustGet(h.reportPath(engagement), 200).body) {
		spelling, _ := row["Account Domain"].(string)
		spellings[spelling] = true
		_, host, found := strings.Cut(spelling, "://")
		if !found {
			host = spelling
		}
		domains[strings.TrimPrefix(strings.ToLower(strings.Trim(host, "/")), "www.")] = true
	}
	for _, want := range []string{"example.com", "example.org", "research.example.com", "labs.example.org", "studio.example.net"} {
		if !domains[want] {
			t.Errorf("%s isn't engaged", want)
		}
	}
	if len(spellings) <= len(domains) {
		t.Errorf("%d spellings of %d domains", len(spellings), len(domains))
	}
	people := h.mustGet(h.reportPath("contact_engagement"), 200).body
	for _, want := range []string{
		"Ada,Lovelace,Analytical Engines,", "Charles,Babbage,,charles@example.com,", ",https://www.linkedin.com/in/example,",
		`"Wicker, Reed and Sons"`,
	} {
		if !strings.Contains(people, want) {
			t.Errorf("%s isn't among the people", want)
		}
	}
}

func TestPagesOfAReport(t *testing.T) {
	h := start(t)
	for name := range reportShapes {
		path := h.reportPath(name)
		h.set(fmt.Sprintf(`{"report":%q,"rows":250}`, name))
		all := rowsOf(t, name, h.mustGet(path, 200).body)
		for query, want := range map[string][2]int{
			"page=1": {0, 100}, "page=3": {200, 250}, "page=2&per_page=30": {30, 60}, "per_page=7": {0, 7},
			"page=4": {250, 250}, "offset=240": {240, 250}, "limit=5": {0, 5}, "offset=10&limit=20": {10, 30},
			"offset=250&limit=20": {250, 250}, "limit=0": {0, 0}, "since=2026-01-01&x=%20": {0, 250},
			"page=2147483647&per_page=2147483647": {250, 250},
		} {
			rows := rowsOf(t, name, h.mustGet(path+"?"+query, 200).body)
			if fmt.Sprint(rows) != fmt.Sprint(all[want[0]:want[1]]) {
				t.Errorf("%s?%s: %d rows, not those from %d to %d", name, query, len(rows), want[0], want[1])
			}
		}
	}
	for _, query := range []string{"page=0", "per_page=0", "page=x", "offset=-1", "page=1&limit=3"} {
		wantResults(t, h.mustGet(h.reportPath(engagement)+"?"+query, 400), true)
	}
}

func TestReportSettings(t *testing.T) {
	h := start(t)
	path, people := h.reportPath(engagement), h.reportPath("contact_engagement")
	view := h.set(`{"report":"account_engagement","body":"<b>no</b>","status":202,"contentType":"text/html"}`)
	if got := view.Settings[engagement]; len(view.Settings) != 9 || *got.Body != "<b>no</b>" || got.Rows != 40 || got.Seed != 1 || got.GoneStatus != 404 {
		t.Fatalf("settings %+v", view)
	}
	if got := h.mustGet(path+"?page=0", 202); got.body != "<b>no</b>" || got.header.Get("Content-Type") != "text/html" {
		t.Errorf("answered %+v", got)
	}
	h.set(`{"report":"account_engagement","rows":3}`)
	if rows := rowsOf(t, engagement, h.mustGet(path, 200).body); len(rows) != 3 {
		t.Errorf("%d rows after a body", len(rows))
	}

	h.set(`{"rows":5,"domains":["A.example","b \"x\".example"],"people":[{"firstName":"A, B","email":"a@a.example"},{"linkedinUrl":"x"}]}`)
	for _, name := range []string{engagement, "daily_abm_activities", "website_analytics"} {
		rows := rowsOf(t, name, h.mustGet(h.reportPath(name), 200).body)
		column := reportShapes[name].columns[0]
		if name == "daily_abm_activities" {
			column = "account"
		}
		for i, row := range rows {
			if want := []string{"A.example", `b "x".example`}[i%2]; len(rows) != 5 || row[column] != want {
				t.Errorf("%s: row %d is %v", name, i, row)
			}
		}
	}
	rows := rowsOf(t, "contact_engagement", h.mustGet(people, 200).body)
	if len(rows) != 5 || rows[2]["First Name"] != "A, B" || rows[2]["Company"] != "" || rows[3]["LinkedIn URL"] != "x" {
		t.Errorf("people %v", rows)
	}
	h.set(`{"domains":[],"people":[]}`)
	if !strings.Contains(h.mustGet(people, 200).body, "Lovelace") || !strings.Contains(h.mustGet(path, 200).body, "xample.com") {
		t.Error("the built-in domains and people aren't restored")
	}

	h.set(`{"report":"account_engagement","delayMs":30}`)
	began := time.Now()
	h.mustGet(path, 200)
	if took := time.Since(began); took < 30*time.Millisecond {
		t.Errorf("answered after %s", took)
	}
	h.steer(http.MethodPost, "/_sim/reset", "", nil)
	if got := h.set(`{}`).Settings[engagement]; got.DelayMs != 0 || got.Rows != 40 || got.ContentType != "application/json" {
		t.Errorf("after a reset %+v", got)
	}
	h.mustGet(path, 200)
}

func TestReportSettingsAreStrict(t *testing.T) {
	h := start(t)
	before := h.set(`{}`)
	for _, c := range []struct{ path, body, message string }{
		{"", ``, "EOF"},
		{"", `{"row":1}`, "unknown field"},
		{"", `{"report":"reports"}`, "there are abm_campaign_summary, "},
		{"", `{"rows":-1}`, "rows must be"},
		{"", `{"rows":1000000001}`, "rows must be"},
		{"", `{"seed":-1}`, "cannot unmarshal"},
		{"", `{"goneStatus":500}`, "goneStatus is"},
		{"", `{"delayMs":-1}`, "delayMs must"},
		{"", `{"contentType":""}`, "contentType must"},
		{"", `{"contentType":"a\nb"}`, "contentType must"},
		{"", `{"rows":1,"body":""}`, "not both"},
		{"", `{"rows":1,"status":500}`, "status goes with a body"},
		{"", `{"body":"","status":99}`, "from 200 to 599"},
		{"", `{"report":"asset_analytics","domains":["a.example"]}`, "contain no domains"},
		{"", `{"report":"account_engagement","people":[]}`, "contain no people"},
		{"", `{"people":[{"name":"A"}]}`, "unknown field"},
		{"/rotate", `{"report":"account_engagement"}`, "unknown field"},
		{"/rotate", `{"reports":["account_engagement","x"]}`, "unknown report"},
	} {
		got, err := h.do(h.request(t.Context(), http.MethodPost, "/_sim/reports"+c.path, "", c.body))
		if err != nil || got.status != 400 || !strings.Contains(got.body, c.message) {
			t.Errorf("%s %s: %d %s (%v), want %q", c.path, c.body, got.status, got.body, err, c.message)
		}
	}
	if after := h.set(`{}`); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("invalid requests changed the settings to %+v", after)
	}
}

// Rows are generated as they are sent, so their number doesn't affect memory use.
func TestManyRows(t *testing.T) {
	h := start(t)
	const rows = 200_000
	h.set(fmt.Sprintf(`{"rows":%d}`, rows))
	for _, name := range []string{engagement, "contact_engagement"} {
		ctx, cancel := context.WithTimeout(t.Context(), 6*patience)
		defer cancel()
		response, err := http.DefaultTransport.RoundTrip(h.request(ctx, http.MethodGet, h.reportPath(name), testKey, ""))
		if err != nil {
			t.Fatal(err)
		}
		var peak uint64
		lines := 0
		buffer := make([]byte, chunkSize)
		for reads := 0; err == nil; reads++ {
			var n int
			n, err = response.Body.Read(buffer)
			lines += strings.Count(string(buffer[:n]), "\n")
			if reads%100 == 0 {
				var memory runtime.MemStats
				runtime.ReadMemStats(&memory)
				peak = max(peak, memory.HeapAlloc)
			}
		}
		response.Body.Close()
		if want := rows + 1; !errors.Is(err, io.EOF) || lines != want && name != engagement || lines < rows {
			t.Errorf("%s: %d lines (%v)", name, lines, err)
		}
		if peak > 32<<20 {
			t.Errorf("%s: %d bytes in use", name, peak)
		}
	}
}

func BenchmarkRows(b *testing.B) {
	for name, shape := range reportShapes {
		b.Run(name, func(b *testing.B) {
			stream := rowStream{shape: shape, settings: ReportSettings{Seed: 1}, to: int64(b.N), today: time.Unix(0, 0).UTC()}
			_ = stream.writeTo(io.Discard)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
