package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	reportsPath    = "/reports/"
	tokenBytes     = 12
	maxRows        = 1_000_000_000
	defaultSeed    = 1
	defaultPerPage = 100
)

// Person is a row's contact. An absent field is an empty cell.
type Person struct {
	FirstName   string `json:"firstName,omitempty"`
	LastName    string `json:"lastName,omitempty"`
	Company     string `json:"company,omitempty"`
	Email       string `json:"email,omitempty"`
	LinkedInURL string `json:"linkedinUrl,omitempty"`
}

// ReportSettings defines the answer of a report.
type ReportSettings struct {
	Rows        int64    `json:"rows"`
	Seed        uint64   `json:"seed"`
	GoneStatus  int      `json:"goneStatus"`
	DelayMs     int64    `json:"delayMs"`
	ContentType string   `json:"contentType"`
	Body        *string  `json:"body,omitempty"` // instead of rows
	Status      int      `json:"status,omitempty"`
	Domains     []string `json:"domains,omitempty"` // empty: the built-in ones
	People      []Person `json:"people,omitempty"`
}

// reportSet holds the URLs and settings of all reports.
type reportSet struct {
	mu        sync.Mutex
	tokenSeed string // empty: random tokens
	tokens    map[string]string
	rotations map[string]int
	settings  map[string]ReportSettings
}

func newReportSet(tokenSeed string) *reportSet {
	s := &reportSet{tokenSeed: tokenSeed, tokens: map[string]string{}, rotations: map[string]int{}}
	for name := range reportShapes {
		s.tokens[name] = s.newToken(name)
	}
	s.reset()
	return s
}

// newToken derives the token from the seed, the name and the number of rotations. Without a seed, it is random.
func (s *reportSet) newToken(name string) string {
	var token [tokenBytes]byte
	if s.tokenSeed == "" {
		_, _ = rand.Read(token[:]) // never fails
	} else {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%d", s.tokenSeed, name, s.rotations[name]))
		copy(token[:], sum[:])
	}
	return hex.EncodeToString(token[:])
}

func (s *reportSet) rotate(names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		s.rotations[name]++
		s.tokens[name] = s.newToken(name)
	}
}

// reset keeps the tokens: URLs change only by a rotation.
func (s *reportSet) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings = map[string]ReportSettings{}
	for name, shape := range reportShapes {
		s.settings[name] = ReportSettings{
			Rows: shape.rows, Seed: defaultSeed, GoneStatus: http.StatusNotFound, ContentType: shape.contentType,
		}
	}
}

func (s *reportSet) get(name string) ReportSettings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings[name]
}

