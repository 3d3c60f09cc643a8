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

// RequestLine is a request that reached the simulator. The store sets Type, Seq and Time.
type RequestLine struct {
	Type          string          `json:"type"` // "request"
	Seq           int64           `json:"seq"`
	Time          time.Time       `json:"time"`
	Remote        string          `json:"remote"`
	Method        string          `json:"method"`
	Path          string          `json:"path"` // without a report's token
	Endpoint      string          `json:"endpoint"`
	Report        string          `json:"report,omitempty"`
	Gone          bool            `json:"gone,omitempty"`  // an old or wrong URL of the report
	Query         string          `json:"query,omitempty"` // of a report, as received
	KeyID         string          `json:"keyId"`
	ContentLength int64           `json:"contentLength"` // -1: unknown
	BodySHA256    string          `json:"bodySha256,omitempty"`
	BodyError     string          `json:"bodyError,omitempty"`
	HeaderNames   []string        `json:"headerNames"`
	MemberCount   int             `json:"memberCount"`
	Members       json.RawMessage `json:"members,omitempty"`
}

// AudienceLine is a stored audience. It shares its members with the line of its request.
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

// AnswerLine is the answer that the simulator tried to send. It may not have arrived.
type AnswerLine struct {
	Type       string    `json:"type"` // "answer"
	Seq        int64     `json:"seq"`
	Time       time.Time `json:"time"`
	Request    int64     `json:"request"`
	Status     int       `json:"status,omitempty"` // absent: no answer
	Fault      string    `json:"fault,omitempty"`
	Stored     bool      `json:"stored"`
	ClientGone bool      `json:"clientGone,omitempty"` // the client disconnected before the answer was sent
}

func (l *RequestLine) seq() int64  { return l.Seq }
func (l *AudienceLine) seq() int64 { return l.Seq }
func (l *AnswerLine) seq() int64   { return l.Seq }

type line interface{ seq() int64 }

// Store is the append-only log, in memory and, if there is a file, also in the file. Lines never change after they were
// added, so snapshots of its slices can be read without the lock.
type Store struct {
	mu        sync.Mutex
	file      *os.File
	err       error // the first failed write; after it, the file is incomplete and nothing is answered
	lines     []line
	requests  []*RequestLine
	audiences []*AudienceLine
	answers   map[int64]*AnswerLine // by request
	firstOf   map[string]int64      // kind and set of members -> the first audience
	changed   chan struct{}         // closed and replaced at each change
}

// OpenStore reads the file and continues from its content. With an empty path, the log is only in memory.
func OpenStore(path string) (*Store, error) {
	s := &Store{answers: map[int64]*AnswerLine{}, firstOf: map[string]int64{}, changed: make(chan struct{})}
	if path == "" {
		return s, nil
	}
	// The log contains the people on the lists, so only the owner may read it.
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
	var whole int64 // bytes in complete lines
	for number := 1; ; number++ {
		text, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			// After a kill, the last line can be incomplete. Nothing was answered after it, so it can be dropped.
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

// AddRequest, AddAudience and AddAnswer number a line, write it and keep it. After a failed write, all further calls
// fail: the file must contain every answer.
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
	s.broadcast()
	return nil
}

func (s *Store) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// notify makes all callers of Wait check again, after a change that adds no line.
func (s *Store) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broadcast()
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

// Snapshot is the log at a moment in time.
type Snapshot struct {
	Lines     []line
	Requests  []*RequestLine
	Audiences []*AudienceLine
	answers   []*AnswerLine // parallel to Requests; nil if not answered yet
}

// Snapshot returns the lines after number since.
func (s *Store) Snapshot(since int64) Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	snapshot := Snapshot{Lines: after(s.lines, since), Requests: after(s.requests, since), Audiences: after(s.audiences, since)}
	for _, request := range snapshot.Requests {
		snapshot.answers = append(snapshot.answers, s.answers[request.Seq])
	}
	return snapshot
}

// after returns the lines with a number above since, from a slice that is ordered by number.
func after[L line](lines []L, since int64) []L {
	start := len(lines)
	for start > 0 && lines[start-1].seq() > since {
		start--
	}
	return lines[start:len(lines):len(lines)]
}

// Wait returns when ready returns true for the newest state of the log, or when the context ends.
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

// Counts are the counts of the log's lines.
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
	Gone     int `json:"gone"` // of these, the ones with an old or wrong URL
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
