package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// dashboard has the fields of Grafana's model that are used here.
type dashboard struct {
	Title         string  `json:"title"`
	UID           string  `json:"uid"`
	SchemaVersion int     `json:"schemaVersion"`
	Panels        []panel `json:"panels"`
	Templating    struct {
		List []variable `json:"list"`
	} `json:"templating"`
}

type panel struct {
	ID          int             `json:"id"`
	Type        string          `json:"type"`
	Title       string          `json:"title"`
	Description string          `json:"description"`
	Datasource  *datasource     `json:"datasource"`
	GridPos     gridPos         `json:"gridPos"`
	Targets     []target        `json:"targets"`
	Options     json.RawMessage `json:"options"`
	// A collapsed row contains its panels.
	Panels []panel `json:"panels"`
}

type gridPos struct{ X, Y, W, H int }

type target struct {
	RefID      string      `json:"refId"`
	Expr       string      `json:"expr"`
	Instant    bool        `json:"instant"`
	Datasource *datasource `json:"datasource"`
}

type datasource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

type variable struct {
	Name     string    `json:"name"`
	Type     string    `json:"type"`
	Query    queryText `json:"query"`
	AllValue string    `json:"allValue"`
}

// queryText is a variable's query: a string, or an object that contains it.
type queryText string

func (q *queryText) UnmarshalJSON(text []byte) error {
	var plain string
	if json.Unmarshal(text, &plain) == nil {
		*q = queryText(plain)
		return nil
	}
	var object struct {
		Query string `json:"query"`
	}
	if err := json.Unmarshal(text, &object); err != nil {
		return err
	}
	*q = queryText(object.Query)
	return nil
}

func parse(text []byte) (dashboard, error) {
	var board dashboard
	if err := json.Unmarshal(text, &board); err != nil {
		return board, fmt.Errorf("not the JSON of a dashboard: %w", err)
	}
	if len(board.flat()) == 0 {
		return board, errors.New("a dashboard without panels")
	}
	return board, nil
}

// flat returns all panels, including those in rows.
func (d dashboard) flat() []panel {
	var all []panel
	var add func([]panel)
	add = func(panels []panel) {
		for _, p := range panels {
			all = append(all, p)
			add(p.Panels)
		}
	}
	add(d.Panels)
	return all
}

// query is a query that Grafana would send.
type query struct {
	panel, ref string
	expr       string // as in the dashboard
	query      string // with the variables' values
	how        how
	label      string // for labelValues: the label
	selector   string // for labelValues: the selector of series; empty: all
}

type how int

const (
	overRange how = iota
	instant
	labelValues
)

// promQL returns the part of the query that is PromQL.
func (q query) promQL() string {
	if q.how == labelValues {
		return q.selector
	}
	return q.query
}

// times is the dashboard's time range, with the interval for rates.
type times struct {
	now        time.Time
	span, rate time.Duration
}

// step is the step that Grafana uses for a panel of medium width, at least a second.
func (t times) step() time.Duration {
	return max(time.Second, (t.span / 240).Round(time.Second))
}

// queries returns the queries of variables and panels, in order.
func (d dashboard) queries(given map[string]string, t times) ([]query, error) {
	vars := map[string]string{
		"__interval": prometheusDuration(t.step()), "__interval_ms": strconv.FormatInt(t.step().Milliseconds(), 10),
		"__rate_interval": prometheusDuration(t.rate), "__rate_interval_ms": strconv.FormatInt(t.rate.Milliseconds(), 10),
		"__range": prometheusDuration(t.span), "__range_ms": strconv.FormatInt(t.span.Milliseconds(), 10),
		"__range_s": strconv.FormatInt(int64(math.Round(t.span.Seconds())), 10),
		"__from":    strconv.FormatInt(t.now.Add(-t.span).UnixMilli(), 10), "__to": strconv.FormatInt(t.now.UnixMilli(), 10),
		"__dashboard": d.Title,
	}
	for _, v := range d.Templating.List {
		switch {
		case v.AllValue != "":
			vars[v.Name] = v.AllValue
		case v.Type == "query":
			vars[v.Name] = ".*"
		case v.Type != "datasource":
			vars[v.Name] = string(v.Query)
		}
	}
	for name, value := range given {
		vars[name] = value
	}

	var all []query
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		q := query{panel: "variable " + v.Name, ref: v.Name, expr: string(v.Query)}
		var err error
		if q.query, err = substitute(q.expr, vars); err == nil {
			err = q.variable()
		}
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", v.Name, err)
		}
		all = append(all, q)
	}
	for _, p := range d.flat() {
		for _, target := range p.Targets {
			q := query{panel: p.Title, ref: target.RefID, expr: target.Expr}
			if target.Instant {
				q.how = instant
			}
			var err error
			if q.query, err = substitute(q.expr, vars); err != nil {
				return nil, fmt.Errorf("panel %q, query %s: %w", p.Title, target.RefID, err)
			}
			if strings.TrimSpace(q.query) == "" {
				return nil, fmt.Errorf("panel %q, query %s is empty", p.Title, target.RefID)
			}
			all = append(all, q)
		}
	}
	return all, nil
}

var (
	labelValuesForm = regexp.MustCompile(`^\s*label_values\(\s*(?s:(.*),)?\s*([A-Za-z_][A-Za-z0-9_]*)\s*\)\s*$`)
	queryResultForm = regexp.MustCompile(`^\s*query_result\((?s:(.*))\)\s*$`)
)

// variable parses the functions that Grafana has for queries of variables.
func (q *query) variable() error {
	if found := labelValuesForm.FindStringSubmatch(q.query); found != nil {
		q.how, q.selector, q.label = labelValues, strings.TrimSpace(found[1]), found[2]
		return nil
	}
	if found := queryResultForm.FindStringSubmatch(q.query); found != nil {
		q.how, q.query = instant, found[1]
		return nil
	}
	return fmt.Errorf("neither label_values(…) nor query_result(…): %q", q.query)
}

// reference is $name, ${name}, ${name:format} or [[name]].
var reference = regexp.MustCompile(`\$([A-Za-z_][A-Za-z0-9_]*)|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::[^}]*)?\}|\[\[([A-Za-z_][A-Za-z0-9_]*)(?::[^\]]*)?\]\]`)

// substitute replaces variables with their values. An unknown variable is an
// error here; Grafana would send its name.
func substitute(expr string, vars map[string]string) (string, error) {
	var unknown []string
	text := reference.ReplaceAllStringFunc(expr, func(found string) string {
		name := strings.Join(reference.FindStringSubmatch(found)[1:], "")
		value, known := vars[name]
		if !known {
			unknown = append(unknown, name)
		}
		return value
	})
	if len(unknown) > 0 {
		return "", fmt.Errorf("no value for %s: give it with --var", strings.Join(unknown, ", "))
	}
	return text, nil
}

// prometheusDuration formats a duration for Prometheus: in seconds if it is a
// whole number of seconds, otherwise in milliseconds.
func prometheusDuration(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}
