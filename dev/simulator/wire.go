package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

const (
	contacts = "contacts"
	accounts = "accounts"
	reports  = "reports"
	other    = "other" // requests for anything else
)

var fieldsOf = map[string][]string{
	contacts: {"first_name", "last_name", "company_name", "website", "email", "linkedin_url"},
	accounts: {"website"},
}

// A member needs all fields of at least one of these sets.
var neededOf = map[string][][]string{
	contacts: {
		{"linkedin_url"},
		{"first_name", "last_name", "company_name"},
		{"first_name", "last_name", "website"},
	},
	accounts: {{"website"}},
}

// memberList is the list of a valid request.
type memberList struct {
	kind      string
	count     int
	members   json.RawMessage // as received, except for the order of fields and white space
	setSHA256 string          // the same for lists with the same members, in any order and with any repetition
}

// parseList accepts only the documented body. It reads token by token, because decoding into a struct would accept what
// a strict API might reject: other letter case, repeated fields, null for a string.
func parseList(kind string, body []byte) (*memberList, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("the body is not UTF-8")
	}
	if !json.Valid(body) {
		return nil, errors.New("the body is not JSON")
	}
	p := &parser{decoder: json.NewDecoder(bytes.NewReader(body))}
	if p.next() != json.Delim('{') {
		return nil, errors.New("the body must be an object")
	}
	if name, _ := p.next().(string); name != kind {
		return nil, fmt.Errorf("the body must have the field %q and no other", kind)
	}
	if p.next() != json.Delim('[') {
		return nil, fmt.Errorf("%q must be a list", kind)
	}
	var members []map[string]string
	for p.decoder.More() {
		member, err := p.member(kind)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", kind, len(members), err)
		}
		members = append(members, member)
	}
	p.next() // the list's end
	if p.next() != json.Delim('}') {
		return nil, fmt.Errorf("the body must have the field %q and no other", kind)
	}
	if len(members) == 0 {
		return nil, fmt.Errorf("%q must not be empty", kind)
	}
	text, err := json.Marshal(members)
	if err != nil {
		return nil, err
	}
	return &memberList{kind: kind, count: len(members), members: text, setSHA256: setHash(members)}, nil
}

type parser struct{ decoder *json.Decoder }

// next ignores the error: the body was validated as JSON before.
func (p *parser) next() json.Token {
	token, _ := p.decoder.Token()
	return token
}

func (p *parser) member(kind string) (map[string]string, error) {
	if p.next() != json.Delim('{') {
		return nil, errors.New("must be an object")
	}
	member := map[string]string{}
	for p.decoder.More() {
		name, _ := p.next().(string)
		if !slices.Contains(fieldsOf[kind], name) {
			return nil, fmt.Errorf("unknown field %.40q", name)
		}
		if _, again := member[name]; again {
			return nil, fmt.Errorf("the field %q comes twice", name)
		}
		value, isString := p.next().(string)
		if !isString {
			return nil, fmt.Errorf("the field %q must be a string", name)
		}
		member[name] = value
	}
	p.next() // the object's end
	for _, needed := range neededOf[kind] {
		if !slices.ContainsFunc(needed, func(name string) bool { return member[name] == "" }) {
			return member, nil
		}
	}
	return nil, fmt.Errorf("needs all fields of one of %v", neededOf[kind])
}

// setHash treats an empty field like an absent one. All other differences change the hash.
func setHash(members []map[string]string) string {
	rows := make([]string, 0, len(members))
	for _, member := range members {
		given := map[string]string{}
		for name, value := range member {
			if value != "" {
				given[name] = value
			}
		}
		row, _ := json.Marshal(given) // a map of strings is sorted by name and never causes an error
		rows = append(rows, string(row))
	}
	slices.Sort(rows)
	hash := sha256.New()
	for _, row := range slices.Compact(rows) {
		io.WriteString(hash, row+"\n")
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// keyID identifies a key without revealing it.
func keyID(key string) string {
	if key == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:6])
}

func resultsBody(isError bool, message string) []byte {
	type results struct {
		Error   bool   `json:"error"`
		Message string `json:"message"`
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // an echo must be returned as it was sent
	_ = encoder.Encode(map[string]results{"results": {isError, message}})
	return bytes.TrimSpace(body.Bytes())
}
