package report

import (
	"fmt"
	"slices"
	"strings"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/text"
)

const (
	maxMailBytes = 95_000 // some mail clients cut mails of more than 102,400 bytes
	maxSubject   = 150    // characters
)

// mailLimits are tried in order until a mail is small enough. The last one is small enough for every report.
var mailLimits = []limits{
	{narrative: 4_000, summary: 600, note: 300, action: 200, attention: 5, actions: 4, outcomes: 7, endings: 6, topics: 8, days: 32, linkBytes: 2_400},
	{narrative: 3_000, summary: 300, note: 200, action: 120, attention: 5, actions: 2, outcomes: 7, endings: 5, topics: 5, days: 32, linkBytes: 1_200},
	{narrative: 2_000, summary: 160, note: 100, action: 80, attention: 3, actions: 1, outcomes: 7, endings: 3, topics: 3, days: 32, linkBytes: 600},
	{narrative: 1_000, note: 100, days: 32, linkBytes: 1_200},
}

// mailView is a view with the parts that only mails have.
type mailView struct {
	view
	Preview string // mail clients show it beside the subject
	Pairs   [][]tile
	Weeks   []chartWeek // calls by day
	More    string      // says how many calls that deserve attention are only in the report
}

// chartWeek is one row of days. Rest has an element for each day that the row is shorter than the others.
type chartWeek struct {
	Days []chartDay
	Rest []struct{}
}

// Mail returns the report as a mail: its subject and its bodies as text and as HTML, which is less than 100 KB.
func (p Page) Mail() (subject, text, html string, err error) {
	for _, size := range mailLimits {
		v := p.mailView(size)
		body, err := render("mail.html.tmpl", v)
		if err != nil {
			return "", "", "", err
		}
		if len(body) <= maxMailBytes {
			return p.subject(), v.plainText(), string(body), nil
		}
	}
	return "", "", "", fmt.Errorf("the mail of %s is larger than %d bytes", aurora.SafeKey(p.Report.AssistantID), maxMailBytes)
}

func (p Page) mailView(size limits) mailView {
	masked := p
	masked.Report.Attention = make([]aurora.Attention, 0, size.attention)
	for i, a := range p.Report.Attention {
		if i == size.attention {
			break
		}
		a.Customer = aurora.Phone(aurora.Phone(text.DisplayLine(string(a.Customer), 40)).Masked())
		masked.Report.Attention = append(masked.Report.Attention, a)
	}
	v := mailView{view: masked.view(size)}
	for i := 0; i+1 < len(v.Tiles); i += 2 {
		v.Pairs = append(v.Pairs, v.Tiles[i:i+2])
	}
	for i := range v.Chart.Days {
		one := &v.Chart.Days[i]
		one.Background, one.Foreground = palette[one.Level][0], palette[one.Level][1]
	}
	v.Weeks = groupWeeks(v.Chart.Days)
	if rest := len(p.Report.Attention) - len(v.Attention); rest > 0 && !v.Empty {
		v.More = formatCalls(rest) + " more in the report."
	}
	v.Preview = p.headline()
	if len(v.Paragraphs) > 0 {
		v.Preview = text.DisplayLine(v.Paragraphs[0], 140)
	}
	return v
}

// groupWeeks puts days into rows of seven. Eight days stay one row: a week that does not begin at midnight touches eight.
func groupWeeks(days []chartDay) []chartWeek {
	length := 7
	if len(days) == 8 {
		length = 8
	}
	var rows []chartWeek
	for row := range slices.Chunk(days, length) {
		w := chartWeek{Days: row}
		if len(rows) > 0 {
			w.Rest = make([]struct{}, length-len(row))
		}
		rows = append(rows, w)
	}
	return rows
}

// subject returns the subject of the mail, such as "Riley: 213 calls last week, 12% more than the week before".
func (p Page) subject() string {
	return text.DisplayLine(p.displayName(48)+": "+p.headline(), maxSubject)
}

