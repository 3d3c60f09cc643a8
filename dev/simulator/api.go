package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// creates maps a path to the kind of list it creates.
var creates = map[string]string{
	"/create_contact_audience": contacts,
	"/create_account_audience": accounts,
}

// target is what a request is for.
type target struct {
	endpoint string // contacts, accounts, reports or other
	report   string // which one
	method   string // the only accepted one
	gone     bool   // whether this is an old or wrong URL of the report
}

func (s *Simulator) targetOf(path string) target {
	if kind := creates[path]; kind != "" {
		return target{endpoint: kind, method: http.MethodPost}
	}
	if t, found := s.reports.targetOf(path); found {
		return t
	}
	return target{endpoint: other}
}

func (t target) creates() bool { return t.endpoint == contacts || t.endpoint == accounts }

const (
	keyHeader       = "workspace_api_key"
	wantContentType = "text/html"
	defaultMaxBody  = 64 << 20
)

// Simulator serves the Propensity API with its reports, the admin API and the web page.
type Simulator struct {
	store      *Store
	faults     faultList
	held       holds
	limit      limiter
	reports    *reportSet
	firstDelay time.Duration
	maxBody    int64
	now        func() time.Time // for the rate limit and the days of reports
	admin      http.Handler

	mu    sync.Mutex
	keys  []string
	delay time.Duration
}

// NewSimulator uses random report tokens if tokenSeed is empty.
func NewSimulator(store *Store, keys []string, delay time.Duration, tokenSeed string) *Simulator {
	s := &Simulator{
		store: store, keys: keys, delay: delay, firstDelay: delay, maxBody: defaultMaxBody, now: time.Now,
		reports: newReportSet(tokenSeed),
	}
	s.held.waiting = map[chan int]bool{}
	s.held.changed = store.notify
	s.admin = s.adminHandler()
	return s
}

// ServeHTTP doesn't use a ServeMux for the API: a ServeMux answers paths that aren't clean itself, so they would not be
// logged.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/_sim/"):
		s.admin.ServeHTTP(w, r)
	case r.URL.Path == "/" && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		s.servePage(w)
	default:
		s.serveAPI(w, r)
	}
}

// received is the part of a request that was read.
type received struct {
	path    string
	report  string // which one, if any
	key     string // empty if there is no key, or more than one
	body    []byte
	problem string // why the body isn't complete
}

func (s *Simulator) serveAPI(w http.ResponseWriter, r *http.Request) {
	t := s.targetOf(r.URL.Path)
	request := received{path: r.URL.Path, report: t.report}
	if keys := r.Header.Values(keyHeader); len(keys) == 1 {
		request.key = keys[0]
	}

	// The limit and faults are checked first and without the key, like a proxy in front of the API. A request that the
	// limit rejects does not use up a fault.
	var limited *reply
	var fault *Fault
	if t.endpoint != other && r.Method == t.method {
		if limited = s.overLimit(); limited == nil {
			fault = s.faults.pick(t)
		}
	}

	unread := fault != nil && fault.Fault == faultCloseBeforeReading
	tooLarge := false
	if unread {
		request.problem = "not read"
	} else {
		var err error
		request.body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, s.maxBody))
		if err != nil {
			request.body = nil
			request.problem = "the client disconnected before its end"
			var sizeError *http.MaxBytesError
			if tooLarge = errors.As(err, &sizeError); tooLarge {
				request.problem = "too large"
			}
		}
	}

	// The list is read in any case, so that the log contains the members of an unanswered or rejected request too.
	var list *memberList
	listError := errors.New("the body could not be read")
	if t.creates() && request.problem == "" {
		list, listError = parseList(t.endpoint, request.body)
	}
	entry := requestLine(r, t, request, list)
	if err := s.store.AddRequest(entry); err != nil {
		refuseUnlogged(w, err)
		return
	}

	x := &exchange{Simulator: s, w: w, r: r, line: entry}
	switch {
	case limited != nil:
		x.finish(*limited, nil)
	case tooLarge:
		x.finish(results(http.StatusRequestEntityTooLarge, "the body is too large"), nil)
	case request.problem != "" && !unread:
		x.clientGone(fault)
	default:
		normal := s.judge(r, t, request, listError)
		if !isSuccess(normal.status) {
			list = nil
		}
		x.respond(fault, normal, request, list)
	}
}

// judge returns the answer of an API without faults.
func (s *Simulator) judge(r *http.Request, t target, request received, listError error) reply {
	switch {
	case t.endpoint == other:
		return results(http.StatusNotFound, "no such path")
	case r.Method != t.method:
		refusal := results(http.StatusMethodNotAllowed, "this endpoint accepts only "+t.method)
		refusal.headers = map[string]string{"Allow": t.method}
		return refusal
	case t.endpoint == reports:
		return s.judgeReport(r, t)
	case !s.accepts(request.key):
		return results(http.StatusUnauthorized, "the header workspace_api_key is missing or wrong")
	case !strings.EqualFold(r.Header.Get("Content-Type"), wantContentType):
		return results(http.StatusBadRequest, "the header Content-Type must be "+wantContentType)
	case listError != nil:
		return results(http.StatusBadRequest, listError.Error())
	}
	return results(http.StatusOK, "the audience was created")
}

