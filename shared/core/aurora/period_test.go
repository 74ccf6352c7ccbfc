package aurora_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

func loadZone(t testing.TB, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Windows by the assistant's calendar: changes of the clock, ends of months, leap days.
func TestFault57Windows(t *testing.T) {
	for _, c := range []struct {
		period       aurora.Period
		zone, until  string
		from, before string
		hours        float64
		days         int
	}{
		{aurora.Weekly, "Europe/Bucharest", "2026-03-30T00:00:00+03:00", "2026-03-23T00:00:00+02:00", "2026-03-16T00:00:00+02:00", 7*24 - 1, 7},
		{aurora.Weekly, "America/New_York", "2026-11-02T00:00:00-05:00", "2026-10-26T00:00:00-04:00", "2026-10-19T00:00:00-04:00", 7*24 + 1, 7},
		{aurora.Weekly, "America/New_York", "2026-11-22T17:00:00-05:00", "2026-11-15T17:00:00-05:00", "2026-11-08T17:00:00-05:00", 7 * 24, 8},
		{aurora.Weekly, "Asia/Kolkata", "2026-11-23T00:00:00+05:30", "2026-11-16T00:00:00+05:30", "2026-11-09T00:00:00+05:30", 7 * 24, 7},
		{aurora.Monthly, "UTC", "2026-03-31T00:00:00Z", "2026-02-28T00:00:00Z", "2026-01-28T00:00:00Z", 31 * 24, 31},
		{aurora.Monthly, "UTC", "2028-03-29T12:00:00Z", "2028-02-29T12:00:00Z", "2028-01-29T12:00:00Z", 29 * 24, 30},
		{aurora.Monthly, "UTC", "2028-03-01T00:00:00Z", "2028-02-01T00:00:00Z", "2028-01-01T00:00:00Z", 29 * 24, 29},
		{aurora.Monthly, "UTC", "2027-01-01T00:00:00Z", "2026-12-01T00:00:00Z", "2026-11-01T00:00:00Z", 31 * 24, 31},
		{aurora.Monthly, "Europe/Bucharest", "2026-04-01T00:00:00+03:00", "2026-03-01T00:00:00+02:00", "2026-02-01T00:00:00+02:00", 31*24 - 1, 31},
		// Midnight is skipped where the window begins (Cairo, 24 April 2026) and ends (Santiago, 6 September 2026).
		{aurora.Weekly, "Africa/Cairo", "2026-05-01T00:00:00+03:00", "2026-04-24T01:00:00+03:00", "2026-04-17T01:00:00+02:00", 7*24 - 1, 7},
		{aurora.Weekly, "America/Santiago", "2026-09-06T01:00:00-03:00", "2026-08-30T01:00:00-04:00", "2026-08-23T01:00:00-04:00", 7*24 - 1, 7},
	} {
		until, err := time.Parse(time.RFC3339, c.until)
		if err != nil {
			t.Fatal(err)
		}
		w := c.period.WindowUntil(until, loadZone(t, c.zone))
		if got := w.From.Format(time.RFC3339); got != c.from {
			t.Errorf("%s %s until %s begins %s, want %s", c.zone, c.period, c.until, got, c.from)
		}
		if got := w.Previous().From.Format(time.RFC3339); got != c.before {
			t.Errorf("%s %s until %s: the window before begins %s, want %s", c.zone, c.period, c.until, got, c.before)
		}
		if got := w.Until.Sub(w.From).Hours(); got != c.hours {
			t.Errorf("%s %s until %s has %v hours, want %v", c.zone, c.period, c.until, got, c.hours)
		}
		if got := w.Dates(); len(got) != c.days || got[0] != w.From.Format(time.DateOnly) {
			t.Errorf("%s %s until %s touches %v, want %d days", c.zone, c.period, c.until, got, c.days)
		}
		if !w.Contains(w.From) || w.Contains(w.Until) || w.Contains(w.From.Add(-1)) || !w.Contains(w.Until.Add(-1)) {
			t.Errorf("%s %s until %s is not half-open", c.zone, c.period, c.until)
		}
		if w.Previous().Until != w.From {
			t.Errorf("%s %s until %s: the window before ends %v", c.zone, c.period, c.until, w.Previous().Until)
		}
	}
}

var zoneNames = []string{"UTC", "Europe/Bucharest", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago", "Pacific/Kiritimati",
	"Pacific/Niue", "Asia/Beirut", "America/St_Johns", "America/Havana"}

// In every zone, windows follow each other without a gap and have about the length of their period, and every time in a
// window is on one of its dates.
func TestWindowProperties(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		l := loadZone(t, rapid.SampledFrom(zoneNames).Draw(r, "zone"))
		until := time.Unix(rapid.Int64Range(1_700_000_000, 1_900_000_000).Draw(r, "until"), 0)
		period := rapid.SampledFrom([]aurora.Period{aurora.Weekly, aurora.Monthly}).Draw(r, "period")
		w := period.WindowUntil(until, l)
		if late := until.Sub(w.Until); late < 0 || late >= time.Minute {
			r.Fatalf("the window ends %v before the time that was asked for, want less than a minute", late)
		}
		days := w.Until.Sub(w.From).Hours() / 24
		if low, high := map[aurora.Period]float64{aurora.Weekly: 6.9, aurora.Monthly: 27.9}[period], map[aurora.Period]float64{aurora.Weekly: 7.1, aurora.Monthly: 31.1}[period]; days < low || days > high {
			r.Fatalf("the window has %v days, want %v to %v", days, low, high)
		}
		if w.Previous().Until != w.From {
			r.Fatalf("the window before ends at %v, want %v", w.Previous().Until, w.From)
		}
		at := w.From.Add(time.Duration(rapid.Float64Range(0, 0.999999).Draw(r, "at") * float64(w.Until.Sub(w.From))))
		found := false
		for _, date := range w.Dates() {
			found = found || date == at.Format(time.DateOnly)
		}
		if !found || !w.Contains(at) {
			r.Fatalf("%v is not on one of the window's dates %v", at, w.Dates())
		}
		m := aurora.StartOfDay(at)
		if m.After(at) || m.Format(time.DateOnly) != at.Format(time.DateOnly) || m.Add(-1).Format(time.DateOnly) == at.Format(time.DateOnly) {
			r.Fatalf("the day of %v does not begin at %v", at, m)
		}
		if end := aurora.EndOfHour(at); !end.After(at) || end.Sub(at) > time.Hour || end.Minute() != 0 && end.Sub(at) != time.Hour && l.String() != "Australia/Lord_Howe" {
			r.Fatalf("the hour of %v ends at %v", at, end)
		}
	})
}

