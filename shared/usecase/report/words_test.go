package report

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
)

func TestCleanLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"", 10, ""},
		{"  a \t\n b  ", 10, "a b"},
		{"a\x00\x1b[31mb\x7f\u0085c", 20, "a[31mb c"},
		{"\u202eevil\u202c \u2066x\u2069\u200b\ufeff", 20, "evil x"},
		{"\xffa\xc3", 20, "\ufffda\ufffd"},
		{"abcdef", 6, "abcdef"},
		{"abcdefg", 6, "abcde…"},
		{"abcde fg", 6, "abcde…"},
		{"abcd efg", 6, "abcd…"},
		{"a" + strings.Repeat("\u0301", 50) + "b", 20, "a\u0301\u0301\u0301\u0301b"},
		{"👨\u200d👩\u200d👧", 20, "👨\u200d👩\u200d👧"},
		{"👨\u200d👩\u200d👧", 3, "👨…"},
		{"مرحبا", 20, "مرحبا"},
		{"x", 0, "…"},
	} {
		if got := cleanLine(c.in, c.limit); got != c.want {
			t.Errorf("%q, %d: %q, want %q", c.in, c.limit, got, c.want)
		}
	}
	if got := cleanLines(" a \r\n b\n\n\n\nc\u2028d ", 50); got != "a\n\nb\n\nc\nd" && got != "a\nb\n\nc\nd" {
		t.Errorf("%q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		s, limit := rapid.String().Draw(t, "text"), rapid.IntRange(1, 30).Draw(t, "limit")
		got := cleanLines(s, limit)
		if utf8.RuneCountInString(got) > limit || !utf8.ValidString(got) || cleanLines(got, limit) != got {
			t.Fatalf("%q, %d: %q", s, limit, got)
		}
	})
}

func TestSafeLink(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                        "",
		"https://x.example.com/a?b=1&c=2#d":       "https://x.example.com/a?b=1&c=2#d",
		"HTTPS://x.example.com/":                  "https://x.example.com/",
		"https://x.example.com/a b\"<>'\u202eé":   "https://x.example.com/a%20b%22%3C%3E%27%E2%80%AE%C3%A9",
		"http://x.example.com/":                   "",
		"http://127.0.0.1:3000/view/t":            "http://127.0.0.1:3000/view/t",
		"http://127.0.0.1:3001/view/t":            "",
		"http://127.0.0.1:3000@evil.example.com/": "",
		"https://user:pass@x.example.com/":        "",
		"//x.example.com/":                        "",
		"/view/t":                                 "",
		"#top":                                    "",
		"https:x.example.com":                     "",
		"https:///x":                              "",
		"https://:443/":                           "",
		"https://[::1]:8443/":                     "https://[::1]:8443/",
		"https://x\u0430.example.com/":            "",
		"https://x%22.example.com/":               "",
		"javascript:alert(1)":                     "",
		"java\nscript:alert(1)":                   "",
		" https://x.example.com/":                 "",
		"data:text/html,x":                        "",
		"ftp://x.example.com/":                    "",
		"https://x.example.com/" + strings.Repeat("a", maxLinkBytes):   "",
		"https://x.example.com/" + strings.Repeat("é", maxLinkBytes/3): "",
	} {
		if got := safeLink(in, "http://127.0.0.1:3000"); got != want {
			t.Errorf("%.80q: %.120q, want %q", in, got, want)
		}
	}
	if got := safeLink("http://127.0.0.1:3000/", ""); got != "" {
		t.Error(got)
	}
}

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
			t.Errorf("%q, want %q", c[0], c[1])
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
			t.Errorf("%v after %v: %+v, want %+v", c.now, c.before, got, c.want)
		}
		if neutral := describeChange(c.now, c.before, whole, "more", "fewer", "").withTone(false); neutral.Tone != "" {
			t.Errorf("%+v", neutral)
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
		span, lately      string
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
			t.Errorf("%q, want %q", got, c.span)
		}
		if got := formatRelativeWindow(c.period, c.from, c.until, c.made); got != c.lately {
			t.Errorf("%q, want %q", got, c.lately)
		}
	}
}

func TestEndedReasonLabel(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"customer-ended-call", "Customer ended the call", "customer-ended-call"},
		{"Customer_Ended_Call", "Customer ended the call", "Customer_Ended_Call"},
		{"unknown", "Unknown", ""},
		{"", "Unknown", ""},
		{"some.new-reason_here", "Some new reason here", "some.new-reason_here"},
		{"busy", "The line was busy", "busy"},
		{"---", "---", ""},
	} {
		if words, raw := endedReasonLabel(c[0]); words != c[1] || raw != c[2] {
			t.Errorf("%q: %q, %q", c[0], words, raw)
		}
	}
}

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
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
