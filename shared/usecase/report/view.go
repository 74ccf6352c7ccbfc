package report

import (
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/text"
)

// view is what the templates show. Every text in it is cleaned and bounded; numbers are widths and levels.
type view struct {
	Assistant, Org, Kind string
	Title                string // of the browser tab
	Span, Zone           string
	Unit, UnitBefore     string // such as week, the week before
	Language             string // of the narrative, the summaries and the action items
	Paragraphs           []string
	Note                 string
	Empty                bool
	EmptyMessage         string
	Compared             string // what the changes are compared with
	Tiles                []tile
	Chart                chart
	Heat                 heatMap
	Outcomes             []barRow
	Sentiment            []barRow
	Unanalysed           string
	Endings              []barRow
	Topics               []barRow
	MoreTopics           []barRow
	Lengths, Callers     []detail
	Costs                []detail
	Attention            []card
	HTML, CSV, JSON      string
	Made                 string
	MadeAt               string // RFC 3339
	Number               string
}

// tile is a headline figure.
type tile struct {
	Name, Value, Beside string
	Long                bool // the value is long and needs smaller letters
	Change              change
}

// detail is a named value with an explanation.
type detail struct{ Name, Value, Words string }

// card is a call that deserves attention.
type card struct {
	When, Machine         string // the time in words and as RFC 3339
	Name, Number          string
	Facts                 []string
	Reasons               []string
	Summary               []string
	Actions               []string
	Extracted             []detail // names and values
	Ending, EndingRaw     string
	Transcript, Recording string
}

// zone returns the report's time zone.
func (p Page) zone() *time.Location {
	if zone, err := time.LoadLocation(p.Report.TimeZone); err == nil && p.Report.TimeZone != "" {
		return zone
	}
	return p.Report.From.Location()
}

func (p Page) view(size limits) view {
	r, zone := p.Report, p.zone()
	from, until := r.From.In(zone), r.Until.In(zone)
	v := view{
		Assistant: p.displayName(80), Org: text.DisplayLine(p.OrgName, 120), Kind: reportKind(r.Period), Unit: periodUnit(r.Period), UnitBefore: "the " + periodUnit(r.Period) + " before",
		Span: formatWindow(from, until), Zone: formatZone(text.DisplayLine(r.TimeZone, 60), until), Language: validLanguageTag(p.Language),
		Paragraphs: splitParagraphs(r.Narrative.Text, size.narrative), Note: text.DisplayLine(r.Narrative.Note, size.note),
		HTML: p.linkWithin(p.HTMLLink, size), CSV: p.linkWithin(p.CSVLink, size), JSON: p.linkWithin(p.JSONLink, size),
	}
	v.Title, v.Number = v.Assistant+": "+v.Span, text.DisplayLine(p.Number, 200)
	if !p.MadeAt.IsZero() {
		made := p.MadeAt.In(zone)
		v.Made, v.MadeAt = made.Format("Monday 2 January 2006, 15:04"), made.Format(time.RFC3339)
	}
	if r.Calls.Total <= 0 {
		v.Empty, v.EmptyMessage = true, p.emptyMessage()
		return v
	}
	before := formatWindow(r.Previous.From.In(zone), r.Previous.Until.In(zone))
	v.Compared = "Compared with " + v.UnitBefore + ", " + before + "."
	if r.Previous.Calls.Total <= 0 {
		v.Compared = "There were no calls in " + v.UnitBefore + " to compare with."
	}
	v.Tiles = p.tiles()
	v.Chart = p.chart(size.days)
	v.Heat = newHeatMap(r.ByHour)
	v.addResults(r, size)
	v.addDetails(r)
	for i, a := range r.Attention {
		if i >= size.attention {
			break
		}
		v.Attention = append(v.Attention, p.card(a, zone, size))
	}
	return v
}

// displayName returns the name of the assistant, or else its id.
func (p Page) displayName(limit int) string {
	for _, name := range []string{p.Report.AssistantName, p.Report.AssistantID} {
		if name = text.DisplayLine(name, limit); name != "" {
			return name
		}
	}
	return "The assistant"
}

// linkWithin returns an address if a page may link to it and it is short enough.
func (p Page) linkWithin(a string, size limits) string {
	if len(a) > size.linkBytes {
		return ""
	}
	return safeLink(a, p.Public)
}

func reportKind(p aurora.Period) string {
	if p == aurora.Monthly {
		return "Monthly report"
	}
	return "Weekly report"
}

// formatZone writes a time zone with its offset from UTC at a time.
func formatZone(name string, at time.Time) string {
	offset := at.Format("UTC-07:00")
	if name == "" || name == "UTC" {
		return offset
	}
	return name + " (" + offset + ")"
}

