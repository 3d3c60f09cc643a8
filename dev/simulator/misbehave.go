package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// manner is how an answer is sent.
type manner int

const (
	plain     manner = iota
	trickled         // one byte at a time
	truncated        // less than Content-Length
	endless          // never ends
	dropped          // no answer, normal close
	reset            // no answer, TCP reset
)

// reply is an answer to send.
type reply struct {
	status  int
	headers map[string]string
	body    []byte
	rows    *rowStream // instead of a body
	manner  manner
	pause   time.Duration // between writes
	wait    time.Duration // before the answer, with or without a fault
}

const (
	defaultOversized = 8 << 20
	defaultTrickle   = 50 * time.Millisecond
	missingBytes     = 100
)

// apply returns the answer with the fault, given the normal answer. Faults with true answers don't change a refusal
// (a wrong key, an invalid list).
func (f Fault) apply(normal reply, request received) reply {
	succeeded := isSuccess(normal.status)
	answer := normal
	switch f.Fault {
	case faultSlow:
		answer.manner, answer.pause = trickled, f.delay()
		if answer.pause == 0 {
			answer.pause = defaultTrickle
		}
	case faultOversized:
		answer = sized(normal, f, succeeded)
	case faultEcho:
		status := normal.status
		if f.Status != 0 {
			status = f.Status
		}
		sent := string(request.body)
		if request.report != "" {
			sent = request.path
		}
		answer = results(status, fmt.Sprintf("workspace_api_key %s sent %s", request.key, sent))
	case faultStatus, faultStoreThenStatus:
		answer = f.custom()
	case faultErrorTrue:
		message := "the audience could not be created"
		if request.report != "" {
			message = "the report could not be created"
		}
		if f.Message != "" {
			message = f.Message
		}
		answer = reply{status: http.StatusOK, body: resultsBody(true, message)}
	case faultGarbage:
		answer = reply{status: f.statusOr(http.StatusOK), body: []byte("<!doctype html><title>Welcome</title>{\"results\":")}
		if f.Body != nil {
			answer.body = []byte(*f.Body)
		}
	case faultEmpty:
		answer = reply{status: f.statusOr(http.StatusOK)}
	case faultTruncated:
		// The body is a complete document, so only a client that checks the length notices.
		if request.report == "" {
			answer = results(http.StatusOK, "created")
		}
		answer.status, answer.manner = f.statusOr(answer.status), truncated
	case faultEndless:
		answer = reply{status: f.statusOr(http.StatusOK), manner: endless, pause: f.delay()}
		if normal.rows != nil {
			rows := *normal.rows
			rows.endless = true
			answer.rows, answer.headers = &rows, normal.headers
		}
	case faultRateLimited:
		message := "too many requests"
		if f.Message != "" {
			message = f.Message
		}
		answer = results(f.statusOr(http.StatusTooManyRequests), message)
		if value, _ := f.retryAfter(); value != "" {
			answer.headers = map[string]string{"Retry-After": value}
		}
	case faultRedirect:
		location := f.Location
		if location == "" {
			location = "/moved" + request.path
		}
		answer = reply{status: f.statusOr(http.StatusTemporaryRedirect), headers: map[string]string{"Location": location}}
	case faultCloseBeforeReading:
		answer = reply{manner: reset}
	case faultCloseAfterStoring:
		answer = reply{manner: dropped}
		if f.Reset {
			answer.manner = reset
		}
	}
	return answer
}

func (f Fault) statusOr(status int) int {
	if f.Status != 0 {
		return f.Status
	}
	return status
}

// custom answers with a status and a typical body for it: HTML of a gateway for 5xx, JSON of the API otherwise. A
// success that stored nothing has error:true, because no client could detect a false success.
func (f Fault) custom() reply {
	answer := reply{status: f.Status, headers: f.Headers}
	switch {
	case f.Body != nil:
		answer.body = []byte(*f.Body)
	case f.Status >= 500:
		answer.body = fmt.Appendf(nil, "<html><title>%d %s</title></html>\n", f.Status, http.StatusText(f.Status))
	case f.Fault == faultStatus:
		answer.body = resultsBody(true, http.StatusText(f.Status))
	default:
		answer.body = results(f.Status, http.StatusText(f.Status)).body
	}
	return answer
}

