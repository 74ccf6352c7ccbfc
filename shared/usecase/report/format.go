package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/text"
)

// thinSpace stands between groups of three digits. It is narrow, and no line breaks there.
const thinSpace = "\u202f"

// formatInt writes a whole number in groups of three digits.
func formatInt(n int) string {
	digits := strconv.Itoa(n)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(thinSpace)
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// formatCompact writes a whole number in few characters, for where there is little space: 987, 1.2k, 34k, 5M.
func formatCompact(n int) string {
	switch {
	case n < 1000:
		return strconv.Itoa(n)
	case n < 9_950:
		return strconv.FormatFloat(float64(n)/1e3, 'f', 1, 64) + "k"
	case n < 999_500:
		return strconv.Itoa((n+500)/1000) + "k"
	default:
		return strconv.Itoa(int(math.Round(float64(n)/1e6))) + "M"
	}
}

// finiteOrZero returns f, or 0 if f is not finite or too large to show.
func finiteOrZero(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) || math.Abs(f) > 1e15 {
		return 0
	}
	return f
}

// formatDecimals writes a number with this many decimals, in groups of three digits.
func formatDecimals(f float64, places int) string {
	text := strconv.FormatFloat(math.Abs(finiteOrZero(f)), 'f', places, 64)
	whole, rest, _ := strings.Cut(text, ".")
	n, err := strconv.Atoi(whole)
	if err != nil {
		return text
	}
	text = formatInt(n)
	if rest != "" {
		text += "." + rest
	}
	if f < 0 && strings.Trim(text, "0.") != "" {
		text = "−" + text
	}
	return text
}

// formatMinutes writes a number of minutes, with one decimal below 10.
func formatMinutes(f float64) string {
	if f = finiteOrZero(f); f != 0 && math.Abs(f) < 10 {
		return formatDecimals(f, 1)
	}
	return formatDecimals(f, 0)
}

// formatMoney writes an amount: $12.34, 12.34 EUR.
func formatMoney(amount float64, currency string) string {
	amount = finiteOrZero(amount)
	money := formatDecimals(math.Abs(amount), 2)
	below := amount != 0 && math.Abs(amount) < 0.005
	if below {
		money = "0.01"
	}
	if currency = text.DisplayLine(currency, 8); currency == "USD" || currency == "" {
		money = "$" + money
	} else {
		money += "\u00a0" + currency
	}
	if below {
		return "under " + money
	}
	if amount < 0 {
		return "−" + money
	}
	return money
}

// formatDuration writes a length of time: 48 s, 2 min 14 s, 1 h 3 min.
func formatDuration(seconds float64) string {
	s := int(math.Round(max(finiteOrZero(seconds), 0)))
	const gap = "\u00a0"
	switch {
	case s < 60:
		return strconv.Itoa(s) + gap + "s"
	case s < 3600 && s%60 == 0:
		return strconv.Itoa(s/60) + gap + "min"
	case s < 3600:
		return fmt.Sprintf("%d%smin%s%d%ss", s/60, gap, gap, s%60, gap)
	case s%3600/60 == 0:
		return formatInt(s/3600) + gap + "h"
	default:
		return fmt.Sprintf("%s%sh%s%d%smin", formatInt(s/3600), gap, gap, s%3600/60, gap)
	}
}

// formatShare writes a part of a whole in percent. A small part is "under 1%" and never 0%; almost all is "over 99%" and never
// 100%.
func formatShare(part, whole int) string {
	if whole <= 0 || part <= 0 {
		return "0%"
	}
	p := 100 * float64(part) / float64(whole)
	switch {
	case p < 0.5:
		return "under 1%"
	case p > 99.5 && part < whole:
		return "over 99%"
	default:
		return formatInt(int(math.Round(p))) + "%"
	}
}

// formatCalls writes a number of calls: 1 call, 2 calls.
func formatCalls(n int) string {
	if n == 1 {
		return "1 call"
	}
	return formatInt(n) + " calls"
}

// change is the difference between a figure and that of the previous window.
type change struct {
	Arrow string // ▲ or ▼; empty if nothing changed
	Words string // such as 23 more (+12%)
	Tone  string // good or bad; empty if the change may be either
}

// describeChange compares a figure with the previous one. more and fewer are the words for the two directions, and earlier names
// the previous window.
func describeChange(now, before float64, format func(float64) string, more, fewer, earlier string) change {
	now, before = finiteOrZero(now), finiteOrZero(before)
	d := now - before
	amount := format(math.Abs(d))
	if d == 0 || amount == format(0) {
		return change{Words: "no change"}
	}
	c := change{Arrow: "▲", Words: amount + " " + more}
	sign := "+"
	if d < 0 {
		c, sign = change{Arrow: "▼", Words: amount + " " + fewer}, "−"
	}
	if before <= 0 {
		c.Words += " (none " + earlier + ")"
		return c
	}
	switch p := math.Abs(d) / before * 100; {
	case p < 0.5:
		c.Words += " (" + sign + "under 1%)"
	case p < 1e6:
		c.Words += " (" + sign + formatInt(int(math.Round(p))) + "%)"
	}
	return c
}

// withTone adds the tone for a figure whose rise is bad, such as failed calls. Other changes stay neutral.
func (c change) withTone(upIsBad bool) change {
	if c.Arrow != "" && upIsBad {
		c.Tone = "good"
		if c.Arrow == "▲" {
			c.Tone = "bad"
		}
	}
	return c
}

// coversWholeDays reports whether a window begins and ends at midnight.
func coversWholeDays(from, until time.Time) bool {
	return aurora.StartOfDay(from).Equal(from) && aurora.StartOfDay(until).Equal(until)
}

// formatWindow writes a window: Monday 16 – Sunday 22 November 2026. The times are added if it does not cover whole days.
func formatWindow(from, until time.Time) string {
	if !coversWholeDays(from, until) {
		const layout = "Monday 2 January 2006, 15:04"
		return from.Format(layout) + " – " + until.Format(layout)
	}
	last := aurora.StartOfDay(until.Add(-time.Second))
	switch {
	case !last.After(from):
		return last.Format("Monday 2 January 2006")
	case from.Year() != last.Year():
		return from.Format("Monday 2 January 2006") + " – " + last.Format("Monday 2 January 2006")
	case from.Month() == last.Month() && from.Day() == 1 && until.Day() == 1:
		return from.Format("January 2006")
	case from.Month() == last.Month():
		return from.Format("Monday 2") + " – " + last.Format("Monday 2 January 2006")
	default:
		return from.Format("Monday 2 January") + " – " + last.Format("Monday 2 January 2006")
	}
}

// formatRelativeWindow names a window for a person who reads about it at the time made: last week, in October 2026, in the
// week to Sunday 22 November.
func formatRelativeWindow(p aurora.Period, from, until, made time.Time) string {
	made = made.In(until.Location())
	since := made.Sub(until)
	if !coversWholeDays(from, until) {
		return "in the " + periodUnit(p) + " to " + until.Format("Monday 2 January, 15:04")
	}
	switch {
	case p == aurora.Monthly && from.Day() == 1 && until.Day() == 1:
		return "in " + from.Format("January 2006")
	case p == aurora.Weekly && until.Weekday() == time.Monday && since >= 0 && since < 7*24*time.Hour:
		return "last week"
	}
	return "in the " + periodUnit(p) + " to " + until.Add(-time.Second).Format("Monday 2 January")
}

// periodUnit returns week or month.
func periodUnit(p aurora.Period) string {
	if p == aurora.Monthly {
		return "month"
	}
	return "week"
}