func (p Page) headline() string {
	r, zone := p.Report, p.zone()
	made := p.MadeAt
	if made.IsZero() {
		made = r.Until
	}
	when := formatRelativeWindow(r.Period, r.From.In(zone), r.Until.In(zone), made)
	now, before := r.Calls.Total, r.Previous.Calls.Total
	if now <= 0 {
		return "no calls " + when
	}
	headline := formatCalls(now) + " " + when
	earlier := "the " + periodUnit(r.Period) + " before"
	switch d := now - before; {
	case before <= 0:
		headline += ", none " + earlier
	case d == 0:
		headline += ", as many as " + earlier
	case d > 0:
		headline += ", " + formatDifference(d, before) + " more than " + earlier
	default:
		headline += ", " + formatDifference(-d, before) + " fewer than " + earlier
	}
	return headline
}

// formatDifference writes a difference in percent, or in calls if the percentage would mean little.
func formatDifference(d, before int) string {
	if before < 10 || d/10 > before {
		return formatInt(d)
	}
	return formatShare(d, before)
}

// plainText returns the body of the mail as text.
func (v mailView) plainText() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	title := v.Assistant
	if v.Org != "" {
		title += ", " + v.Org
	}
	line("%s\n%s: %s\n%s", title, v.Kind, v.Span, v.Zone)
	if v.Empty {
		line("\n%s", v.EmptyMessage)
	}
	for _, p := range v.Paragraphs {
		line("\n%s", p)
	}
	if len(v.Paragraphs) == 0 && !v.Empty {
		line("\nThis report has no written summary. %s", v.Note)
	}
	if v.HTML != "" {
		line("\nThe whole report:\n%s", v.HTML)
	}
	if !v.Empty {
		v.writeFigures(line)
		v.writeAttention(line)
	}
	for _, l := range []detail{{Name: "Every call as a table", Value: v.CSV}, {Name: "The figures", Value: v.JSON}} {
		if l.Value != "" {
			line("\n%s:\n%s", l.Name, l.Value)
		}
	}
	if v.Made != "" {
		line("\nMade on %s.", v.Made)
	}
	if v.Number != "" {
		line("Report number: %s", v.Number)
	}
	return b.String()
}

func (v mailView) writeFigures(line func(string, ...any)) {
	line("\nAT A GLANCE\n%s", v.Compared)
	for _, t := range v.Tiles {
		words := t.Name + ": " + t.Value
		if t.Change.Words != "" {
			words += ", " + t.Change.Words
		}
		if t.Beside != "" {
			words += " (" + t.Beside + ")"
		}
		line("- %s", words)
	}
	if len(v.Chart.Days) > 0 {
		line("\nCALLS BY DAY")
		for _, d := range v.Chart.Days {
			if v.Chart.Before {
				line("- %s: %s (the %s before: %s)", d.Long, d.Calls, v.Unit, d.Before)
			} else {
				line("- %s: %s", d.Long, d.Calls)
			}
		}
		line("%s", strings.TrimSpace(v.Chart.Busiest+" "+v.Heat.Busiest))
	}
	for _, list := range []struct {
		name string
		rows []barRow
	}{{"OUTCOMES", v.Outcomes}, {"HOW CALLERS FELT", v.Sentiment}, {"WHAT CALLS WERE ABOUT", v.Topics}, {"HOW CALLS ENDED", v.Endings}} {
		if len(list.rows) > 0 {
			line("\n%s", list.name)
		}
		for _, r := range list.rows {
			line("- %s: %s (%s)", r.Label, r.Count, r.Share)
		}
	}
}

func (v mailView) writeAttention(line func(string, ...any)) {
	if len(v.Attention) > 0 {
		line("\nCALLS THAT DESERVE ATTENTION")
	}
	for _, c := range v.Attention {
		who := strings.TrimSpace(c.Name + " " + c.Number)
		if who != "" {
			who = ", " + who
		}
		line("\n%s%s", c.When, who)
		if len(c.Reasons) > 0 {
			line("%s", strings.Join(c.Reasons, "; "))
		}
		for _, s := range c.Summary {
			line("%s", s)
		}
		for _, a := range c.Actions {
			line("- To do: %s", a)
		}
		if c.Transcript != "" {
			line("Transcript: %s", c.Transcript)
		}
		if c.Recording != "" {
			line("Recording: %s", c.Recording)
		}
	}
	if v.More != "" {
		line("\n%s", v.More)
	}
}
