package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

// request is a request that the API server answered, or a watch that it started.
type request struct {
	verb     string
	resource string // with the subresource, as in "contactaudiences/status"
	came     time.Time
	answered time.Time
}

func (r request) isWatch() bool { return r.verb == "watch" }
func (r request) isRead() bool  { return r.verb == "get" || r.verb == "list" || r.isWatch() }

// isAudienceStatus reports whether the request is about the status of an audience.
func (r request) isAudienceStatus() bool {
	return r.resource == "contactaudiences/status" || r.resource == "accountaudiences/status"
}

// auditLog collects the requests of one user, except those of leader election.
type auditLog struct {
	user     string
	file     *os.File
	reader   *bufio.Reader
	partial  []byte // the start of an incomplete line
	requests []request
}

func openAudit(path, user string) (*auditLog, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &auditLog{user: user, file: file, reader: bufio.NewReaderSize(file, 1<<20)}, nil
}

// read reads the lines that were logged since the last call.
func (a *auditLog) read() error {
	for {
		text, err := a.reader.ReadBytes('\n')
		a.partial = append(a.partial, text...)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		line := a.partial
		a.partial = nil
		// Most lines are about other users; decoding them would use CPU time and affect the measurement.
		if !bytes.Contains(line, []byte(a.user)) {
			continue
		}
		if err := a.take(line); err != nil {
			return err
		}
	}
}

func (a *auditLog) take(line []byte) error {
	var event struct {
		Stage      string
		Verb       string
		RequestURI string
		User       struct{ Username string }
		ObjectRef  *struct{ Resource, Subresource string }
		Received   time.Time `json:"requestReceivedTimestamp"`
		Answered   time.Time `json:"stageTimestamp"`
	}
	if err := json.Unmarshal(line, &event); err != nil {
		return err
	}
	// A watch is logged when it starts and when it ends, any other request once.
	if event.User.Username != a.user || (event.Verb == "watch") != (event.Stage == "ResponseStarted") {
		return nil
	}
	path, _, _ := strings.Cut(event.RequestURI, "?")
	r := request{verb: event.Verb, resource: path, came: event.Received, answered: event.Answered}
	if ref := event.ObjectRef; ref != nil {
		if ref.Resource == "leases" {
			return nil
		}
		r.resource = ref.Resource
		if ref.Subresource != "" {
			r.resource += "/" + ref.Subresource
		}
	}
	a.requests = append(a.requests, r)
	return nil
}

// since returns the requests that were received after a moment.
func (a *auditLog) since(moment time.Time) []request {
	later := slices.Clone(a.requests)
	return slices.DeleteFunc(later, func(r request) bool { return r.came.Before(moment) })
}

// lastAnswer returns the time of the last answer to these requests, or the zero time if there is none.
func lastAnswer(requests []request, counts func(request) bool) time.Time {
	var last time.Time
	for _, r := range requests {
		if counts(r) && r.answered.After(last) {
			last = r.answered
		}
	}
	return last
}
