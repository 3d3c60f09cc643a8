package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// RequestLine is a request that reached the simulator. Times and numbers are filled in by the store.
type RequestLine struct {
	Type          string          `json:"type"` // "request"
	Seq           int64           `json:"seq"`
	Time          time.Time       `json:"time"`
	Remote        string          `json:"remote"`
	Method        string          `json:"method"`
	Path          string          `json:"path"` // without a report's token
	Endpoint      string          `json:"endpoint"`
	Report        string          `json:"report,omitempty"`
	Gone          bool            `json:"gone,omitempty"`  // not the report's URL, or no longer
	Query         string          `json:"query,omitempty"` // of a report, as it came
	KeyID         string          `json:"keyId"`
	ContentLength int64           `json:"contentLength"` // -1: not said
	BodySHA256    string          `json:"bodySha256,omitempty"`
	BodyError     string          `json:"bodyError,omitempty"`
	HeaderNames   []string        `json:"headerNames"`
	MemberCount   int             `json:"memberCount"`
	Members       json.RawMessage `json:"members,omitempty"`
}

// AudienceLine is an audience that was stored. It shares its members with its request's line.
type AudienceLine struct {
	Type            string          `json:"type"` // "audience"
	Seq             int64           `json:"seq"`
	Time            time.Time       `json:"time"`
	Request         int64           `json:"request"`
	Kind            string          `json:"kind"`
	KeyID           string          `json:"keyId"`
	BodySHA256      string          `json:"bodySha256"`
	MemberSetSHA256 string          `json:"memberSetSha256"`
	DuplicateOf     int64           `json:"duplicateOf,omitempty"` // the first audience of the same kind and set
	MemberCount     int             `json:"memberCount"`
	Members         json.RawMessage `json:"members"`
}

// AnswerLine is what the simulator set out to answer. Whether it arrived is the client's to know.
type AnswerLine struct {
	Type       string    `json:"type"` // "answer"
	Seq        int64     `json:"seq"`
	Time       time.Time `json:"time"`
	Request    int64     `json:"request"`
	Status     int       `json:"status,omitempty"` // absent: no answer
	Fault      string    `json:"fault,omitempty"`
	Stored     bool      `json:"stored"`
	ClientGone bool      `json:"clientGone,omitempty"` // seen to have left before its answer was due
}

func (l *RequestLine) seq() int64  { return l.Seq }
func (l *AudienceLine) seq() int64 { return l.Seq }
func (l *AnswerLine) seq() int64   { return l.Seq }

type line interface{ seq() int64 }

// Store is the append-only log, in memory and, if it has a file, there as well. Lines are never changed once they are in,
// so snapshots of its slices can be read without the lock.
type Store struct {
	mu        sync.Mutex
	file      *os.File
	err       error // the first failed write: from then on the file can't be trusted, and nothing is answered
	lines     []line
	requests  []*RequestLine
	audiences []*AudienceLine
	answers   map[int64]*AnswerLine // by request
	firstOf   map[string]int64      // kind and set of members -> the first audience
	changed   chan struct{}         // closed and replaced at each change
}

// OpenStore reads what the file holds and goes on from there. An empty path keeps the log in memory only.
func OpenStore(path string) (*Store, error) {
	s := &Store{answers: map[int64]*AnswerLine{}, firstOf: map[string]int64{}, changed: make(chan struct{})}
	if path == "" {
		return s, nil
	}
	// The log holds the people on the lists, so it is nobody else's to read.
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := s.replay(file); err != nil {
		file.Close()
		return nil, fmt.Errorf("reading the log %s: %w", path, err)
	}
	s.file = file
	return s, nil
}

func (s *Store) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		s.file.Close()
	}
}

func (s *Store) replay(file *os.File) error {
	reader := bufio.NewReader(file)
	byNumber := map[int64]*RequestLine{}
	var whole int64 // bytes in whole lines
	for number := 1; ; number++ {
		text, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			// A kill can tear the last line. Nothing was answered after it, so what it tells hasn't happened.
			return file.Truncate(whole)
		}
		if err != nil {
			return err
		}
		whole += int64(len(text))
		var head struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(text, &head); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		var entry line
		switch head.Type {
		case "request":
			entry = &RequestLine{}
		case "audience":
			entry = &AudienceLine{}
		case "answer":
			entry = &AnswerLine{}
		default:
			return fmt.Errorf("line %d has the unknown type %q", number, head.Type)
		}
		if err := json.Unmarshal(text, entry); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		if want := int64(len(s.lines) + 1); entry.seq() != want {
			return fmt.Errorf("line %d has the number %d, not %d", number, entry.seq(), want)
		}
		switch l := entry.(type) {
		case *RequestLine:
			byNumber[l.Seq] = l
		case *AudienceLine:
			if request := byNumber[l.Request]; request != nil && bytes.Equal(request.Members, l.Members) {
				l.Members = request.Members
			}
		}
		s.keep(entry)
	}
}

// AddRequest, AddAudience and AddAnswer number a line, write it and keep it. A failed write is an error for good: an
// answer that the file doesn't know of would make the file a wrong witness.
func (s *Store) AddRequest(l *RequestLine) error {
	return s.add(l, func(seq int64, now time.Time) { l.Type, l.Seq, l.Time = "request", seq, now })
}

