package aurora

import (
	"strings"
	"time"
	"unicode"

	"example.com/aurora/shared/core/fault"
)

// Period is the length of a report's window.
type Period string

// The periods.
const (
	Weekly  Period = "weekly"
	Monthly Period = "monthly"
)

// ParsePeriod reads weekly or monthly, in lower case as in the API's paths. Anything else is a fault.Invalid that names the
// two.
func ParsePeriod(s string) (Period, error) {
	switch p := Period(s); p {
	case Weekly, Monthly:
		return p, nil
	}
	return "", fault.New(fault.Invalid, "The period must be weekly or monthly.").WithCode("invalid_period").WithParam("period")
}

// Title returns the period with a capital letter: Weekly, Monthly.
func (p Period) Title() string {
	r := []rune(string(p))
	if len(r) > 0 {
		r[0] = unicode.ToUpper(r[0])
	}
	return string(r)
}

// SubtractFrom returns the time one period before t, by the calendar of t's zone: the same time of day seven days before,
// or on the same day of the month before. If that month has no such day, it is the month's last day (time.AddDate would
// continue into the next month). If a change of the clock skips that time of day, it is the moment of the change.
func (p Period) SubtractFrom(t time.Time) time.Time {
	year, month, day := t.Date()
	if p == Weekly {
		day -= 7
	} else {
		month--
		if last := time.Date(year, month+1, 0, 12, 0, 0, 0, time.UTC).Day(); day > last {
			day = last
		}
	}
	return atWallClock(year, month, day, t)
}

// Window is the time that a report covers, from and including From to Until, which is excluded. Both are in the report's
// time zone.
type Window struct {
	Period      Period
	From, Until time.Time
}

// WindowUntil returns the window that ends at until, in a time zone. Seconds are dropped, because a report's name has none.
func (p Period) WindowUntil(until time.Time, zone *time.Location) Window {
	until = until.In(zone)
	until = until.Add(-time.Duration(until.Second())*time.Second - time.Duration(until.Nanosecond()))
	return Window{Period: p, From: p.SubtractFrom(until), Until: until}
}

// Previous returns the window that ends where this one begins.
func (w Window) Previous() Window { return w.Period.WindowUntil(w.From, w.From.Location()) }

// Contains reports whether a time is in the window.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.From) && t.Before(w.Until) }

// Dates returns the calendar days of the window, also those of which it covers a part, in order, as YYYY-MM-DD.
func (w Window) Dates() []string {
	var dates []string
	year, month, day := w.From.Date()
	last := w.Until.Add(-1).Format(time.DateOnly)
	for ; ; day++ {
		date := time.Date(year, month, day, 12, 0, 0, 0, time.UTC).Format(time.DateOnly)
		if date > last {
			return dates
		}
		dates = append(dates, date)
	}
}

// Name returns the end of the window as it stands in the report's key: YYYY-MM-DDTHHMM, in the window's zone.
func (w Window) Name() string { return w.Until.Format("2006-01-02T1504") }

// StartOfDay returns the time at which t's day begins in t's zone. If a change of the clock skips midnight, it is the moment
// of the change.
func StartOfDay(t time.Time) time.Time {
	year, month, day := t.Date()
	return atWallClock(year, month, day, time.Date(2000, 1, 1, 0, 0, 0, 0, t.Location()))
}

// EndOfHour returns the end of t's hour, by the clock of t's zone. Reports end there by default.
func EndOfHour(t time.Time) time.Time {
	elapsed := time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second + time.Duration(t.Nanosecond())
	return t.Add(time.Hour - elapsed)
}

// atWallClock returns a day at the time of day, and in the zone, of clock. If a change of the clock skips that time,
// time.Date does not say which time it returns; atWallClock returns the moment of the change. If the time comes twice, it
// returns the first.
func atWallClock(year int, month time.Month, day int, clock time.Time) time.Time {
	hour, minute, second := clock.Clock()
	t := time.Date(year, month, day, hour, minute, second, 0, clock.Location())
	h, m, s := t.Clock()
	if h == hour && m == minute && s == second {
		if start, _ := t.ZoneBounds(); !start.IsZero() {
			_, now := t.Zone()
			_, before := start.Add(-1).Zone()
			if earlier := t.Add(time.Duration(now-before) * time.Second); earlier.Before(start) && isSameClock(earlier, t) {
				return earlier
			}
		}
		return t
	}
	start, end := t.ZoneBounds()
	if t.Sub(start) < 24*time.Hour && !start.IsZero() { // time.Date used the offset before the change
		return start
	}
	return end
}

func isSameClock(a, b time.Time) bool {
	return a.Format("2006-01-02T15:04:05") == b.Format("2006-01-02T15:04:05")
}

// ParseUntil reads the end of a report's window: a date, which means its midnight in the zone, or a time in RFC 3339. An
// empty text means the end of the current hour.
func ParseUntil(s string, now time.Time, zone *time.Location) (time.Time, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return EndOfHour(now.In(zone)), nil
	}
	t, err := time.ParseInLocation(time.DateOnly, s, time.UTC)
	if err == nil {
		year, month, day := t.Date()
		t = atWallClock(year, month, day, time.Date(2000, 1, 1, 0, 0, 0, 0, zone))
	} else {
		t, err = time.Parse(time.RFC3339, s)
	}
	if err != nil || t.UTC().Year() < 2000 || t.UTC().Year() >= 2100 {
		return time.Time{}, fault.New(fault.Invalid, "until must be a date such as 2026-11-23 or a time such as 2026-11-23T08:00:00Z.").
			WithCode("invalid_until").WithParam("until")
	}
	return t.In(zone), nil
}
