package report

import (
	"slices"
	"strings"

	"example.com/aurora/shared/core/aurora"
)

// runLength is how many calls of a day are put in order of time at once. Past it the file goes on with a new run, so
// that a day of a million calls takes no more memory than one of twenty thousand.
const runLength = 20_000

// csvSorter writes report.csv in order of time, day by day, as the calls come.
type csvSorter struct {
	out   *CSV
	day   string
	calls []aurora.Call
	err   error // the first; what comes after it is dropped
}

func newCSVSorter(to *CSV) *csvSorter { return &csvSorter{out: to} }

func (r *csvSorter) add(c *aurora.Call) {
	if c.Day != r.day || len(r.calls) == runLength {
		r.writeRun()
		r.day = c.Day
	}
	r.calls = append(r.calls, *c)
}

// writeRun puts down the run.
func (r *csvSorter) writeRun() {
	slices.SortFunc(r.calls, func(a, b aurora.Call) int {
		if order := a.CountedAt().Compare(b.CountedAt()); order != 0 {
			return order
		}
		return strings.Compare(a.CallID, b.CallID)
	})
	for i := range r.calls {
		if r.err == nil {
			r.err = r.out.Write(r.calls[i])
		}
	}
	clear(r.calls) // let go of their strings
	r.calls = r.calls[:0]
}

// flush writes what is left.
func (r *csvSorter) flush() error {
	r.writeRun()
	if r.err != nil {
		return r.err
	}
	return r.out.Flush()
}
