package report

import (
	"slices"
	"strings"

	"example.com/aurora/shared/core/aurora"
)

// runLength is how many calls of a day are put in order of time at once. Past it the file goes on with a new run, so
// that a day of a million calls takes no more memory than one of twenty thousand.
const runLength = 20_000

// rows writes report.csv in order of time, day by day, as the calls come.
type rows struct {
	to    *CSV
	day   string
	calls []aurora.Call
	err   error // the first; what comes after it is dropped
}

func newRows(to *CSV) *rows { return &rows{to: to} }

func (r *rows) add(c *aurora.Call) {
	if c.Day != r.day || len(r.calls) == runLength {
		r.write()
		r.day = c.Day
	}
	r.calls = append(r.calls, *c)
}

// write puts down the run.
func (r *rows) write() {
	slices.SortFunc(r.calls, func(a, b aurora.Call) int {
		if order := a.When().Compare(b.When()); order != 0 {
			return order
		}
		return strings.Compare(a.CallID, b.CallID)
	})
	for i := range r.calls {
		if r.err == nil {
			r.err = r.to.Write(r.calls[i])
		}
	}
	clear(r.calls) // let go of their strings
	r.calls = r.calls[:0]
}

// flush writes what is left.
func (r *rows) flush() error {
	r.write()
	if r.err != nil {
		return r.err
	}
	return r.to.Flush()
}
