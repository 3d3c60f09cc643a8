// Promcheck runs every query of a Grafana dashboard against a Prometheus, as
// Grafana would, and prints the result of each.
//
//	go -C dev run ./promcheck --prometheus http://127.0.0.1:9090    # one line of JSON for each query
//	go -C dev run ./promcheck --list                                # the queries, without a Prometheus
//	go -C dev run ./promcheck --rules | promtool check rules        # whether they parse
//
// A line is {"panel":"Spend","ref":"A","expr":"…","query":"…","error":null,"warnings":[],"series":3}. expr is the
// expression in the dashboard, query what was sent. The panel of a variable's
// query is "variable NAME". The exit status is 1 if a query failed. A query that
// finds no series has not failed; read its line.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const usage = `usage: promcheck [--dashboard FILE] --prometheus URL | --list | --rules

  --dashboard FILE       the dashboard's JSON; default: the dashboard of the
                         chart in this checkout
  --prometheus URL       run the queries there; prints one line of JSON for each
  --list                 only list them, in the same form
  --rules                print them as a rule file, for promtool check rules

  --var NAME=VALUE       the value of a variable, as Grafana would write it; may
                         be repeated. The default of a query variable is .*
  --range 1h             the time range of the dashboard, until now
  --rate-interval 1m     the value of $__rate_interval
  --timeout 30s          how long one query may take
`

func main() {
	failed, err := run(context.Background(), os.Args[1:], os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "promcheck:", err)
		os.Exit(2)
	}
	if failed > 0 {
		fmt.Fprintf(os.Stderr, "promcheck: %d queries failed\n", failed)
		os.Exit(1)
	}
}

// line is the output for one query.
type line struct {
	Panel    string   `json:"panel"`
	Ref      string   `json:"ref"`
	Expr     string   `json:"expr"`
	Query    string   `json:"query"`
	Error    *string  `json:"error"`
	Warnings []string `json:"warnings"`
	Series   int      `json:"series"`
}

// values collects the values of --var.
type values map[string]string

func (v values) String() string { return "" }

func (v values) Set(text string) error {
	name, value, found := strings.Cut(text, "=")
	if !found || name == "" {
		return errors.New("write it as NAME=VALUE")
	}
	v[name] = value
	return nil
}

// run returns how many queries failed.
func run(ctx context.Context, args []string, out io.Writer) (failed int, err error) {
	flags := flag.NewFlagSet("promcheck", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	vars := values{}
	path := flags.String("dashboard", "", "")
	server := flags.String("prometheus", "", "")
	list := flags.Bool("list", false, "")
	rules := flags.Bool("rules", false, "")
	span := flags.Duration("range", time.Hour, "")
	rate := flags.Duration("rate-interval", time.Minute, "")
	timeout := flags.Duration("timeout", 30*time.Second, "")
	flags.Var(vars, "var", "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		_, err := io.WriteString(out, usage)
		return 0, err
	case err != nil:
		return 0, fmt.Errorf("%w\n%s", err, usage)
	case flags.NArg() > 0:
		return 0, fmt.Errorf("unexpected argument %q\n%s", flags.Arg(0), usage)
	case count(*server != "", *list, *rules) != 1:
		return 0, fmt.Errorf("exactly one of --prometheus, --list and --rules is required\n%s", usage)
	case *span < time.Second || *rate < time.Millisecond || *timeout <= 0:
		return 0, errors.New("--range must be at least 1s, --rate-interval at least 1ms, --timeout more than zero")
	}
	base, err := url.Parse(*server)
	if err != nil || *server != "" && (base.Scheme != "http" && base.Scheme != "https" || base.Host == "") {
		return 0, fmt.Errorf("--prometheus is an address such as http://127.0.0.1:9090, not %q", *server)
	}

	if *path == "" {
		if *path, err = ownDashboard(); err != nil {
			return 0, err
		}
	}
	text, err := os.ReadFile(*path)
	if err != nil {
		return 0, err
	}
	board, err := parse(text)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", *path, err)
	}
	times := times{now: time.Now(), span: *span, rate: *rate}
	queries, err := board.queries(vars, times)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", *path, err)
	}

	if *rules {
		return 0, writeRules(out, queries)
	}
	lines := json.NewEncoder(out)
	lines.SetEscapeHTML(false)
	prometheus := client{base: base, timeout: *timeout}
	for _, q := range queries {
		output := line{Panel: q.panel, Ref: q.ref, Expr: q.expr, Query: q.query, Warnings: []string{}}
		if !*list {
			result, err := prometheus.run(ctx, q, times)
			if err != nil {
				failed++
				text := err.Error()
				output.Error = &text
			}
			output.Series = result.series
			output.Warnings = append(output.Warnings, result.warnings...)
		}
		if err := lines.Encode(output); err != nil {
			return failed, err
		}
	}
	return failed, nil
}

// ownDashboard finds the chart's dashboard in this folder or one above it.
func ownDashboard() (string, error) {
	const name = "charts/propensity-operator/dashboards/propensity.json"
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is neither in %s nor in a folder above it: set --dashboard", name, start)
		}
	}
}

func count(conditions ...bool) (n int) {
	for _, condition := range conditions {
		if condition {
			n++
		}
	}
	return n
}

// writeRules writes the queries as recording rules. JSON is YAML too.
func writeRules(out io.Writer, queries []query) error {
	type rule struct {
		Record string `json:"record"`
		Expr   string `json:"expr"`
	}
	type group struct {
		Name  string `json:"name"`
		Rules []rule `json:"rules"`
	}
	var groups []group
	for i, q := range queries {
		if q.promQL() == "" {
			continue
		}
		// promtool prints only the name of a query that doesn't parse.
		name := fmt.Sprintf("%s, query %s (%d)", q.panel, q.ref, i+1)
		groups = append(groups, group{name, []rule{{fmt.Sprintf("dashboard:query:%d", i+1), q.promQL()}}})
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	return encoder.Encode(map[string]any{"groups": groups})
}