// sized extends the message, so that the answer is valid and has the requested size. A report gets more rows until it
// is at least that large.
func sized(normal reply, f Fault, succeeded bool) reply {
	if !succeeded {
		return normal
	}
	size := f.SizeBytes
	if size == 0 {
		size = defaultOversized
	}
	status := f.statusOr(normal.status)
	if normal.rows != nil {
		rows := *normal.rows
		rows.atLeast = int64(size)
		normal.status, normal.rows = status, &rows
		return normal
	}
	empty := len(results(status, "").body)
	return results(status, strings.Repeat("x", max(0, size-empty)))
}

// results is an answer in the documented format, with error false for 2xx and true otherwise.
func results(status int, message string) reply {
	return reply{status: status, body: resultsBody(!isSuccess(status), message)}
}

func isSuccess(status int) bool { return status >= 200 && status < 300 }

// send doesn't return whether the answer arrived: the server can't know that.
func (answer reply) send(w http.ResponseWriter, r *http.Request) {
	switch answer.manner {
	case dropped, reset:
		closeConnection(w, answer.manner == reset)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	// A fault's own headers simulate proxies, so they override the default headers.
	for name, value := range answer.headers {
		header.Set(name, value)
	}
	if answer.rows != nil {
		answer.sendRows(w, r)
		return
	}
	if answer.manner == endless {
		answer.sendEndless(w, r)
		return
	}
	length := len(answer.body)
	if answer.manner == truncated {
		length += missingBytes
	}
	if answer.status != http.StatusNoContent && answer.status != http.StatusNotModified {
		header.Set("Content-Length", strconv.Itoa(length))
	}
	w.WriteHeader(answer.status)
	switch answer.manner {
	case plain:
		_, _ = w.Write(answer.body)
	case truncated:
		_, _ = w.Write(answer.body)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // ends the connection in the middle of an answer
	case trickled:
		for i := range answer.body {
			if !writeAndPause(w, r, answer.body[i:i+1], answer.pause) {
				return
			}
		}
	}
}

// sendRows sends no Content-Length, because it would have to generate all rows first. Only a truncated answer needs
// one.
func (answer reply) sendRows(w http.ResponseWriter, r *http.Request) {
	if answer.manner == truncated {
		var length byteCounter
		_ = answer.rows.writeTo(&length)
		w.Header().Set("Content-Length", strconv.FormatInt(int64(length)+missingBytes, 10))
	}
	w.WriteHeader(answer.status)
	var to io.Writer = w
	switch answer.manner {
	case trickled:
		to = pacedWriter{w, r, 1, answer.pause}
	case endless:
		to = pacedWriter{w, r, chunkSize, answer.pause}
	}
	err := answer.rows.writeTo(to)
	if answer.manner == truncated {
		_ = http.NewResponseController(w).Flush()
	}
	if answer.manner == truncated || err != nil {
		panic(http.ErrAbortHandler)
	}
}

type byteCounter int64

func (c *byteCounter) Write(p []byte) (int, error) {
	*c += byteCounter(len(p))
	return len(p), nil
}

// pacedWriter pauses after each piece.
type pacedWriter struct {
	w     http.ResponseWriter
	r     *http.Request
	size  int
	pause time.Duration
}

func (p pacedWriter) Write(text []byte) (int, error) {
	for piece := range slices.Chunk(text, p.size) {
		if !writeAndPause(p.w, p.r, piece, p.pause) {
			return 0, http.ErrAbortHandler
		}
	}
	return len(text), nil
}

// sendEndless begins like a success, so that a client can't reject the answer at the first byte.
func (answer reply) sendEndless(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(answer.status)
	chunk := []byte(`{"results":{"error":false,"message":"`)
	filling := []byte(strings.Repeat("x", 32<<10))
	for writeAndPause(w, r, chunk, answer.pause) {
		chunk = filling
	}
	panic(http.ErrAbortHandler) // a return would end the body
}

func writeAndPause(w http.ResponseWriter, r *http.Request, chunk []byte, duration time.Duration) bool {
	if _, err := w.Write(chunk); err != nil {
		return false
	}
	if err := http.NewResponseController(w).Flush(); err != nil {
		return false
	}
	return pause(r, duration)
}

// pause returns false if the client disconnected or the server ends in the meantime.
func pause(r *http.Request, duration time.Duration) bool {
	if duration > 0 {
		timer := time.NewTimer(duration)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
		}
	}
	return r.Context().Err() == nil
}

func closeConnection(w http.ResponseWriter, byReset bool) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, isTCP := connection.(*net.TCPConn); isTCP && byReset {
		_ = tcp.SetLinger(0) // makes close send a reset
	}
	connection.Close()
}
