package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const small = `{
  "title": "Small",
  "templating": {"list": [
    {"type": "datasource", "name": "datasource", "query": "prometheus"},
    {"type": "query", "name": "namespace", "query": {"query": "label_values(up{job=\"x\"}, namespace)"}},
    {"type": "query", "name": "job", "query": "label_values(job)", "allValue": ".+"},
    {"type": "query", "name": "top", "query": "query_result(topk(1, up))"},
    {"type": "custom", "name": "quantile", "query": "0.95"}
  ]},
  "panels": [
    {"type": "text", "title": "Text"},
    {"type": "timeseries", "title": "Rate", "targets": [{"refId": "A", "expr": "rate(up{namespace=~\"$namespace\", job=~\"${job:regex}\"}[$__rate_interval]) * $quantile"}]},
    {"type": "row", "title": "Collapsed", "panels": [
      {"type": "stat", "title": "Now", "targets": [{"refId": "A", "expr": "up", "instant": true}, {"refId": "B", "expr": "fails(", "instant": true}]}
    ]}
  ]
}`

// server answers like Prometheus and records the requests.
func server(t *testing.T) (address string, asked func() []string) {
	t.Helper()
	var requests []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		text := r.URL.Path + " " + query.Get("query") + query.Get("match[]")
		if r.URL.Path == "/prometheus/api/v1/query_range" {
			text += " step " + query.Get("step")
		}
		requests = append(requests, text)
		answer := `{"status":"success","data":{"resultType":"vector","result":[{},{}]}}`
		switch {
		case strings.Contains(query.Get("query"), "fails("):
			w.WriteHeader(http.StatusBadRequest)
			answer = `{"status":"error","errorType":"bad_data","error":"unexpected end"}`
		case strings.Contains(query.Get("query"), "topk"):
			answer = `{"status":"success","data":{"resultType":"scalar","result":[1,"2"]},"warnings":["slow"],"infos":["odd"]}`
		case strings.Contains(r.URL.Path, "/label/"):
			answer = `{"status":"success","data":["a","b","c"]}`
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(s.Close)
	return s.URL + "/prometheus/", func() []string { return requests }
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dashboard.json")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func lines(t *testing.T, text string) []line {
	t.Helper()
	var all []line
	for decoder := json.NewDecoder(strings.NewReader(text)); decoder.More(); {
		var l line
		if err := decoder.Decode(&l); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

func TestEveryQueryIsRunAsGrafanaWould(t *testing.T) {
	address, asked := server(t)
	var out bytes.Buffer
	failed, err := run(t.Context(), []string{"--dashboard", file(t, small), "--prometheus", address, "--range", "2h", "--rate-interval", "90s"}, &out)
	if err != nil || failed != 1 {
		t.Fatalf("%d failed, %v", failed, err)
	}
	want := []string{
		`/prometheus/api/v1/label/namespace/values up{job="x"}`,
		`/prometheus/api/v1/label/job/values `,
		`/prometheus/api/v1/query topk(1, up)`,
		`/prometheus/api/v1/query_range rate(up{namespace=~".*", job=~".+"}[90s]) * 0.95 step 30s`,
		`/prometheus/api/v1/query up`,
		`/prometheus/api/v1/query fails(`,
	}
	if got := asked(); !slices.Equal(got, want) {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	printed := lines(t, out.String())
	if len(printed) != len(want) {
		t.Fatalf("%d lines:\n%s", len(printed), &out)
	}
	if l := printed[0]; l.Panel != "variable namespace" || l.Series != 3 || l.Error != nil {
		t.Errorf("line of a variable: %+v", l)
	}
	if l := printed[2]; l.Series != 1 || !slices.Equal(l.Warnings, []string{"slow", "odd"}) {
		t.Errorf("line of a scalar with warnings: %+v", l)
	}
	if l := printed[3]; l.Panel != "Rate" || l.Ref != "A" || l.Series != 2 || !strings.Contains(l.Expr, "$__rate_interval") {
		t.Errorf("line of a panel: %+v", l)
	}
	if l := printed[5]; l.Panel != "Now" || l.Error == nil || *l.Error != "bad_data: unexpected end" || l.Series != 0 {
		t.Errorf("line of a query that fails: %+v", l)
	}
	if !strings.Contains(out.String(), `"error":null,"warnings":[]`) {
		t.Errorf("error must be null and warnings an empty list:\n%s", &out)
	}
}

func TestAGivenVariableOverridesTheDefault(t *testing.T) {
	var out bytes.Buffer
	_, err := run(t.Context(), []string{"--dashboard", file(t, small), "--list", "--var", "namespace=a=b", "--var", "quantile=1"}, &out)
	if err != nil {
		t.Fatal(err)
	}
	if got := lines(t, out.String())[3].Query; got != `rate(up{namespace=~"a=b", job=~".+"}[60s]) * 1` {
		t.Errorf("got %s", got)
	}
}

func TestRulesContainEachQuery(t *testing.T) {
	var out bytes.Buffer
	if _, err := run(t.Context(), []string{"--dashboard", file(t, small), "--rules"}, &out); err != nil {
		t.Fatal(err)
	}
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct{ Record, Expr string }
		}
	}
	if err := json.Unmarshal(out.Bytes(), &rules); err != nil {
		t.Fatal(err)
	}
	// label_values(job) has no selector to parse.
	if len(rules.Groups) != 5 || rules.Groups[0].Rules[0].Expr != `up{job="x"}` || rules.Groups[4].Name != "Now, query B (6)" {
		t.Errorf("got %+v", rules.Groups)
	}
}

func TestInvalidInputIsReported(t *testing.T) {
	panel := func(expr string) string {
		return `{"panels": [{"title": "P", "targets": [{"refId": "A", "expr": "` + expr + `"}]}]}`
	}
	for name, test := range map[string]struct {
		text string
		args []string
		want string
	}{
		"not JSON":             {"{", []string{"--list"}, "not the JSON of a dashboard"},
		"no panel":             {"{}", []string{"--list"}, "without panels"},
		"an unknown variable":  {panel("up{a=~'$b'}"), []string{"--list"}, `panel "P", query A: no value for b`},
		"an empty query":       {panel(" "), []string{"--list"}, `panel "P", query A is empty`},
		"an unknown function":  {`{"panels": [{}], "templating": {"list": [{"type": "query", "name": "v", "query": "metrics(up)"}]}}`, []string{"--list"}, "variable v: neither label_values"},
		"nothing to do":        {small, nil, "one of --prometheus, --list and --rules"},
		"two things to do":     {small, []string{"--list", "--rules"}, "one of --prometheus, --list and --rules"},
		"an address":           {small, []string{"--prometheus", "localhost:9090"}, "--prometheus is an address"},
		"a variable's value":   {small, []string{"--list", "--var", "x"}, "NAME=VALUE"},
		"an argument too many": {small, []string{"--list", "more"}, "unexpected argument"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := run(t.Context(), append([]string{"--dashboard", file(t, test.text)}, test.args...), &bytes.Buffer{})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAnAnswerOfAnotherServerIsAnError(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	base, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client{base: base, timeout: time.Minute}.run(t.Context(), query{query: "up"}, times{now: time.Now(), span: time.Hour, rate: time.Minute})
	if err == nil || !strings.Contains(err.Error(), "404 Not Found, and not an answer of Prometheus") {
		t.Errorf("got %v", err)
	}
}
