package main

import (
	"cmp"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"
)

// section is one part of the table.
type section struct {
	title string
	rows  []row
}

type row struct {
	name, measured, aim string
	wrong               bool
}

// add adds a value that is only shown.
func (s *section) add(name, measured, aim string) {
	s.rows = append(s.rows, row{name: name, measured: measured, aim: aim})
}

// check adds a count that must have the given value.
func (s *section) check(name string, measured, must int) {
	s.rows = append(s.rows, row{name: name, measured: count(measured), aim: count(must), wrong: measured != must})
}

// show prints all sections; a wrong count is an error.
func show(w io.Writer, o options, sections []section) error {
	fmt.Fprintf(w, "\n%s audiences of %d members, a simulator that answers after %s, %d CPUs\n",
		count(o.audiences), o.members, o.delay, runtime.NumCPU())
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	wrong := 0
	for _, s := range sections {
		fmt.Fprintf(table, "\n%s\t measured\t target\t\n", pad(s.title))
		for _, r := range s.rows {
			mark := ""
			if r.wrong {
				mark = "  WRONG"
				wrong++
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", pad("  "+r.name), r.measured, r.aim, mark)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d counts are wrong", wrong)
	}
	return nil
}

// pad aligns the first column left; the other columns of the table are aligned right.
func pad(text string) string { return fmt.Sprintf("%-46s", text) }

type kindCount struct {
	name  string
	count int
}

// byKind counts requests by verb and resource, without watches, most frequent first.
func byKind(requests []request) (total int, kinds []kindCount) {
	counts := map[string]int{}
	for _, r := range requests {
		if !r.isWatch() {
			counts[r.verb+" "+r.resource]++
			total++
		}
	}
	for name, n := range counts {
		kinds = append(kinds, kindCount{name, n})
	}
	slices.SortFunc(kinds, func(a, b kindCount) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.name, b.name))
	})
	return total, kinds
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()) }

// count formats a number with commas between thousands.
func count(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// perThousand is the target in seconds: 10 for each 1,000 audiences.
func perThousand(audiences int) string { return fmt.Sprintf("%.4g", float64(audiences)/100) }

// memoryAim is the target in MiB: 30 for 1,000 audiences, 100 for 10,000.
func memoryAim(audiences int) string {
	switch {
	case audiences <= 1_000:
		return "30"
	case audiences <= 10_000:
		return "100"
	default:
		return ""
	}
}