// targetOf returns a report's target for any URL in the format of a report's URL, and false for other URLs.
func (s *reportSet) targetOf(path string) (target, bool) {
	rest, found := strings.CutPrefix(path, reportsPath)
	token, name, _ := strings.Cut(rest, "/")
	if !found || reportShapes[name] == nil {
		return target{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return target{endpoint: reports, report: name, method: http.MethodGet, gone: s.tokens[name] != token}, true
}

var tokenPattern = regexp.MustCompile(fmt.Sprintf("(?i)[0-9a-f]{%d,}", 2*tokenBytes))

// withoutTokens returns a path or query for the log, without tokens at any position.
func withoutTokens(text string) string {
	if rest, found := strings.CutPrefix(text, reportsPath); found {
		if _, behind, more := strings.Cut(rest, "/"); more {
			text = reportsPath + "-/" + behind
		} else {
			text = reportsPath + "-"
		}
	}
	return tokenPattern.ReplaceAllString(text, "-")
}

// judgeReport returns the answer of an API without faults to a GET. It ignores the key: it is not documented whether
// one is needed, so a client must not rely on a refusal.
func (s *Simulator) judgeReport(r *http.Request, t target) reply {
	settings := s.reports.get(t.report)
	if t.gone {
		return results(settings.GoneStatus, "no report at this URL")
	}
	answer := reply{
		status: http.StatusOK, headers: map[string]string{"Content-Type": settings.ContentType},
		wait: time.Duration(settings.DelayMs) * time.Millisecond,
	}
	if settings.Body != nil {
		answer.body = []byte(*settings.Body)
		if settings.Status != 0 {
			answer.status = settings.Status
		}
		return answer
	}
	from, to, err := rowWindow(r, settings.Rows)
	if err != nil {
		return results(http.StatusBadRequest, err.Error())
	}
	answer.rows = &rowStream{
		shape: reportShapes[t.report], settings: settings, from: from, to: to,
		today: s.now().UTC().Truncate(24 * time.Hour),
	}
	return answer
}

// rowWindow reads page and per_page, or offset and limit. After the last row, the window is empty.
func rowWindow(r *http.Request, rows int64) (from, to int64, err error) {
	query := r.URL.Query()
	read := func(name string, absent int64) int64 {
		if err != nil || !query.Has(name) {
			return absent
		}
		var value int64
		value, err = number(r, name)
		return value
	}
	page, perPage := read("page", 1), read("per_page", defaultPerPage)
	offset, limit := read("offset", 0), read("limit", rows)
	byPage := query.Has("page") || query.Has("per_page")
	switch {
	case err != nil:
		return 0, 0, err
	case byPage && (query.Has("offset") || query.Has("limit")):
		return 0, 0, errors.New("page and per_page, or offset and limit, but not both")
	case page < 1 || perPage < 1:
		return 0, 0, errors.New("page and per_page must be at least 1")
	case byPage:
		offset, limit = (page-1)*perPage, perPage
	}
	return min(offset, rows), min(offset+limit, rows), nil
}

type reportURLsView struct {
	Reports map[string]string `json:"reports"`
}

func (s *Simulator) showReports(r *http.Request, _ []byte) (any, error) {
	host := r.Host
	if address, known := r.Context().Value(http.LocalAddrContextKey).(net.Addr); host == "" && known {
		host = address.String()
	}
	s.reports.mu.Lock()
	defer s.reports.mu.Unlock()
	view := reportURLsView{map[string]string{}}
	for name, token := range s.reports.tokens {
		view.Reports[name] = "http://" + host + reportsPath + token + "/" + name
	}
	return view, nil
}

func (s *Simulator) rotateReports(r *http.Request, body []byte) (any, error) {
	var request struct {
		Reports []string `json:"reports"`
	}
	if len(bytes.TrimSpace(body)) > 0 {
		if err := decode(body, &request); err != nil {
			return nil, err
		}
	}
	names := request.Reports
	if names == nil {
		names = slices.Sorted(maps.Keys(reportShapes))
	}
	for _, name := range names {
		if err := checkReport(name); err != nil {
			return nil, err
		}
	}
	s.reports.rotate(names)
	return s.showReports(r, nil)
}

func checkReport(name string) error {
	if reportShapes[name] == nil {
		return fmt.Errorf("unknown report %.40q; there are %s", name, strings.Join(slices.Sorted(maps.Keys(reportShapes)), ", "))
	}
	return nil
}

// reportChange is a change of settings, as the admin API accepts it. Absent fields stay unchanged.
type reportChange struct {
	Report      string   `json:"report"`
	Rows        *int64   `json:"rows"`
	Seed        *uint64  `json:"seed"`
	GoneStatus  *int     `json:"goneStatus"`
	DelayMs     *int64   `json:"delayMs"`
	ContentType *string  `json:"contentType"`
	Body        *string  `json:"body"`
	Status      *int     `json:"status"`
	Domains     []string `json:"domains"`
	People      []Person `json:"people"`
}

type reportSettingsView struct {
	Settings map[string]ReportSettings `json:"settings"`
}

func (s *Simulator) setReports(_ *http.Request, body []byte) (any, error) {
	var change reportChange
	if err := decode(body, &change); err != nil {
		return nil, err
	}
	if err := change.check(); err != nil {
		return nil, err
	}
	s.reports.mu.Lock()
	defer s.reports.mu.Unlock()
	for name, settings := range s.reports.settings {
		if change.Report == "" || change.Report == name {
			s.reports.settings[name] = change.apply(settings, reportShapes[name])
		}
	}
	return reportSettingsView{maps.Clone(s.reports.settings)}, nil
}

func (c reportChange) check() error {
	if c.Report != "" {
		if err := checkReport(c.Report); err != nil {
			return err
		}
		shape := reportShapes[c.Report]
		if c.Domains != nil && !shape.hasDomains {
			return fmt.Errorf("the rows of %s contain no domains", c.Report)
		}
		if c.People != nil && !shape.hasPeople {
			return fmt.Errorf("the rows of %s contain no people", c.Report)
		}
	}
	notVisible := func(r rune) bool { return r < ' ' || r > '~' }
	switch {
	case c.Rows != nil && (*c.Rows < 0 || *c.Rows > maxRows):
		return fmt.Errorf("rows must be from 0 to %d", maxRows)
	case c.GoneStatus != nil && !slices.Contains([]int{401, 403, 404}, *c.GoneStatus):
		return errors.New("goneStatus is 401, 403 or 404")
	case c.DelayMs != nil && (*c.DelayMs < 0 || *c.DelayMs > math.MaxInt32):
		return errors.New("delayMs must not be negative or too large")
	case c.ContentType != nil && (strings.TrimSpace(*c.ContentType) == "" || strings.ContainsFunc(*c.ContentType, notVisible)):
		return errors.New("contentType must be visible ASCII, not empty")
	case c.Body != nil && c.Rows != nil:
		return errors.New("give body or rows, but not both")
	case c.Status != nil && c.Body == nil:
		return errors.New("status goes with a body; without a body, use the fault status")
	case c.Status != nil && (*c.Status < 200 || *c.Status > 599):
		return errors.New("status must be from 200 to 599")
	}
	return nil
}

func (c reportChange) apply(settings ReportSettings, shape *reportShape) ReportSettings {
	if c.Rows != nil {
		settings.Rows, settings.Body, settings.Status = *c.Rows, nil, 0
	}
	if c.Body != nil {
		settings.Body, settings.Status = c.Body, 0
	}
	set(&settings.Seed, c.Seed)
	set(&settings.GoneStatus, c.GoneStatus)
	set(&settings.DelayMs, c.DelayMs)
	set(&settings.ContentType, c.ContentType)
	set(&settings.Status, c.Status)
	if c.Domains != nil && shape.hasDomains {
		settings.Domains = c.Domains
	}
	if c.People != nil && shape.hasPeople {
		settings.People = c.People
	}
	return settings
}

func set[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}
