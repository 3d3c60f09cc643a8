package main

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// chart returns the dashboard of the Helm chart.
func chart(t *testing.T) dashboard {
	t.Helper()
	path, err := ownDashboard()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	board, err := parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return board
}

func TestPanelsOfTheChartAreComplete(t *testing.T) {
	board := chart(t)
	if board.UID == "" || board.SchemaVersion < 39 {
		t.Errorf("uid %q, schema %d", board.UID, board.SchemaVersion)
	}
	ids, titles := map[int]bool{}, map[string]bool{}
	for _, p := range board.flat() {
		if p.ID == 0 || ids[p.ID] || p.Title == "" || p.Type != "row" && titles[p.Title] {
			t.Errorf("panel %d %q: its id or title is missing or not unique", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" {
			titles[p.Title] = true
		}
		if p.Type == "row" || p.Type == "text" {
			continue
		}
		if p.Description == "" || len(p.Targets) == 0 {
			t.Errorf("panel %q has no description or no query", p.Title)
		}
		sources := []*datasource{p.Datasource}
		for _, q := range p.Targets {
			sources = append(sources, q.Datasource)
		}
		for _, s := range sources {
			if s == nil || s.Type != "prometheus" || s.UID != "${datasource}" {
				t.Errorf("panel %q: its data source is not the variable: %+v", p.Title, s)
			}
		}
	}
}

func TestPanelsOfTheChartDoNotOverlap(t *testing.T) {
	taken := map[[2]int]string{}
	for _, p := range chart(t).flat() {
		g := p.GridPos
		if g.W < 1 || g.H < 1 || g.X < 0 || g.X+g.W > 24 {
			t.Errorf("panel %q is outside of the grid: %+v", p.Title, g)
		}
		for x := g.X; x < g.X+g.W; x++ {
			for y := g.Y; y < g.Y+g.H; y++ {
				if other, is := taken[[2]int{x, y}]; is {
					t.Fatalf("panel %q overlaps %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

func TestQueriesOfTheChartFilterByTheSelection(t *testing.T) {
	queries, err := chart(t).queries(nil, times{now: time.Now(), span: time.Hour, rate: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queries {
		if strings.HasPrefix(q.panel, "variable ") {
			continue
		}
		for _, of := range []string{"propensity_report_", "propensity_audience_"} {
			if strings.Contains(q.expr, of) && !strings.Contains(q.expr, `namespace=~"$namespace", report=~"$report"`) {
				t.Errorf("panel %q, query %s shows reports that were not selected", q.panel, q.ref)
			}
		}
		if strings.Contains(q.expr, "propensity_operator_workspace_") && !strings.Contains(q.expr, `namespace=~"$namespace"`) {
			t.Errorf("panel %q, query %s shows workspaces that were not selected", q.panel, q.ref)
		}
	}
}

// The names in the text panel are those that the queries use.
func TestTheTextPanelListsTheMetricsInUse(t *testing.T) {
	var used, listed []string
	for _, p := range chart(t).flat() {
		for _, q := range p.Targets {
			for _, found := range regexp.MustCompile(`metric="([a-z_]+)"`).FindAllStringSubmatch(q.Expr, -1) {
				used = append(used, found[1])
			}
		}
		if p.Type == "text" {
			var options struct{ Content string }
			if err := json.Unmarshal(p.Options, &options); err != nil {
				t.Fatal(err)
			}
			for _, found := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(options.Content, -1) {
				listed = append(listed, found[1])
			}
		}
	}
	slices.Sort(used)
	slices.Sort(listed)
	if used = slices.Compact(used); !slices.Equal(used, listed) {
		t.Errorf("the queries use %v, the text lists %v", used, listed)
	}
}
