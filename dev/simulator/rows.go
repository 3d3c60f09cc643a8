package main

import (
	"encoding/json"
	"hash/fnv"
	"io"
	"strconv"
	"strings"
	"time"
)

// rowStream writes the rows of a report as they are generated, so that their number doesn't affect memory use. Row n
// depends only on the seed, n and the day, so any part of a report can be written without the rows before it.
type rowStream struct {
	shape    *reportShape
	settings ReportSettings
	today    time.Time // midnight at its start
	from, to int64
	atLeast  int64 // minimum size in bytes; rows continue after to until it is reached
	endless  bool
}

const chunkSize = 64 << 10

func (s *rowStream) writeTo(w io.Writer) error {
	topic := fnv.New64a()
	for _, column := range s.shape.columns {
		io.WriteString(topic, column)
	}
	r := &row{stream: s, base: mix(s.settings.Seed) ^ topic.Sum64()}
	buffer := make([]byte, 0, chunkSize+chunkSize/8)
	buffer = append(buffer, s.shape.form.open...)
	var written int64
	for i := s.from; s.endless || i < s.to || written+int64(len(buffer)) < s.atLeast; i++ {
		if i > s.from {
			buffer = append(buffer, s.shape.form.between...)
		}
		r.index, r.random = i, newRandom(r.base, i)
		buffer = s.shape.append(buffer, s.shape.row(r))
		if len(buffer) >= chunkSize {
			n, err := w.Write(buffer)
			if err != nil {
				return err
			}
			written += int64(n)
			buffer = buffer[:0]
		}
	}
	_, err := w.Write(append(buffer, s.shape.form.close...))
	return err
}

func (shape *reportShape) append(buffer []byte, values []any) []byte {
	for i, value := range values {
		switch {
		case shape.form.csv && i > 0:
			buffer = append(buffer, ',')
		case !shape.form.csv:
			buffer = append(buffer, "{,"[min(i, 1)])
			buffer = append(appendText(buffer, shape.columns[i]), ':')
		}
		if shape.form.csv {
			buffer = appendCell(buffer, value)
		} else {
			buffer = appendValue(buffer, value)
		}
	}
	if !shape.form.csv {
		buffer = append(buffer, '}')
	}
	return append(buffer, shape.form.after...)
}

type (
	hundredths int       // a number with two decimals
	object     [2]string // an object with one field
)

// appendValue writes JSON without encoding/json, which is many times slower.
func appendValue(buffer []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		return appendText(buffer, v)
	case int:
		return strconv.AppendInt(buffer, int64(v), 10)
	case hundredths:
		return append(buffer, decimal(int(v), 2)...)
	case bool:
		return strconv.AppendBool(buffer, v)
	case object:
		buffer = append(appendText(append(buffer, '{'), v[0]), ':')
		return append(appendText(buffer, v[1]), '}')
	}
	return append(buffer, "null"...)
}

func appendText(buffer []byte, text string) []byte {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' }) {
		quoted, _ := json.Marshal(text) // never an error for a string
		return append(buffer, quoted...)
	}
	return append(append(append(buffer, '"'), text...), '"')
}

func appendCell(buffer []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		if strings.ContainsAny(v, ",\"\r\n") {
			v = `"` + strings.ReplaceAll(v, `"`, `""`) + `"`
		}
		return append(buffer, v...)
	case nil:
		return buffer
	}
	return appendValue(buffer, value)
}

// row is the state from which a row is generated.
type row struct {
	random
	stream *rowStream
	base   uint64
	index  int64
}

// random is splitmix64. Unlike math/rand, it is cheap to initialise for each row.
type random uint64

const golden = 0x9e3779b97f4a7c15

func newRandom(base uint64, number int64) random { return random(mix(base + uint64(number)*golden)) }

func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// upTo returns a number from 0 to n-1.
func (r *random) upTo(n int) int {
	*r += golden
	return int(mix(uint64(*r)) % uint64(n))
}

func (r *random) between(low, high int) int { return low + r.upTo(high-low+1) }

func pick(r *row, of ...string) string { return of[r.upTo(len(of))] }

func (r *row) day(ago int, layout string) string {
	return r.stream.today.AddDate(0, 0, -ago).Format(layout)
}

// minutesAgo returns a time in the last days, in minutes before midnight, so that no time is in the future. The first
// row has the newest possible time.
func (r *row) minutesAgo(days int) int {
	ago := r.upTo(days * 24 * 60)
	if r.index == 0 {
		return 0
	}
	return ago
}

func (r *row) moment(minutesAgo int) string {
	return r.stream.today.Add(-time.Duration(minutesAgo) * time.Minute).Format(isoTime)
}

func (r *row) account() account {
	if domains := r.stream.settings.Domains; len(domains) > 0 {
		number := r.index % int64(len(domains))
		return account{domain: domains[number], name: numbered("Account ", number+1)}
	}
	a := builtInAccounts[r.index%int64(len(builtInAccounts))]
	a.builtIn = true
	return a
}

func (r *row) person() Person {
	people := r.stream.settings.People
	if len(people) == 0 {
		people = builtInPeople
	}
	return people[r.index%int64(len(people))]
}

// spelling returns one of several spellings of a domain, all of the same account.
func (r *row) spelling(domain string) string {
	switch r.upTo(4) {
	case 0:
		return "www." + domain
	case 1:
		return "https://" + strings.ToUpper(domain[:1]) + domain[1:] + "/"
	case 2:
		return "http://www." + domain
	}
	return domain
}

func (r *row) campaignName(number int64) string {
	name, round := campaignNames[number%int64(len(campaignNames))], number/int64(len(campaignNames))
	if round > 0 {
		return numbered(name+" ", round+1)
	}
	return name
}

// campaign is the same in every report with the same seed.
type campaign struct {
	budget int // dollars
	spent  int // cents
	days   int // from its start to its end
	age    int // from its start to today
	paused bool
}

func (r *row) campaign(number int64) campaign {
	of := newRandom(mix(r.stream.settings.Seed), number)
	c := campaign{budget: 500 * of.between(10, 120), days: of.between(30, 120)}
	c.age = of.between(1, c.days+20)
	c.spent = c.budget * of.between(80, 105) * c.elapsed() / c.days
	c.paused = of.upTo(6) == 0
	return c
}

func (c campaign) elapsed() int { return min(c.age, c.days) }

func (c campaign) status() string {
	switch {
	case c.age >= c.days:
		return "Completed"
	case c.paused:
		return "Paused"
	}
	return "Active"
}

func numbered(text string, number int64) string { return text + strconv.FormatInt(number, 10) }

// decimal formats a number that is given in units of its last place: 1250 with two places is 12.50.
func decimal(units, places int) string {
	sign := ""
	if units < 0 {
		sign, units = "-", -units
	}
	digits := strconv.Itoa(units)
	if missing := places + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	return sign + digits[:len(digits)-places] + "." + digits[len(digits)-places:]
}

// thousands formats a number as 12,345.
func thousands(number int) string {
	digits := strconv.Itoa(number)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// dollars formats an amount as $1,234.50.
func dollars(cents int) string { return "$" + thousands(cents/100) + decimal(cents%100, 2)[1:] }
