package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An adminFunc returns the value to show, or an error if the request is invalid.
type adminFunc func(r *http.Request, body []byte) (any, error)

func (s *Simulator) adminHandler() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]adminFunc{
		"GET /_sim/reports":         s.showReports,
		"POST /_sim/reports":        s.setReports,
		"POST /_sim/reports/rotate": s.rotateReports,
		"GET /_sim/faults":          s.showFaults,
		"POST /_sim/faults":         s.addFaults,
		"DELETE /_sim/faults":       s.removeFaults,
		"GET /_sim/held":            s.showHeld,
		"POST /_sim/release":        s.release,
		"POST /_sim/keys":           s.rotateKeys,
		"POST /_sim/limit":          s.setLimit,
		"POST /_sim/delay":          s.setDelay,
		"POST /_sim/reset":          s.reset,
		"GET /_sim/state":           func(*http.Request, []byte) (any, error) { return s.state(), nil },
		"GET /_sim/log":             s.showLog,
		"GET /_sim/requests":        s.showRequests,
		"GET /_sim/audiences":       s.showAudiences,
	} {
		mux.Handle(pattern, s.adminRoute(handle))
	}
	return mux
}

func (s *Simulator) adminRoute(handle adminFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.maxBody))
		if err != nil {
			showJSON(w, http.StatusRequestEntityTooLarge, adminError{"the body is too large or incomplete"})
			return
		}
		result, err := handle(r, body)
		if err != nil {
			showJSON(w, http.StatusBadRequest, adminError{err.Error()})
			return
		}
		showJSON(w, http.StatusOK, result)
	})
}

type adminError struct {
	Error string `json:"error"`
}

func showJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}

// decode is strict: if a misspelt setting were ignored, a test could pass without testing anything.
func decode(body []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("the body is invalid: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more in the body than one JSON value")
	}
	return nil
}

type faultsView struct {
	Faults []ActiveFault `json:"faults"`
}

func (s *Simulator) showFaults(*http.Request, []byte) (any, error) {
	return faultsView{s.faults.list()}, nil
}

func (s *Simulator) addFaults(_ *http.Request, body []byte) (any, error) {
	faults, err := parseFaults(body)
	if err != nil {
		return nil, err
	}
	s.faults.add(faults)
	return faultsView{s.faults.list()}, nil
}

func (s *Simulator) removeFaults(r *http.Request, _ []byte) (any, error) {
	id, err := number(r, "id")
	if err != nil {
		return nil, err
	}
	if !s.faults.remove(int(id)) {
		return nil, fmt.Errorf("there is no active fault %d", id)
	}
	return faultsView{s.faults.list()}, nil
}

type heldView struct {
	Held int `json:"held"`
}

func (s *Simulator) showHeld(r *http.Request, _ []byte) (any, error) {
	atLeast, err := number(r, "atLeast")
	if err != nil {
		return nil, err
	}
	err = s.wait(r, func() bool { return s.held.count() >= int(atLeast) })
	return heldView{s.held.count()}, err
}

func (s *Simulator) release(_ *http.Request, body []byte) (any, error) {
	var request struct {
		Status int `json:"status"`
	}
	if len(bytes.TrimSpace(body)) > 0 {
		if err := decode(body, &request); err != nil {
			return nil, err
		}
	}
	if request.Status != 0 && (request.Status < 200 || request.Status > 599) {
		return nil, errors.New("status must be from 200 to 599")
	}
	return struct {
		Released int `json:"released"`
	}{s.held.release(request.Status)}, nil
}

type keysView struct {
	KeyIDs []string `json:"keyIds"`
}

func (s *Simulator) rotateKeys(_ *http.Request, body []byte) (any, error) {
	var request struct {
		Keys []string `json:"keys"`
	}
	if err := decode(body, &request); err != nil {
		return nil, err
	}
	if len(request.Keys) == 0 {
		return nil, errors.New("keys must name at least one key")
	}
	if err := checkKeys(request.Keys); err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.keys = request.Keys
	s.mu.Unlock()
	return keysView{s.keyIDs()}, nil
}

// checkKeys rejects keys that can't be sent in an HTTP header. Its error doesn't contain the key.
func checkKeys(keys []string) error {
	for _, key := range keys {
		notVisible := func(r rune) bool { return r < ' ' || r > '~' }
		if key == "" || strings.TrimSpace(key) != key || strings.ContainsFunc(key, notVisible) {
			return errors.New("a key must be visible ASCII, not empty and without space around it")
		}
	}
	return nil
}

