package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFaultsWithAnAnswer(t *testing.T) {
	date := "Wed, 21 Oct 2026 07:28:00 GMT"
	for _, c := range []struct {
		fault  string
		status int
		stored int
		check  func(t *testing.T, got answer)
	}{
		{`{"fault":"delay","delayMs":20}`, 200, 1, isResults(false)},
		{`{"fault":"delay","store":false}`, 200, 0, isResults(false)},
		{`{"fault":"slow","delayMs":1}`, 200, 1, isResults(false)},
		{`{"fault":"status","status":500}`, 500, 0, contains("<html>")},
		{`{"fault":"status","status":422}`, 422, 0, isResults(true)},
		{`{"fault":"status","status":204}`, 204, 0, isEmpty},
		{`{"fault":"status","status":202}`, 202, 0, isResults(true)},
		{`{"fault":"status","status":502,"body":"<b>bad</b>","headers":{"Content-Type":"text/html","Server":"proxy"}}`, 502, 0,
			func(t *testing.T, got answer) {
				if got.body != "<b>bad</b>" || got.header.Get("Server") != "proxy" || got.header.Get("Content-Type") != "text/html" {
					t.Errorf("got %+v", got)
				}
			}},
		{`{"fault":"status","status":500,"store":true}`, 500, 1, nil},
		{`{"fault":"storeThenStatus","status":503}`, 503, 1, nil},
		{`{"fault":"storeThenStatus","status":201}`, 201, 1, isResults(false)},
		{`{"fault":"errorTrue"}`, 200, 0, isResults(true)},
		{`{"fault":"errorTrue","message":"no seats","store":true}`, 200, 1, contains("no seats")},
		{`{"fault":"garbage"}`, 200, 0, contains("<title>")},
		{`{"fault":"garbage","store":true,"body":"OK"}`, 200, 1, contains("OK")},
		{`{"fault":"empty"}`, 200, 0, isEmpty},
		{`{"fault":"oversized"}`, 200, 1, hasSize(defaultOversized)},
		{`{"fault":"oversized","sizeBytes":100000,"store":false}`, 200, 0, hasSize(100000)},
		{`{"fault":"rateLimited"}`, 429, 0, hasHeader("Retry-After", "")},
		{`{"fault":"rateLimited","retryAfter":null}`, 429, 0, hasHeader("Retry-After", "")},
		{`{"fault":"rateLimited","retryAfter":7}`, 429, 0, hasHeader("Retry-After", "7")},
		{`{"fault":"rateLimited","retryAfter":0,"status":503}`, 503, 0, hasHeader("Retry-After", "0")},
		{`{"fault":"rateLimited","retryAfter":"` + date + `"}`, 429, 0, hasHeader("Retry-After", date)},
		{`{"fault":"redirect"}`, 307, 0, hasHeader("Location", "/moved"+accountsPath)},
		{`{"fault":"redirect","status":302,"location":"http://elsewhere.example/"}`, 302, 0, hasHeader("Location", "http://elsewhere.example/")},
		{`{"fault":"echo"}`, 200, 1, echoes(false)},
		{`{"fault":"echo","status":400}`, 400, 0, echoes(true)},
	} {
		t.Run(c.fault, func(t *testing.T) {
			h := start(t)
			h.fault(c.fault)
			got := h.mustPost(accountsPath, oneAccount, c.status)
			if c.check != nil {
				c.check(t, got)
			}
			h.wantStored(c.stored)
			logged := h.lastAnswer()
			if logged.Status != c.status || logged.Stored != (c.stored == 1) || logged.Fault == "" {
				t.Errorf("logged as %+v", logged)
			}
		})
	}
}

func isResults(isError bool) func(*testing.T, answer) {
	return func(t *testing.T, got answer) { wantResults(t, got, isError) }
}

func contains(text string) func(*testing.T, answer) {
	return func(t *testing.T, got answer) {
		if !strings.Contains(got.body, text) {
			t.Errorf("body %.300q", got.body)
		}
	}
}

func isEmpty(t *testing.T, got answer) {
	if got.body != "" {
		t.Errorf("body %.300q", got.body)
	}
}

func hasSize(size int) func(*testing.T, answer) {
	return func(t *testing.T, got answer) {
		wantResults(t, got, false)
		if len(got.body) != size {
			t.Errorf("%d bytes, want %d", len(got.body), size)
		}
	}
}

