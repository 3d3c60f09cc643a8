package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// client queries one Prometheus.
type client struct {
	base    *url.URL
	timeout time.Duration
}

type result struct {
	series   int
	warnings []string
}

// run sends one query as Grafana does.
func (c client) run(ctx context.Context, q query, t times) (result, error) {
	now := strconv.FormatInt(t.now.Unix(), 10)
	var data struct {
		Type   string          `json:"resultType"`
		Result json.RawMessage `json:"result"`
	}
	var warnings []string
	var err error
	switch q.how {
	case labelValues:
		form := url.Values{
			"start": {strconv.FormatInt(t.now.Add(-t.span).Unix(), 10)}, "end": {now},
		}
		if q.selector != "" {
			form.Set("match[]", q.selector)
		}
		var names []string
		warnings, err = c.get(ctx, "api/v1/label/"+url.PathEscape(q.label)+"/values", form, &names)
		return result{len(names), warnings}, err
	case instant:
		warnings, err = c.get(ctx, "api/v1/query", url.Values{"query": {q.query}, "time": {now}}, &data)
	default:
		form := url.Values{
			"query": {q.query}, "end": {now},
			"start": {strconv.FormatInt(t.now.Add(-t.span).Unix(), 10)},
			"step":  {prometheusDuration(t.step())},
		}
		warnings, err = c.get(ctx, "api/v1/query_range", form, &data)
	}
	if err != nil {
		return result{}, err
	}
	if data.Type == "scalar" || data.Type == "string" {
		return result{1, warnings}, nil
	}
	var series []json.RawMessage
	if err := json.Unmarshal(data.Result, &series); err != nil {
		return result{}, fmt.Errorf("a result of type %q that is not a list of series: %w", data.Type, err)
	}
	return result{len(series), warnings}, nil
}

// get returns the data and the warnings of an answer.
func (c client) get(ctx context.Context, path string, form url.Values, data any) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	address := c.base.JoinPath(path)
	address.RawQuery = form.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	if err != nil {
		return nil, err
	}
	var answer struct {
		Status    string          `json:"status"`
		Data      json.RawMessage `json:"data"`
		ErrorType string          `json:"errorType"`
		Error     string          `json:"error"`
		Warnings  []string        `json:"warnings"`
		Infos     []string        `json:"infos"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%s, and not an answer of Prometheus: %.200s", response.Status, strings.TrimSpace(string(body)))
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("%s: %s", answer.ErrorType, answer.Error)
	}
	return append(answer.Warnings, answer.Infos...), json.Unmarshal(answer.Data, data)
}
