package report

import (
	"testing"
)

func TestHeadlines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		now, before int
		want        string
	}{
		{213, 190, "Riley: 213 calls last week, 12% more than the week before"},
		{171, 190, "Riley: 171 calls last week, 10% fewer than the week before"},
		{190, 190, "Riley: 190 calls last week, as many as the week before"},
		{1, 0, "Riley: 1 call last week, none the week before"},
		{5, 3, "Riley: 5 calls last week, 2 more than the week before"},
		{0, 12, "Riley: no calls last week"},
		{50_000, 10, "Riley: 50 000 calls last week, 49 990 more than the week before"},
	} {
		p := pageOf(t, "full")
		p.Report.Calls.Total, p.Report.Previous.Calls.Total = c.now, c.before
		if got := p.subject(); got != c.want {
			t.Errorf("the subject is %q, want %q", got, c.want)
		}
	}
}
