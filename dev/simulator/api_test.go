package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestCreatesBothKinds(t *testing.T) {
	h := start(t)
	wantResults(t, h.mustPost(contactsPath, oneContact, 200), false)
	wantResults(t, h.mustPost(accountsPath, `{"accounts":[{"website":"b.example"},{"website":"a.example"}]}`, 200), false)

	var audiences []AudienceLine
	h.steer(http.MethodGet, "/_sim/audiences", "", &audiences)
	if len(audiences) != 2 || audiences[0].Kind != contacts || audiences[1].Kind != accounts {
		t.Fatalf("stored %+v", audiences)
	}
	if got, want := string(audiences[1].Members), `[{"website":"b.example"},{"website":"a.example"}]`; got != want {
		t.Fatalf("members %s, want %s", got, want)
	}
	if audiences[1].MemberCount != 2 || audiences[1].KeyID != keyID(testKey) {
		t.Fatalf("stored %+v", audiences[1])
	}
}

func TestValidBodies(t *testing.T) {
	for _, body := range []string{
		`{"contacts":[{"first_name":"A","last_name":"B","company_name":"C"}]}`,
		`{"contacts":[{"first_name":"A","last_name":"B","website":"c.example","email":"a@c.example"}]}`,
		` {"contacts" : [ {"linkedin_url":"x","first_name":""} ] } `,
	} {
		if _, err := parseList(contacts, []byte(body)); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestRefusesInvalidBodies(t *testing.T) {
	h := start(t)
	for _, c := range []struct{ path, body, message string }{
		{accountsPath, ``, "not JSON"},
		{accountsPath, `{"accounts":[{"website":"a.example"}]`, "not JSON"},
		{accountsPath, `{"accounts":[{"website":"a.example"}]}}`, "not JSON"},
		{accountsPath, "{\"accounts\":[{\"website\":\"\xff\"}]}", "not UTF-8"},
		{accountsPath, `[]`, "must be an object"},
		{accountsPath, `{}`, `must have the field "accounts"`},
		{accountsPath, `{"Accounts":[{"website":"a.example"}]}`, `must have the field "accounts"`},
		{accountsPath, oneContact, `must have the field "accounts"`},
		{accountsPath, `{"accounts":[{"website":"a.example"}],"name":"x"}`, "no other"},
		{accountsPath, `{"accounts":[{"website":"a.example"}],"accounts":[]}`, "no other"},
		{accountsPath, `{"accounts":null}`, "must be a list"},
		{accountsPath, `{"accounts":[]}`, "must not be empty"},
		{accountsPath, `{"accounts":["a.example"]}`, "accounts[0]: must be an object"},
		{accountsPath, `{"accounts":[{"website":"a.example"},{}]}`, "accounts[1]: needs"},
		{accountsPath, `{"accounts":[{"website":""}]}`, "needs"},
		{accountsPath, `{"accounts":[{"website":null}]}`, "must be a string"},
		{accountsPath, `{"accounts":[{"website":["a.example"]}]}`, "must be a string"},
		{accountsPath, `{"accounts":[{"website":"a.example","email":"a@a.example"}]}`, `unknown field "email"`},
		{accountsPath, `{"accounts":[{"website":"a.example","website":"b.example"}]}`, "comes twice"},
		{contactsPath, `{"contacts":[{"linkedin_url":7}]}`, "must be a string"},
		{contactsPath, `{"contacts":[{"linkedinUrl":"x"}]}`, "unknown field"},
		{contactsPath, `{"contacts":[{"first_name":"A","last_name":"B"}]}`, "needs"},
		{contactsPath, `{"contacts":[{"email":"a@c.example"}]}`, "needs"},
		{contactsPath, `{"contacts":[{"first_name":"A","company_name":"C","website":"c.example"}]}`, "needs"},
	} {
		if message := wantResults(t, h.mustPost(c.path, c.body, 400), true); !strings.Contains(message, c.message) {
			t.Errorf("%q: message %q, want %q in it", c.body, message, c.message)
		}
	}
	h.wantStored(0)
}

func TestRefusesWrongRequests(t *testing.T) {
	h := start(t)
	change := func(edit func(*http.Request)) *http.Request {
		r := h.request(t.Context(), http.MethodPost, accountsPath, testKey, oneAccount)
		edit(r)
		return r
	}
	for name, c := range map[string]struct {
		request *http.Request
		status  int
	}{
		"no key":       {change(func(r *http.Request) { delete(r.Header, keyHeader) }), 401},
		"wrong key":    {change(func(r *http.Request) { r.Header[keyHeader] = []string{"wrong"} }), 401},
		"two keys":     {change(func(r *http.Request) { r.Header[keyHeader] = []string{testKey, testKey} }), 401},
		"content type": {change(func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }), 400},
		"no type":      {change(func(r *http.Request) { r.Header.Del("Content-Type") }), 400},
		"GET":          {h.request(t.Context(), http.MethodGet, contactsPath, testKey, ""), 405},
		"PUT":          {h.request(t.Context(), http.MethodPut, contactsPath, testKey, oneContact), 405},
		"unknown path": {h.request(t.Context(), http.MethodPost, "/create_audience", testKey, oneContact), 404},
		"unclean path": {h.request(t.Context(), http.MethodPost, "/"+accountsPath, testKey, oneAccount), 404},
		"POST to root": {h.request(t.Context(), http.MethodPost, "/", testKey, oneAccount), 404},
	} {
		got, err := h.do(c.request)
		if err != nil || got.status != c.status {
			t.Errorf("%s: status %d (%v), want %d", name, got.status, err, c.status)
			continue
		}
		wantResults(t, got, true)
	}
	h.wantStored(0)
	if got := h.state().Requests.Total; got != 10 {
		t.Errorf("%d requests in the log, want all 10", got)
	}
}

func TestLimitsTheBodySize(t *testing.T) {
	h := start(t)
	h.sim.maxBody = 1 << 10
	long := `{"accounts":[{"website":"` + strings.Repeat("x", 1<<10) + `"}]}`
	wantResults(t, h.mustPost(accountsPath, long, 413), true)
	if got := h.sim.store.Snapshot(0).Requests[0]; got.BodyError != "too large" || got.BodySHA256 != "" {
		t.Errorf("logged as %+v", got)
	}
	got, err := h.do(h.request(t.Context(), http.MethodPost, "/_sim/keys", "", long))
	if err != nil || got.status != 413 {
		t.Errorf("the admin API answers %d (%v)", got.status, err)
	}
}

func TestCountsDuplicatesAsSets(t *testing.T) {
	h := start(t)
	for _, body := range []string{
		`{"accounts":[{"website":"a.example"},{"website":"b.example"}]}`,
		`{"accounts":[{"website":"b.example"},{"website":"a.example"},{"website":"b.example"}]}`, // the same set
		`{"accounts":[{"website":"a.example"}]}`,
	} {
		h.mustPost(accountsPath, body, 200)
	}
	h.mustPost(contactsPath, `{"contacts":[{"linkedin_url":"x"}]}`, 200)
	h.mustPost(contactsPath, `{"contacts":[{"email":"","linkedin_url":"x"}]}`, 200) // the same set
	audiences := h.state().Audiences
	if audiences.Stored != 5 || audiences.Duplicates != 2 {
		t.Fatalf("counted %+v", audiences)
	}
	stored := h.sim.store.Snapshot(0).Audiences
	if stored[1].DuplicateOf != stored[0].Seq || stored[4].DuplicateOf != stored[3].Seq || stored[2].DuplicateOf != 0 {
		t.Fatal("the wrong audiences are marked as duplicates")
	}
}

func TestRotatesKeys(t *testing.T) {
	h := start(t)
	h.mustPost(accountsPath, oneAccount, 200)
	var view keysView
	h.steer(http.MethodPost, "/_sim/keys", `{"keys":["second","third"]}`, &view)
	if !slices.Equal(view.KeyIDs, []string{keyID("second"), keyID("third")}) {
		t.Fatalf("key ids %v", view.KeyIDs)
	}
	h.mustPost(accountsPath, oneAccount, 401)
	for _, key := range []string{"second", "third"} {
		if got, err := h.do(h.request(t.Context(), http.MethodPost, accountsPath, key, oneAccount)); err != nil || got.status != 200 {
			t.Fatalf("key %s: %d (%v)", key, got.status, err)
		}
	}
	h.wantStored(3)
}

func TestRateLimit(t *testing.T) {
	h := start(t)
	now := time.Now()
	h.sim.now = func() time.Time { return now }
	h.steer(http.MethodPost, "/_sim/limit", `{"requestsPerMinute":6,"burst":2,"retryAfter":true}`, nil)
	h.fault(`{"fault":"errorTrue","times":2}`)

	h.mustPost(accountsPath, oneAccount, 200)
	h.mustPost(accountsPath, oneAccount, 200)
	refused := h.mustPost(contactsPath, oneContact, 429)
	wantResults(t, refused, true)
	if got := refused.header.Get("Retry-After"); got != "10" {
		t.Fatalf("Retry-After %q, want 10", got)
	}
	now = now.Add(4 * time.Second)
	if got := h.mustPost(accountsPath, oneAccount, 429).header.Get("Retry-After"); got != "6" {
		t.Fatalf("Retry-After %q, want 6", got)
	}
	h.wantStored(0) // the two requests within the limit had the fault
	now = now.Add(6 * time.Second)
	h.mustPost(accountsPath, oneAccount, 200)
	h.mustPost(accountsPath, oneAccount, 429)
	h.wantStored(1)

	h.steer(http.MethodPost, "/_sim/limit", `{"requestsPerMinute":1,"burst":1}`, nil)
	h.mustPost(accountsPath, oneAccount, 200)
	if _, given := h.mustPost(accountsPath, oneAccount, 429).header["Retry-After"]; given {
		t.Fatal("a Retry-After although it is disabled")
	}
	h.steer(http.MethodPost, "/_sim/limit", `{"requestsPerMinute":0}`, nil)
	for range 5 {
		h.mustPost(accountsPath, oneAccount, 200)
	}
}

func TestDelay(t *testing.T) {
	h := start(t)
	h.steer(http.MethodPost, "/_sim/delay", `{"delayMs":30}`, nil)
	began := time.Now()
	h.mustPost(accountsPath, oneAccount, 200)
	if took := time.Since(began); took < 30*time.Millisecond {
		t.Fatalf("answered after %s", took)
	}
	h.steer(http.MethodPost, "/_sim/reset", "", nil)
	if got := h.state().DelayMs; got != 0 {
		t.Fatalf("still %d ms after the reset", got)
	}
}

// A request of a client that disconnects after sending it is stored. A request that was sent partly isn't stored, but
// is in the log.
func TestClientsThatDisconnect(t *testing.T) {
	h := start(t)
	h.steer(http.MethodPost, "/_sim/delay", `{"delayMs":3600000}`, nil)
	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = h.do(h.request(ctx, http.MethodPost, accountsPath, testKey, oneAccount))
	}()
	waitCtx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	h.sim.store.Wait(waitCtx, func() bool { return h.sim.store.Counts().Audiences.Stored == 1 })
	leave()
	<-ended
	if got := h.lastAnswer(); !got.ClientGone || !got.Stored || got.Status != 0 {
		t.Fatalf("logged as %+v", got)
	}

	connection, err := net.Dial("tcp", h.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(connection, "POST %s HTTP/1.1\r\nHost: x\r\nworkspace_api_key: %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s",
		accountsPath, testKey, len(oneAccount), oneAccount[:10])
	connection.Close()
	h.sim.store.Wait(waitCtx, func() bool { return h.sim.store.Counts().Requests.Total == 2 })
	if got := h.lastAnswer(); !got.ClientGone || got.Stored {
		t.Fatalf("logged as %+v", got)
	}
	h.wantStored(1)
}

func TestManyConcurrentRequests(t *testing.T) {
	h := start(t)
	h.fault(`{"fault":"storeThenStatus","status":503,"times":500}`)
	const each, clients = 100, 20
	statuses := make([]map[int]int, clients)
	var group sync.WaitGroup
	for c := range clients {
		group.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			statuses[c] = map[int]int{}
			for i := range each {
				response, err := client.Do(h.request(t.Context(), http.MethodPost, accountsPath, testKey, accountNo(c*each+i)))
				if err != nil {
					t.Error(err)
					return
				}
				response.Body.Close()
				statuses[c][response.StatusCode]++
			}
		})
	}
	group.Wait()
	total := map[int]int{}
	for _, counts := range statuses {
		for status, count := range counts {
			total[status] += count
		}
	}
	state := h.state()
	if total[503] != 500 || total[200] != each*clients-500 || state.Audiences.Stored != each*clients ||
		state.Audiences.Duplicates != 0 || state.Requests.ByStatus[accounts]["503"] != 500 {
		t.Fatalf("answered %v, state %+v", total, state)
	}
}
