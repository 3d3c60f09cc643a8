package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is a fault as the admin API accepts it; the package comment describes each kind.
type Fault struct {
	Fault      string            `json:"fault"`
	Endpoint   string            `json:"endpoint,omitempty"`
	Times      int               `json:"times,omitempty"`
	After      int               `json:"after,omitempty"`
	DelayMs    int               `json:"delayMs,omitempty"`
	Store      *bool             `json:"store,omitempty"`
	Status     int               `json:"status,omitempty"`
	Body       *string           `json:"body,omitempty"`
	Headers    map[string]string `json:"headers,omitempty"`
	Message    string            `json:"message,omitempty"`
	RetryAfter json.RawMessage   `json:"retryAfter,omitempty"`
	Location   string            `json:"location,omitempty"`
	SizeBytes  int               `json:"sizeBytes,omitempty"`
	Reset      bool              `json:"reset,omitempty"`
}

const (
	faultDelay              = "delay"
	faultSlow               = "slow"
	faultOversized          = "oversized"
	faultEcho               = "echo"
	faultHold               = "hold"
	faultStatus             = "status"
	faultStoreThenStatus    = "storeThenStatus"
	faultErrorTrue          = "errorTrue"
	faultGarbage            = "garbage"
	faultEmpty              = "empty"
	faultTruncated          = "truncated"
	faultEndless            = "endless"
	faultRateLimited        = "rateLimited"
	faultRedirect           = "redirect"
	faultCloseBeforeReading = "closeBeforeReading"
	faultCloseAfterStoring  = "closeAfterStoring"
)

// The fields of each kind, in addition to commonFields.
var faultFields = map[string][]string{
	faultDelay:              {"store"},
	faultSlow:               {"store"},
	faultOversized:          {"store", "sizeBytes", "status"},
	faultEcho:               {"store", "status"},
	faultHold:               {"store", "status"},
	faultStatus:             {"store", "status", "body", "headers"},
	faultStoreThenStatus:    {"status", "body", "headers"},
	faultErrorTrue:          {"store", "message"},
	faultGarbage:            {"store", "status", "body"},
	faultEmpty:              {"store", "status"},
	faultTruncated:          {"store", "status"},
	faultEndless:            {"store", "status"},
	faultRateLimited:        {"store", "status", "retryAfter", "message"},
	faultRedirect:           {"store", "status", "location"},
	faultCloseBeforeReading: {},
	faultCloseAfterStoring:  {"reset"},
}

// Faults that need an audience to store.
var storingFaults = []string{faultStoreThenStatus, faultCloseAfterStoring}

var commonFields = []string{"fault", "endpoint", "times", "after", "delayMs"}

const maxAnswerBytes = 1 << 30