func hasHeader(name, want string) func(*testing.T, answer) {
	return func(t *testing.T, got answer) {
		if value := got.header.Get(name); value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
}

func echoes(isError bool) func(*testing.T, answer) {
	return func(t *testing.T, got answer) {
		if message := wantResults(t, got, isError); !strings.Contains(message, testKey) || !strings.Contains(message, oneAccount) {
			t.Errorf("message %q", message)
		}
	}
}

func TestOnlyValidRequestsAreStored(t *testing.T) {
	for _, fault := range []string{
		`{"fault":"storeThenStatus","status":503}`, `{"fault":"garbage","store":true}`, `{"fault":"delay"}`,
		`{"fault":"oversized"}`, `{"fault":"echo"}`, `{"fault":"slow","delayMs":1}`, `{"fault":"echo","status":200}`,
	} {
		h := start(t)
		h.fault(fault)
		if got, err := h.do(h.request(t.Context(), http.MethodPost, accountsPath, "wrong", oneAccount)); err != nil {
			t.Errorf("%s: %d (%v)", fault, got.status, err)
		}
		h.mustPostAny(accountsPath, `{"accounts":[]}`)
		h.wantStored(0)
	}
	// Faults with true answers don't turn a refusal into a success.
	h := start(t)
	h.fault(`{"fault":"oversized"}`)
	h.mustPost(accountsPath, `{"accounts":[]}`, 400)
}

func (h *harness) mustPostAny(path, body string) {
	h.Helper()
	if _, err := h.post(path, body); err != nil {
		h.Fatal(err)
	}
}

func TestTruncated(t *testing.T) {
	h := start(t)
	h.fault(`{"fault":"truncated","store":true}`)
	got, err := h.post(accountsPath, oneAccount)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("read %q with %v", got.body, err)
	}
	wantResults(t, got, false) // the received part is a complete document, so a client must check the length
	h.wantStored(1)
}

func TestEndless(t *testing.T) {
	for _, fault := range []string{`{"fault":"endless"}`, `{"fault":"endless","delayMs":1}`} {
		h := start(t)
		h.fault(fault)
		response, err := http.DefaultTransport.RoundTrip(h.request(t.Context(), http.MethodPost, accountsPath, testKey, oneAccount))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, response.Body, 1<<20); err != nil {
			t.Fatalf("%s: the answer ended: %v", fault, err)
		}
		response.Body.Close()
		h.wantStored(0)
	}
}

func TestSlowSendsByteByByte(t *testing.T) {
	h := start(t)
	h.fault(`{"fault":"slow","delayMs":3600000}`)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	response, err := http.DefaultTransport.RoundTrip(h.request(ctx, http.MethodPost, accountsPath, testKey, oneAccount))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	buffer := make([]byte, 100)
	if n, err := response.Body.Read(buffer); n != 1 || err != nil || response.ContentLength < 10 {
		t.Fatalf("read %d bytes of %d (%v)", n, response.ContentLength, err)
	}
	h.wantStored(1)
}

// rawPost uses a socket directly, because a client library may hide how a connection ended.
func rawPost(h *harness, body string) ([]byte, error) {
	h.Helper()
	connection, err := net.Dial("tcp", h.server.Listener.Addr().String())
	if err != nil {
		h.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(patience))
	_, err = fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: x\r\nworkspace_api_key: %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s",
		accountsPath, testKey, len(body), body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(bufio.NewReader(connection))
}

func TestClosingFaults(t *testing.T) {
	for _, c := range []struct {
		fault     string
		body      string
		stored    int
		wantReset bool
	}{
		{`{"fault":"closeBeforeReading"}`, oneAccount, 0, true},
		{`{"fault":"closeBeforeReading","delayMs":5}`, accountOfSize(4 << 20), 0, true},
		{`{"fault":"closeAfterStoring"}`, oneAccount, 1, false},
		{`{"fault":"closeAfterStoring"}`, accountOfSize(4 << 20), 1, false},
		{`{"fault":"closeAfterStoring","reset":true}`, oneAccount, 1, true},
		{`{"fault":"closeAfterStoring"}`, `{"accounts":[]}`, 0, false},
	} {
		t.Run(c.fault, func(t *testing.T) {
			h := start(t)
			h.fault(c.fault)
			got, err := rawPost(h, c.body)
			if len(got) > 0 {
				t.Errorf("there was an answer: %q", got)
			}
			wasReset := errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
			if wasReset != c.wantReset || (err != nil && !wasReset) {
				t.Errorf("ended with %v, want a reset: %v", err, c.wantReset)
			}
			logged := h.lastAnswer()
			if logged.Status != 0 || logged.Stored != (c.stored == 1) || logged.ClientGone {
				t.Errorf("logged as %+v", logged)
			}
			h.wantStored(c.stored)
			if request := h.sim.store.Snapshot(0).Requests[0]; request.ContentLength != int64(len(c.body)) {
				t.Errorf("the request is logged as %+v", request)
			}
		})
	}
}