func (p Page) emptyMessage() string {
	words := "Nobody called, and no call was placed, in this " + periodUnit(p.Report.Period) + "."
	switch n := p.Report.Previous.Calls.Total; {
	case n == 1:
		words += " In the " + periodUnit(p.Report.Period) + " before there was 1 call."
	case n > 1:
		words += " In the " + periodUnit(p.Report.Period) + " before there were " + formatCalls(n) + "."
	default:
		words += " There were none in the " + periodUnit(p.Report.Period) + " before either."
	}
	return words
}

func splitParagraphs(s string, limit int) []string {
	var all []string
	for line := range strings.SplitSeq(text.DisplayLines(s, limit), "\n") {
		if line != "" {
			all = append(all, line)
		}
	}
	return all
}

// tiles returns the headline figures.
func (p Page) tiles() []tile {
	now, before := p.Report.Figures, p.Report.Previous.Figures
	earlier := "the " + periodUnit(p.Report.Period) + " before"
	hasPrevious := before.Calls.Total > 0
	compare := func(a, b float64, format func(float64) string, more, fewer string, upIsBad bool) change {
		if !hasPrevious {
			return change{}
		}
		return describeChange(a, b, format, more, fewer, earlier).withTone(upIsBad)
	}
	whole := func(f float64) string { return formatInt(int(f)) }
	count := func(name string, a, b int, upIsBad bool, beside string) tile {
		return tile{Name: name, Value: formatInt(a), Beside: beside, Change: compare(float64(a), float64(b), whole, "more", "fewer", upIsBad)}
	}
	total := now.Calls.Total
	tiles := []tile{
		count("Calls", total, before.Calls.Total, false, formatDirections(now.Calls)),
		count("Answered", now.Calls.Answered, before.Calls.Answered, false, formatShare(now.Calls.Answered, total)+" of calls"),
		count("Failed", now.Calls.Failed, before.Calls.Failed, true, "failed, busy or no answer"),
		count("Voicemail", now.Calls.Voicemail, before.Calls.Voicemail, false, formatShare(now.Calls.Voicemail, total)+" of calls"),
		{Name: "Minutes", Value: formatMinutes(now.Minutes), Beside: "spoken altogether",
			Change: compare(now.Minutes, before.Minutes, formatMinutes, "more", "fewer", false)},
		{Name: "Average length", Value: "–", Beside: "no length is known"},
		count("Callers", now.Callers.Unique, before.Callers.Unique, false, formatInt(now.Callers.Returning)+" returning"),
		p.costTile(compare),
	}
	if now.DurationSeconds.Average > 0 {
		t := &tiles[5]
		t.Value, t.Beside = formatDuration(float64(now.DurationSeconds.Average)), "half took "+formatDuration(float64(now.DurationSeconds.Median))+" or less"
		if before.DurationSeconds.Average > 0 {
			t.Change = compare(float64(now.DurationSeconds.Average), float64(before.DurationSeconds.Average), formatDuration, "longer", "shorter", false)
		}
	}
	for i, t := range tiles {
		tiles[i].Long = utf8.RuneCountInString(t.Value) > 8
	}
	return tiles
}

func (p Page) costTile(compare func(a, b float64, format func(float64) string, more, fewer string, upIsBad bool) change) tile {
	now, before := p.Report.Cost, p.Report.Previous.Cost
	t := tile{Name: "Cost", Value: formatMoney(now.Total, now.Currency), Beside: "known for every call"}
	switch {
	case now.UnknownCalls >= p.Report.Calls.Total:
		return tile{Name: "Cost", Value: "–", Beside: "not known for any call"}
	case now.UnknownCalls > 0:
		t.Beside = "and " + formatCalls(now.UnknownCalls) + " of unknown cost"
	}
	if before.UnknownCalls < p.Report.Previous.Calls.Total {
		t.Change = compare(now.Total, before.Total, func(f float64) string { return formatMoney(f, now.Currency) }, "more", "less", false)
	}
	return t
}

func formatDirections(c aurora.CallFigures) string {
	var parts []string
	for _, d := range []struct {
		n    int
		name string
	}{{c.Inbound, "in"}, {c.Outbound, "out"}, {c.Total - c.Inbound - c.Outbound, "other"}} {
		if d.n > 0 {
			parts = append(parts, formatInt(d.n)+" "+d.name)
		}
	}
	return strings.Join(parts, ", ")
}