// parseFaults parses one fault or a list. It accepts all of them or none.
func parseFaults(body []byte) ([]Fault, error) {
	body = bytes.TrimSpace(body)
	if !bytes.HasPrefix(body, []byte("[")) {
		fault, err := parseFault(body)
		return []Fault{fault}, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	faults := make([]Fault, 0, len(list))
	for i, text := range list {
		fault, err := parseFault(text)
		if err != nil {
			return nil, fmt.Errorf("fault %d: %w", i, err)
		}
		faults = append(faults, fault)
	}
	return faults, nil
}

func parseFault(text []byte) (Fault, error) {
	var f Fault
	var given map[string]json.RawMessage
	if err := json.Unmarshal(text, &given); err != nil {
		return f, err
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return f, err
	}
	fields, known := faultFields[f.Fault]
	if !known {
		return f, fmt.Errorf("unknown fault %q; there are %s", f.Fault, strings.Join(slices.Sorted(maps.Keys(faultFields)), ", "))
	}
	if f.forReports() {
		if slices.Contains(storingFaults, f.Fault) {
			return f, fmt.Errorf("the fault %q stores an audience, so it isn't for reports", f.Fault)
		}
		fields = slices.DeleteFunc(slices.Clone(fields), func(name string) bool { return name == "store" })
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(commonFields, name) && !slices.Contains(fields, name) {
			return f, fmt.Errorf("the fault %q takes no %q", f.Fault, name)
		}
	}
	if f.Endpoint == "" {
		f.Endpoint = "any"
	}
	return f, f.check()
}

func (f Fault) forReports() bool { return f.Endpoint == reports || reportShapes[f.Endpoint] != nil }

func (f Fault) check() error {
	switch {
	case f.Endpoint != "any" && f.Endpoint != contacts && f.Endpoint != accounts && !f.forReports():
		return fmt.Errorf("endpoint is contacts, accounts, any (one of these two), reports or a report's name, not %q", f.Endpoint)
	case f.Times < 0 || f.After < 0 || f.DelayMs < 0:
		return errors.New("times, after and delayMs must not be negative")
	case f.Status == 0 && (f.Fault == faultStatus || f.Fault == faultStoreThenStatus):
		return fmt.Errorf("the fault %q needs a status", f.Fault)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return errors.New("status must be from 200 to 599")
	case f.Fault == faultRedirect && f.Status != 0 && (f.Status < 300 || f.Status > 399):
		return errors.New("the status of a redirect must be from 300 to 399")
	case f.SizeBytes < 0 || f.SizeBytes > maxAnswerBytes:
		return fmt.Errorf("sizeBytes must be from 0 to %d", maxAnswerBytes)
	}
	_, err := f.retryAfter()
	return err
}

// retryAfter returns the header's value, empty for no header. A string must be a date; it is sent unchanged.
func (f Fault) retryAfter() (string, error) {
	if len(f.RetryAfter) == 0 || string(f.RetryAfter) == "null" {
		return "", nil
	}
	var seconds int
	if json.Unmarshal(f.RetryAfter, &seconds) == nil && seconds >= 0 {
		return strconv.Itoa(seconds), nil
	}
	var date string
	if json.Unmarshal(f.RetryAfter, &date) == nil {
		if _, err := http.ParseTime(date); err == nil {
			return date, nil
		}
	}
	return "", errors.New("retryAfter is a number of seconds, an HTTP date or null")
}

func (f Fault) delay() time.Duration { return time.Duration(f.DelayMs) * time.Millisecond }

// storesFirst reports whether a valid request is stored as soon as it has been read.
func (f Fault) storesFirst() bool {
	switch f.Fault {
	case faultStoreThenStatus, faultCloseAfterStoring:
		return true
	case faultCloseBeforeReading:
		return false
	}
	if f.Store != nil {
		return *f.Store
	}
	switch f.Fault {
	case faultDelay, faultSlow, faultOversized, faultEcho:
		// The answers of these faults are true, so the audience must be stored before a success.
		return f.Status == 0 || isSuccess(f.Status)
	}
	return false
}

// storesOnRelease reports whether a request is stored only when it is released. It is lost if its client disconnects
// before.
func (f Fault) storesOnRelease() bool { return f.Fault == faultHold && f.Store == nil }

// ActiveFault is a fault with its progress.
type ActiveFault struct {
	ID int `json:"id"`
	Fault
	Passed    int  `json:"passed"`              // requests that passed because of after
	Used      int  `json:"used"`                // requests with this fault
	Remaining *int `json:"remaining,omitempty"` // absent: until removed
}

type faultList struct {
	mu     sync.Mutex
	lastID int
	active []ActiveFault
}

func (l *faultList) add(faults []Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range faults {
		l.lastID++
		active := ActiveFault{ID: l.lastID, Fault: f}
		if f.Times > 0 {
			active.Remaining = &f.Times
		}
		l.active = append(l.active, active)
	}
}

// matches treats any as both creates, without reports: faults for creates must not affect reports.
func (f Fault) matches(t target) bool {
	return f.Endpoint == t.endpoint || f.Endpoint == "any" && t.creates() || t.report != "" && f.Endpoint == t.report
}

// pick returns the fault for the next request to a target, and counts it.
func (l *faultList) pick(t target) *Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.active {
		active := &l.active[i]
		if !active.matches(t) {
			continue
		}
		if active.Passed < active.After {
			active.Passed++
			continue
		}
		active.Used++
		fault := active.Fault
		if active.Remaining != nil {
			remaining := *active.Remaining - 1 // a new variable, because returned lists share the old one
			active.Remaining = &remaining
			if remaining == 0 {
				l.active = slices.Delete(l.active, i, i+1)
			}
		}
		return &fault
	}
	return nil
}

func (l *faultList) list() []ActiveFault {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]ActiveFault{}, l.active...)
}

// remove removes one fault, or all faults for id 0. It returns false if there is no such fault.
func (l *faultList) remove(id int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.active)
	l.active = slices.DeleteFunc(l.active, func(a ActiveFault) bool { return id == 0 || a.ID == id })
	return id == 0 || len(l.active) < before
}

// holds blocks requests until they are released.
type holds struct {
	mu      sync.Mutex
	waiting map[chan int]bool
	changed func() // called after each change
}

func (h *holds) enter() chan int {
	release := make(chan int, 1)
	h.mu.Lock()
	h.waiting[release] = true
	h.mu.Unlock()
	h.changed()
	return release
}

func (h *holds) leave(release chan int) {
	h.mu.Lock()
	delete(h.waiting, release)
	h.mu.Unlock()
	h.changed()
}

// release releases all requests, with a status or with 0 for the status of each fault.
func (h *holds) release(status int) int {
	h.mu.Lock()
	released := len(h.waiting)
	for release := range h.waiting {
		release <- status
	}
	clear(h.waiting)
	h.mu.Unlock()
	h.changed()
	return released
}

func (h *holds) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.waiting)
}