func accountOfSize(size int) string {
	return `{"accounts":[{"website":"` + strings.Repeat("x", size) + `"}]}`
}

func TestHold(t *testing.T) {
	for _, c := range []struct {
		fault        string
		release      string
		status       int
		held, stored int // stored audiences during the hold, and after it
	}{
		{`{"fault":"hold"}`, ``, 200, 0, 1},
		{`{"fault":"hold","store":true}`, ``, 200, 1, 1},
		{`{"fault":"hold","store":false}`, ``, 200, 0, 0},
		{`{"fault":"hold","status":503}`, ``, 503, 0, 0},
		{`{"fault":"hold","status":503}`, `{"status":200}`, 200, 0, 1},
		{`{"fault":"hold","store":true}`, `{"status":500}`, 500, 1, 1},
	} {
		t.Run(c.fault+c.release, func(t *testing.T) {
			h := start(t)
			h.fault(c.fault)
			answers := make(chan answer, 2)
			for i := range 2 {
				go func() {
					got, err := h.post(accountsPath, accountNo(i))
					if err != nil {
						t.Error(err)
					}
					answers <- got
				}()
			}
			h.wantHeld(2)
			h.wantStored(2 * c.held)
			var released struct{ Released int }
			h.steer(http.MethodPost, "/_sim/release", c.release, &released)
			if released.Released != 2 {
				t.Errorf("released %d", released.Released)
			}
			for range 2 {
				if got := <-answers; got.status != c.status {
					t.Errorf("answered %d", got.status)
				}
			}
			h.wantStored(2 * c.stored)
			h.wantHeld(0)
		})
	}
}

func (h *harness) wantHeld(want int) {
	h.Helper()
	var view heldView
	h.steer(http.MethodGet, fmt.Sprintf("/_sim/held?atLeast=%d&waitMs=%d", want, patience.Milliseconds()), "", &view)
	if view.Held != want {
		h.Fatalf("%d held, want %d", view.Held, want)
	}
}

func TestClientsMayDisconnectDuringAHold(t *testing.T) {
	for fault, stored := range map[string]int{`{"fault":"hold"}`: 0, `{"fault":"hold","store":true}`: 1} {
		h := start(t)
		h.fault(fault)
		ctx, leave := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = h.do(h.request(ctx, http.MethodPost, accountsPath, testKey, oneAccount))
		}()
		h.wantHeld(1)
		leave()
		<-ended
		if got := h.lastAnswer(); !got.ClientGone || got.Stored != (stored == 1) || got.Fault != "hold" {
			t.Errorf("%s: logged as %+v", fault, got)
		}
		h.wantStored(stored)
	}
}

func TestFaultsAreSelectedInOrder(t *testing.T) {
	h := start(t)
	h.fault(`[{"endpoint":"accounts","fault":"status","status":500,"after":1,"times":2},
		{"endpoint":"contacts","fault":"status","status":501,"times":1},
		{"fault":"status","status":502,"after":1,"times":1}]`)
	for _, want := range []int{200, 500, 500, 502, 200} { // the third fault sees the two requests that the first lets pass
		h.mustPost(accountsPath, oneAccount, want)
	}
	for _, want := range []int{501, 200} {
		h.mustPost(contactsPath, oneContact, want)
	}
	if got := h.state().Faults; len(got) != 0 {
		t.Fatalf("remaining faults: %+v", got)
	}

	h.fault(`{"fault":"errorTrue"}`)
	h.fault(`{"fault":"errorTrue","times":3}`)
	for range 5 {
		wantResults(t, h.mustPost(accountsPath, oneAccount, 200), true)
	}
	var view faultsView
	h.steer(http.MethodGet, "/_sim/faults", "", &view)
	if len(view.Faults) != 2 || view.Faults[0].Used != 5 || view.Faults[0].Remaining != nil || *view.Faults[1].Remaining != 3 {
		t.Fatalf("active: %+v", view.Faults)
	}
	h.steer(http.MethodDelete, fmt.Sprintf("/_sim/faults?id=%d", view.Faults[0].ID), "", &view)
	if len(view.Faults) != 1 || view.Faults[0].Endpoint != "any" {
		t.Fatalf("active: %+v", view.Faults)
	}
	h.steer(http.MethodDelete, "/_sim/faults", "", &view)
	wantResults(t, h.mustPost(accountsPath, oneAccount, 200), false)
}