// addResults adds the lists with bars: outcomes, sentiments, ended reasons and topics.
func (v *view) addResults(r aurora.Report, size limits) {
	v.Outcomes = newBarRows(r.Outcomes, size.outcomes, plainLabel)
	v.Sentiment = newBarRows(r.Sentiment, size.outcomes, plainLabel)
	for i, s := range v.Sentiment {
		v.Sentiment[i].Class = strings.ToLower(s.Label)
	}
	analysed := 0
	for _, n := range r.Outcomes {
		analysed += max(n, 0)
	}
	if rest := r.Calls.Total - analysed; rest > 0 {
		v.Unanalysed = formatCalls(rest) + " without anything said, or without analysis, are not among these."
		if rest == 1 {
			v.Unanalysed = "1 call without anything said, or without analysis, is not among these."
		}
	}
	v.Endings = newBarRows(r.EndedReasons, size.endings, endedReasonLabel)
	longest := 0
	for _, t := range r.Topics {
		longest = max(longest, t.Calls)
	}
	for i, t := range r.Topics {
		name := capitalize(text.DisplayLine(t.Topic, 80))
		if name == "" || t.Calls <= 0 {
			continue
		}
		b := newBarRow(name, "", t.Calls, r.Calls.Total, longest)
		if i < size.topics {
			v.Topics = append(v.Topics, b)
		} else if i < aurora.MaxTopics {
			v.MoreTopics = append(v.MoreTopics, b)
		}
	}
}

// addDetails adds lengths, callers and costs.
func (v *view) addDetails(r aurora.Report) {
	if d := r.DurationSeconds; d.Average > 0 || d.Median > 0 || d.P90 > 0 {
		v.Lengths = []detail{
			{"Average", formatDuration(float64(d.Average)), ""},
			{"Median", formatDuration(float64(d.Median)), "half of the calls took this long or less"},
			{"90th percentile", formatDuration(float64(d.P90)), "nine calls in ten took this long or less"},
		}
	}
	c := r.Callers
	v.Callers = []detail{{"Different callers", formatInt(c.Unique), "as far as their numbers are known"}}
	if c.Unique > 0 {
		returned := formatShare(c.Returning, c.Unique)
		if c.Returning <= 0 {
			returned = "none of them"
		}
		v.Callers = append(v.Callers,
			detail{"Returning", formatInt(c.Returning), returned + " also called in " + v.UnitBefore},
			detail{"New", formatInt(max(c.Unique-c.Returning, 0)), "did not call in " + v.UnitBefore})
	}
	if c.Withheld > 0 {
		v.Callers = append(v.Callers, detail{"Withheld", formatInt(c.Withheld), "calls whose caller withheld the number; they count as no caller"})
	}
	v.Costs = costDetails(r)
}

func costDetails(r aurora.Report) []detail {
	known := r.Calls.Total - r.Cost.UnknownCalls
	if known <= 0 {
		return []detail{{"Altogether", "–", "the providers did not say what these calls cost"}}
	}
	costs := []detail{{"Altogether", formatMoney(r.Cost.Total, r.Cost.Currency), "as the call providers reported it"},
		{"A call", formatMoney(r.Cost.Total/float64(known), r.Cost.Currency), "on average, where the cost is known"}}
	if r.Cost.UnknownCalls > 0 {
		costs = append(costs, detail{"Unknown", formatCalls(r.Cost.UnknownCalls), "whose cost was not reported"})
	}
	return costs
}

func (p Page) card(a aurora.Attention, zone *time.Location, size limits) card {
	at := a.At.In(zone)
	c := card{When: at.Format("Monday 2 January, 15:04"), Machine: at.Format(time.RFC3339),
		Name: text.DisplayLine(a.Name, 80), Number: shownNumber(a.Customer), Facts: callDetails(a),
		Summary: splitParagraphs(a.Summary, size.summary), Transcript: p.linkWithin(a.Transcript, size), Recording: p.linkWithin(a.Recording, size)}
	for _, reason := range a.Reasons[:min(len(a.Reasons), 8)] {
		if reason = capitalize(strings.TrimSuffix(text.DisplayLine(reason, 160), ".")); reason != "" {
			c.Reasons = append(c.Reasons, reason)
		}
	}
	for _, action := range a.Actions[:min(len(a.Actions), size.actions)] {
		if action = text.DisplayLine(action, size.action); action != "" {
			c.Actions = append(c.Actions, action)
		}
	}
	c.Extracted = extractedDetails(a.Extracted)
	if a.EndedReason != "" {
		c.Ending, c.EndingRaw = endedReasonLabel(a.EndedReason)
	}
	return c
}

// callDetails returns direction, length, outcome and mood of a call, as far as they are known.
func callDetails(a aurora.Attention) []string {
	details := []string{directionLabel(a.Direction)}
	if a.Seconds != nil && !math.IsNaN(*a.Seconds) {
		details = append(details, formatDuration(*a.Seconds))
	}
	details = append(details, capitalize(text.DisplayLine(string(a.Outcome), 40)))
	if s := capitalize(text.DisplayLine(string(a.Sentiment), 40)); s != "" {
		details = append(details, s+" mood")
	}
	return slices.DeleteFunc(details, func(s string) bool { return s == "" })
}

// shownNumber returns a caller's number as a report shows it, with a word in place of a withheld number.
func shownNumber(p aurora.Phone) string {
	if p != "" && aurora.IsWithheld(string(p)) {
		return "withheld"
	}
	return text.DisplayLine(string(p), 80)
}