func (s *Simulator) accepts(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return key != "" && slices.Contains(s.keys, key)
}

func (s *Simulator) overLimit() *reply {
	ok, seconds := s.limit.take(s.now())
	if ok {
		return nil
	}
	refusal := results(http.StatusTooManyRequests, "too many requests")
	if seconds > 0 {
		refusal.headers = map[string]string{"Retry-After": strconv.Itoa(seconds)}
	}
	return &refusal
}

func requestLine(r *http.Request, t target, request received, list *memberList) *RequestLine {
	entry := &RequestLine{
		Remote: r.RemoteAddr, Method: r.Method, Path: withoutTokens(r.URL.Path), Endpoint: t.endpoint, Report: t.report,
		Gone: t.gone, KeyID: keyID(request.key), ContentLength: r.ContentLength, BodyError: request.problem,
	}
	if t.endpoint == reports {
		entry.Query = withoutTokens(r.URL.RawQuery)
	}
	if request.problem == "" {
		sum := sha256.Sum256(request.body)
		entry.BodySHA256 = hex.EncodeToString(sum[:])
	}
	if list != nil {
		entry.MemberCount, entry.Members = list.count, list.members
	}
	names := map[string]bool{"host": true} // net/http removes this header from the map
	for name := range r.Header {
		names[strings.ToLower(name)] = true
	}
	entry.HeaderNames = slices.Sorted(maps.Keys(names))
	return entry
}

// exchange is a request that is in the log and has not been answered yet.
type exchange struct {
	*Simulator
	w      http.ResponseWriter
	r      *http.Request
	line   *RequestLine
	stored bool
}

// respond sends the normal answer, or the answer with the fault. The list is nil if the request isn't valid.
func (x *exchange) respond(fault *Fault, normal reply, request received, list *memberList) {
	if list != nil && (fault == nil || fault.storesFirst()) {
		if !x.keep(list) {
			return
		}
	}
	answer, wait := normal, x.currentDelay()+normal.wait
	if fault != nil {
		answer = fault.apply(normal, request)
		if answer.pause == 0 {
			wait += fault.delay()
		}
	}
	if !pause(x.r, wait) && answer.manner != reset {
		x.clientGone(fault)
		return
	}
	if fault != nil && fault.Fault == faultHold {
		release := x.held.enter()
		defer x.held.leave(release)
		var status int
		select {
		case status = <-release:
		case <-x.r.Context().Done():
		}
		if x.r.Context().Err() != nil {
			x.clientGone(fault)
			return
		}
		if status == 0 {
			status = fault.Status
		}
		switch {
		case status == 0:
		case request.report != "" && isSuccess(status) && isSuccess(normal.status):
			answer.status = status // a report's success is its rows
		default:
			answer = results(status, "released")
		}
		if list != nil && isSuccess(answer.status) && fault.storesOnRelease() && !x.keep(list) {
			return
		}
	}
	x.finish(answer, fault)
}

// keep stores the audience. It returns false if the log can't be written.
func (x *exchange) keep(list *memberList) bool {
	err := x.store.AddAudience(&AudienceLine{
		Request: x.line.Seq, Kind: list.kind, KeyID: x.line.KeyID, BodySHA256: x.line.BodySHA256,
		MemberSetSHA256: list.setSHA256, MemberCount: list.count, Members: list.members,
	})
	if err != nil {
		refuseUnlogged(x.w, err)
		return false
	}
	x.stored = true
	return true
}

// finish logs the answer before it sends it.
func (x *exchange) finish(answer reply, fault *Fault) {
	entry := &AnswerLine{Request: x.line.Seq, Status: answer.status, Fault: nameOf(fault), Stored: x.stored}
	if err := x.store.AddAnswer(entry); err != nil {
		refuseUnlogged(x.w, err)
		return
	}
	answer.send(x.w, x.r)
}

// clientGone ends an exchange whose client has disconnected, or that is canceled by the end of the server.
func (x *exchange) clientGone(fault *Fault) {
	_ = x.store.AddAnswer(&AnswerLine{Request: x.line.Seq, Fault: nameOf(fault), Stored: x.stored, ClientGone: true})
	panic(http.ErrAbortHandler)
}

func nameOf(fault *Fault) string {
	if fault == nil {
		return ""
	}
	return fault.Fault
}

// refuseUnlogged answers if the log can't be written: without the log, tests can't rely on the simulator.
func refuseUnlogged(w http.ResponseWriter, err error) {
	http.Error(w, fmt.Sprintf("simulator: %v", err), http.StatusInsufficientStorage)
}