func TestParseUntil(t *testing.T) {
	now := time.Date(2026, 11, 22, 14, 20, 5, 7, time.UTC)
	for in, want := range map[string]string{
		"":                          "2026-11-22T10:00:00-05:00",
		"2026-11-23":                "2026-11-23T00:00:00-05:00",
		" 2026-11-23T08:00:00Z ":    "2026-11-23T03:00:00-05:00",
		"2026-11-23T08:00:00+05:30": "2026-11-22T21:30:00-05:00",
	} {
		if got, err := aurora.ParseUntil(in, now, loadZone(t, "America/New_York")); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("%q was read as %v, %v; want %s", in, got, err, want)
		}
	}
	for _, bad := range []string{"tomorrow", "2026-02-30", "23.11.2026", "2026-11-23T08:00", "1795014286", "0001-01-01", "9999-01-01T00:00:00Z", strings.Repeat("1", 1000)} {
		if got, err := aurora.ParseUntil(bad, now, time.UTC); fault.From(err) == nil || fault.From(err).Param != "until" {
			t.Errorf("%q was read as %v with the error %v, want an error about until", bad, got, err)
		}
	}
}

func TestParsePeriod(t *testing.T) {
	for _, bad := range []string{"", "Weekly", "daily", "weekly ", "month"} {
		if _, err := aurora.ParsePeriod(bad); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "weekly or monthly") {
			t.Errorf("the error for %q is %v, want one that names weekly and monthly", bad, err)
		}
	}
	if p, err := aurora.ParsePeriod("monthly"); err != nil || p.Title() != "Monthly" {
		t.Errorf("monthly was read as %v with the title %s, %v", p, p.Title(), err)
	}
}

func TestReportPrefix(t *testing.T) {
	w := aurora.Weekly.WindowUntil(time.Date(2026, 11, 23, 5, 0, 59, 0, time.UTC), loadZone(t, "America/New_York"))
	if got := aurora.ReportPrefix("a1", w); got != "reports/a1/weekly/2026-11-23T0000/" {
		t.Errorf("the prefix is %s, want reports/a1/weekly/2026-11-23T0000/", got)
	}
	if got := aurora.ReportPrefix("../x", w); strings.Contains(got, "..") {
		t.Errorf("the prefix %s of an unsafe id leads out of reports/", got)
	}
}