func (s *Store) AddAudience(l *AudienceLine) error {
	return s.add(l, func(seq int64, now time.Time) {
		l.Type, l.Seq, l.Time = "audience", seq, now
		l.DuplicateOf = s.firstOf[l.Kind+" "+l.MemberSetSHA256]
	})
}

func (s *Store) AddAnswer(l *AnswerLine) error {
	return s.add(l, func(seq int64, now time.Time) { l.Type, l.Seq, l.Time = "answer", seq, now })
}

func (s *Store) add(l line, number func(seq int64, now time.Time)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return s.err
	}
	number(int64(len(s.lines)+1), time.Now().UTC())
	if s.file != nil {
		text, err := json.Marshal(l)
		if err == nil {
			_, err = s.file.Write(append(text, '\n'))
		}
		if err != nil {
			s.err = fmt.Errorf("writing the log: %w", err)
			return s.err
		}
	}
	s.keep(l)
	s.wake()
	return nil
}

func (s *Store) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// notify lets those who wait look again, for changes that make no line.
func (s *Store) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake()
}

func (s *Store) keep(l line) {
	s.lines = append(s.lines, l)
	switch l := l.(type) {
	case *RequestLine:
		s.requests = append(s.requests, l)
	case *AudienceLine:
		s.audiences = append(s.audiences, l)
		if key := l.Kind + " " + l.MemberSetSHA256; s.firstOf[key] == 0 {
			s.firstOf[key] = l.Seq
		}
	case *AnswerLine:
		s.answers[l.Request] = l
	}
}

// Snapshot is the log at one moment.
type Snapshot struct {
	Lines     []line
	Requests  []*RequestLine
	Audiences []*AudienceLine
	answers   []*AnswerLine // as Requests; nil where none was given yet
}

// Snapshot gives what came after line number since.
func (s *Store) Snapshot(since int64) Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	snapshot := Snapshot{Lines: after(s.lines, since), Requests: after(s.requests, since), Audiences: after(s.audiences, since)}
	for _, request := range snapshot.Requests {
		snapshot.answers = append(snapshot.answers, s.answers[request.Seq])
	}
	return snapshot
}

// after finds the tail of a slice that is ordered by number.
func after[L line](lines []L, since int64) []L {
	start := len(lines)
	for start > 0 && lines[start-1].seq() > since {
		start--
	}
	return lines[start:len(lines):len(lines)]
}

// Wait returns once ready says so of the log's newest state, or when the context ends.
func (s *Store) Wait(ctx context.Context, ready func() bool) {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		if ready() {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// Counts is the log in numbers.
type Counts struct {
	LastSeq  int64 `json:"lastSeq"`
	Requests struct {
		Total      int                       `json:"total"`
		Unanswered int                       `json:"unanswered"`
		ByEndpoint map[string]int            `json:"byEndpoint"`
		ByStatus   map[string]map[string]int `json:"byStatus"` // endpoint -> status, or "none" -> count
	} `json:"requests"`
	Audiences struct {
		Stored     int `json:"stored"`
		Contacts   int `json:"contacts"`
		Accounts   int `json:"accounts"`
		Duplicates int `json:"duplicates"`
	} `json:"audiences"`
	Reports map[string]ReportCounts `json:"reports"`
}

// ReportCounts are the requests for a report.
type ReportCounts struct {
	Requests int `json:"requests"`
	Gone     int `json:"gone"` // those of them that weren't for its URL
}

func (s *Store) Counts() Counts {
	snapshot := s.Snapshot(0)
	var c Counts
	c.LastSeq = int64(len(snapshot.Lines))
	c.Requests.Total = len(snapshot.Requests)
	c.Requests.ByEndpoint = map[string]int{contacts: 0, accounts: 0}
	c.Requests.ByStatus = map[string]map[string]int{contacts: {}, accounts: {}}
	c.Reports = map[string]ReportCounts{}
	for name := range reportShapes {
		c.Reports[name] = ReportCounts{}
	}
	for i, request := range snapshot.Requests {
		c.Requests.ByEndpoint[request.Endpoint]++
		if request.Report != "" {
			report := c.Reports[request.Report]
			report.Requests++
			if request.Gone {
				report.Gone++
			}
			c.Reports[request.Report] = report
		}
		answer := snapshot.answers[i]
		if answer == nil {
			c.Requests.Unanswered++
			continue
		}
		statuses := c.Requests.ByStatus[request.Endpoint]
		if statuses == nil {
			statuses = map[string]int{}
			c.Requests.ByStatus[request.Endpoint] = statuses
		}
		statuses[statusName(answer)]++
	}
	c.Audiences.Stored = len(snapshot.Audiences)
	for _, audience := range snapshot.Audiences {
		if audience.Kind == contacts {
			c.Audiences.Contacts++
		} else {
			c.Audiences.Accounts++
		}
		if audience.DuplicateOf != 0 {
			c.Audiences.Duplicates++
		}
	}
	return c
}

func statusName(answer *AnswerLine) string {
	if answer.Status == 0 {
		return "none"
	}
	return fmt.Sprint(answer.Status)
}
