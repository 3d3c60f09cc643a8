package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strings"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

const (
	shownLines   = 20
	shownMembers = 3
)

type pageData struct {
	State     State
	Audiences []pageAudience
	Requests  []pageRequest
	Faults    []pageFault
}

type pageAudience struct {
	*AudienceLine
	First []string
	More  int
}

type pageRequest struct {
	*RequestLine
	Result string
	Good   bool
}

type pageFault struct {
	ActiveFault
	Text string
}

func (s *Simulator) servePage(w http.ResponseWriter) {
	var page bytes.Buffer
	if err := pageTemplate.Execute(&page, s.pageData()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
	_, _ = w.Write(page.Bytes())
}

// pageData lists the newest entries first.
func (s *Simulator) pageData() pageData {
	snapshot := s.store.Snapshot(0)
	data := pageData{State: s.state()}
	for i := len(snapshot.Audiences) - 1; i >= 0 && len(data.Audiences) < shownLines; i-- {
		audience := snapshot.Audiences[i]
		first := firstMembers(audience)
		data.Audiences = append(data.Audiences, pageAudience{audience, first, audience.MemberCount - len(first)})
	}
	for i := len(snapshot.Requests) - 1; i >= 0 && len(data.Requests) < shownLines; i-- {
		shown := pageRequest{RequestLine: snapshot.Requests[i], Result: "waiting"}
		if answer := snapshot.answers[i]; answer != nil {
			shown.Good = isSuccess(answer.Status) && answer.Fault == ""
			shown.Result = resultText(answer)
		}
		data.Requests = append(data.Requests, shown)
	}
	for _, fault := range data.State.Faults {
		text, _ := json.Marshal(fault.Fault)
		data.Faults = append(data.Faults, pageFault{fault, string(text)})
	}
	return data
}

func resultText(answer *AnswerLine) string {
	text := "no answer"
	if answer.Status != 0 {
		text = statusName(answer)
	}
	if answer.Fault != "" {
		text += ", " + answer.Fault
	}
	if answer.ClientGone {
		text += ", client disconnected"
	}
	return text
}

// firstMembers decodes only the members that are shown.
func firstMembers(audience *AudienceLine) []string {
	decoder := json.NewDecoder(bytes.NewReader(audience.Members))
	_, _ = decoder.Token()
	var first []string
	for decoder.More() && len(first) < shownMembers {
		var member map[string]string
		if decoder.Decode(&member) != nil {
			break
		}
		var values []string
		for _, field := range fieldsOf[audience.Kind] {
			if member[field] != "" {
				values = append(values, member[field])
			}
		}
		first = append(first, strings.Join(values, " · "))
	}
	return first
}