func (s *Simulator) keyIDs() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := []string{}
	for _, key := range s.keys {
		ids = append(ids, keyID(key))
	}
	return ids
}

type limitView struct {
	Limit *Limit `json:"limit"`
}

func (s *Simulator) setLimit(_ *http.Request, body []byte) (any, error) {
	limit := Limit{Burst: 1}
	if err := decode(body, &limit); err != nil {
		return nil, err
	}
	if limit.RequestsPerMinute < 0 || math.IsInf(limit.RequestsPerMinute, 0) || limit.Burst < 1 {
		return nil, errors.New("requestsPerMinute must not be negative, burst at least 1")
	}
	s.limit.set(limit, s.now())
	return limitView{s.limit.get()}, nil
}

type delayView struct {
	DelayMs int64 `json:"delayMs"`
}

func (s *Simulator) setDelay(_ *http.Request, body []byte) (any, error) {
	var request delayView
	if err := decode(body, &request); err != nil {
		return nil, err
	}
	if request.DelayMs < 0 || request.DelayMs > math.MaxInt32 {
		return nil, errors.New("delayMs must not be negative or too large")
	}
	s.mu.Lock()
	s.delay = time.Duration(request.DelayMs) * time.Millisecond
	s.mu.Unlock()
	return request, nil
}

func (s *Simulator) reset(*http.Request, []byte) (any, error) {
	s.faults.remove(0)
	s.limit.set(Limit{}, s.now())
	s.reports.reset()
	s.mu.Lock()
	s.delay = s.firstDelay
	s.mu.Unlock()
	return s.state(), nil
}

// State is a summary of the simulator.
type State struct {
	Counts
	Held    int           `json:"held"`
	Faults  []ActiveFault `json:"faults"`
	Limit   *Limit        `json:"limit"`
	DelayMs int64         `json:"delayMs"`
	KeyIDs  []string      `json:"keyIds"`
}

func (s *Simulator) state() State {
	return State{
		Counts: s.store.Counts(), Held: s.held.count(), Faults: s.faults.list(), Limit: s.limit.get(),
		DelayMs: s.currentDelay().Milliseconds(), KeyIDs: s.keyIDs(),
	}
}

func (s *Simulator) currentDelay() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.delay
}

func (s *Simulator) showLog(r *http.Request, _ []byte) (any, error) {
	snapshot, err := s.since(r, func(snapshot Snapshot) int { return len(snapshot.Lines) })
	return append([]line{}, snapshot.Lines...), err
}

func (s *Simulator) showAudiences(r *http.Request, _ []byte) (any, error) {
	snapshot, err := s.since(r, func(snapshot Snapshot) int { return len(snapshot.Audiences) })
	return append([]*AudienceLine{}, snapshot.Audiences...), err
}

// RequestView is a request with its answer, and with its members only if they were requested.
type RequestView struct {
	RequestLine
	Answer *AnswerLine `json:"answer"`
}

func (s *Simulator) showRequests(r *http.Request, _ []byte) (any, error) {
	withMembers := false
	if text := r.URL.Query().Get("members"); text != "" {
		var err error
		if withMembers, err = strconv.ParseBool(text); err != nil {
			return nil, errors.New("members must be true or false")
		}
	}
	snapshot, err := s.since(r, func(snapshot Snapshot) int { return len(snapshot.Requests) })
	views := []RequestView{}
	for i, request := range snapshot.Requests {
		view := RequestView{RequestLine: *request, Answer: snapshot.answers[i]}
		if !withMembers {
			view.Members = nil
		}
		views = append(views, view)
	}
	return views, err
}

// since reads ?since and, with ?waitMs, waits until there is at least one line.
func (s *Simulator) since(r *http.Request, count func(Snapshot) int) (Snapshot, error) {
	since, err := number(r, "since")
	if err != nil {
		return Snapshot{}, err
	}
	err = s.wait(r, func() bool { return count(s.store.Snapshot(since)) > 0 })
	return s.store.Snapshot(since), err
}

func (s *Simulator) wait(r *http.Request, ready func() bool) error {
	milliseconds, err := number(r, "waitMs")
	if err != nil || milliseconds == 0 {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(milliseconds)*time.Millisecond)
	defer cancel()
	s.store.Wait(ctx, ready)
	return nil
}

// number reads a query parameter; if it is absent, the result is 0.
func number(r *http.Request, name string) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	value, err := strconv.ParseInt(text, 10, 32)
	if err != nil || value < 0 {
		return 0, fmt.Errorf("%s must be a number, not negative", name)
	}
	return value, nil
}
