package report

import (
	"math"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
)

func TestFormatNumbers(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{
		{formatInt(0), "0"}, {formatInt(999), "999"}, {formatInt(1000), "1\u202f000"}, {formatInt(-1234567), "−1\u202f234\u202f567"},
		{formatCompact(999), "999"}, {formatCompact(1000), "1.0k"}, {formatCompact(9_949), "9.9k"}, {formatCompact(9_950), "10k"}, {formatCompact(999_499), "999k"}, {formatCompact(999_500), "1M"},
		{formatMinutes(0), "0"}, {formatMinutes(2.23), "2.2"}, {formatMinutes(612.35), "612"}, {formatMinutes(math.NaN()), "0"},
		{formatMoney(48.7312, "USD"), "$48.73"}, {formatMoney(1234.5, "USD"), "$1\u202f234.50"}, {formatMoney(0.004, "USD"), "under $0.01"}, {formatMoney(0, "USD"), "$0.00"},
		{formatMoney(12, "EUR"), "12.00\u00a0EUR"}, {formatMoney(-3, ""), "−$3.00"}, {formatMoney(math.Inf(1), "USD"), "$0.00"},
		{formatDuration(0), "0\u00a0s"}, {formatDuration(59.4), "59\u00a0s"}, {formatDuration(59.6), "1\u00a0min"}, {formatDuration(134), "2\u00a0min 14\u00a0s"},
		{formatDuration(3600), "1\u00a0h"}, {formatDuration(3780), "1\u00a0h 3\u00a0min"}, {formatDuration(-5), "0\u00a0s"},
		{formatShare(0, 10), "0%"}, {formatShare(1, 1000), "under 1%"}, {formatShare(999, 1000), "over 99%"}, {formatShare(10, 10), "100%"}, {formatShare(1, 0), "0%"}, {formatShare(12, 100), "12%"},
	} {
		if got := strings.ReplaceAll(c[0], "min\u00a0", "min "); strings.ReplaceAll(got, "h\u00a0", "h ") != c[1] {
			t.Errorf("the number is written as %q, want %q", c[0], c[1])
		}
	}
}

func TestDescribeChange(t *testing.T) {
	t.Parallel()
	whole := func(f float64) string { return formatInt(int(f)) }
	for _, c := range []struct {
		now, before float64
		want        change
	}{
		{213, 190, change{"▲", "23 more (+12%)", "bad"}},
		{8, 12, change{"▼", "4 fewer (−33%)", "good"}},
		{12, 12, change{"", "no change", ""}},
		{5, 0, change{"▲", "5 more (none the week before)", "bad"}},
		{0, 5, change{"▼", "5 fewer (−100%)", "good"}},
		{1001, 1000, change{"▲", "1 more (+under 1%)", "bad"}},
		{math.NaN(), 0, change{"", "no change", ""}},
	} {
		got := describeChange(c.now, c.before, whole, "more", "fewer", "the week before").withTone(true)
		if got != c.want {
			t.Errorf("the change from %v to %v is %+v, want %+v", c.before, c.now, got, c.want)
		}
		if neutral := describeChange(c.now, c.before, whole, "more", "fewer", "").withTone(false); neutral.Tone != "" {
			t.Errorf("the change from %v to %v has the tone %q, want none", c.before, c.now, neutral.Tone)
		}
	}
}

func TestFormatWindow(t *testing.T) {
	t.Parallel()
	zone := bucharest(t)
	day := func(y int, m time.Month, d, h int) time.Time { return time.Date(y, m, d, h, 0, 0, 0, zone) }
	for _, c := range []struct {
		period            aurora.Period
		from, until, made time.Time
		span, relative    string
	}{
		{aurora.Weekly, day(2026, 11, 16, 0), day(2026, 11, 23, 0), day(2026, 11, 23, 8), "Monday 16 – Sunday 22 November 2026", "last week"},
		{aurora.Weekly, day(2026, 11, 16, 0), day(2026, 11, 23, 0), day(2026, 12, 1, 8), "Monday 16 – Sunday 22 November 2026", "in the week to Sunday 22 November"},
		{aurora.Weekly, day(2026, 10, 26, 0), day(2026, 11, 2, 0), day(2026, 11, 2, 8), "Monday 26 October – Sunday 1 November 2026", "last week"},
		{aurora.Weekly, day(2026, 12, 28, 0), day(2027, 1, 4, 0), day(2027, 1, 4, 8), "Monday 28 December 2026 – Sunday 3 January 2027", "last week"},
		{aurora.Weekly, day(2026, 11, 11, 0), day(2026, 11, 18, 0), day(2026, 11, 18, 8), "Wednesday 11 – Tuesday 17 November 2026", "in the week to Tuesday 17 November"},
		{aurora.Weekly, day(2026, 11, 16, 14), day(2026, 11, 23, 14), day(2026, 11, 23, 14), "Monday 16 November 2026, 14:00 – Monday 23 November 2026, 14:00", "in the week to Monday 23 November, 14:00"},
		{aurora.Monthly, day(2026, 10, 1, 0), day(2026, 11, 1, 0), day(2026, 11, 1, 8), "October 2026", "in October 2026"},
		{aurora.Monthly, day(2026, 10, 5, 0), day(2026, 11, 5, 0), day(2026, 11, 5, 8), "Monday 5 October – Wednesday 4 November 2026", "in the month to Wednesday 4 November"},
		{aurora.Weekly, day(2026, 3, 23, 0), day(2026, 3, 30, 0), day(2026, 3, 30, 8), "Monday 23 – Sunday 29 March 2026", "last week"}, // the clocks change
	} {
		if got := formatWindow(c.from, c.until); got != c.span {
			t.Errorf("formatWindow = %q, want %q", got, c.span)
		}
		if got := formatRelativeWindow(c.period, c.from, c.until, c.made); got != c.relative {
			t.Errorf("formatRelativeWindow = %q, want %q", got, c.relative)
		}
	}
}
