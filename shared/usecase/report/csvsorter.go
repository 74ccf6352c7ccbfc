package report

import (
	"cmp"
	"slices"
	"strings"

	"example.com/aurora/shared/core/aurora"
)

// Calls of one day are sorted together up to runLength calls and runBytes of their longest texts. The next calls begin a new
// run, so that a day of a million calls takes no more memory than a day of twenty thousand.
const (
	runLength = 20_000
	runBytes  = 32 << 20
)

// csvSorter writes the calls of each day to report.csv in the order of time.
type csvSorter struct {
	out   *CSV
	day   string
	calls []aurora.Call
	bytes int   // of the summaries and the extracted data of calls
	err   error // the first error; the rows after it are dropped
}

func newCSVSorter(out *CSV) *csvSorter { return &csvSorter{out: out} }

func (s *csvSorter) add(c *aurora.Call) {
	if c.Day != s.day || len(s.calls) == runLength || s.bytes >= runBytes {
		s.writeRun()
		s.day = c.Day
	}
	s.calls = append(s.calls, *c)
	s.bytes += len(c.Summary) + len(c.Extracted)
}

// writeRun sorts and writes the calls that were added since the last run.
func (s *csvSorter) writeRun() {
	slices.SortFunc(s.calls, func(a, b aurora.Call) int {
		return cmp.Or(a.CountedAt().Compare(b.CountedAt()), strings.Compare(a.CallID, b.CallID))
	})
	for i := range s.calls {
		if s.err == nil {
			s.err = s.out.Write(s.calls[i])
		}
	}
	clear(s.calls) // frees their strings
	s.calls, s.bytes = s.calls[:0], 0
}

// flush writes the last run.
func (s *csvSorter) flush() error {
	s.writeRun()
	if s.err != nil {
		return s.err
	}
	return s.out.Flush()
}
