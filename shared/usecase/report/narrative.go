package report

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/text"
)

const (
	// narrativeTimeout bounds the model's answer. After it the report is finished without a narrative.
	narrativeTimeout = 12 * time.Second
	// sampleSize is the number of calls whose summaries the model gets, and maxSummaryBytes the part of each.
	sampleSize      = 30
	maxSummaryBytes = 400
	// maxNarrativeBytes bounds the part of the model's answer that is used.
	maxNarrativeBytes = 4000
	// maxPromptTopics is the number of topics that the model gets.
	maxPromptTopics = 15
)

//go:embed narrative.md
var narrativePrompt string

// narrate returns the model's narrative of the report. It never fails: without a usable answer the narrative has only a note
// that says why.
func (m *Maker) narrate(ctx context.Context, a aurora.Assistant, r *aurora.Report, summaries []string) aurora.Narrative {
	if r.Calls.Total == 0 {
		return aurora.Narrative{Note: "There were no calls to summarize."}
	}
	refs := a.Models
	if len(refs) == 0 {
		for _, model := range m.Models {
			refs = append(refs, aurora.ModelRef{Model: model})
		}
	}
	if m.NewModel == nil || len(refs) == 0 {
		return aurora.Narrative{Note: "No model is set up to write the summary."}
	}
	ctx, cancel := context.WithTimeout(ctx, narrativeTimeout)
	defer cancel()
	allowed := newAllowedNumbers(r)
	answer, err := agent.Complete(ctx, m.NewModel(refs), newNarrativeRequest(a, r, summaries))
	if err != nil {
		slog.WarnContext(ctx, "narrative not written", "event", "narrative.failed", "assistantId", r.AssistantID, "error", err)
		m.countMetric(ctx, "NarrativeFailed")
		if fault.Is(err, fault.Timeout) || ctx.Err() != nil {
			return aurora.Narrative{Note: "The model that writes the summary did not answer in time."}
		}
		return aurora.Narrative{Note: "The model that writes the summary could not be used."}
	}
	text, dropped := allowed.filterSentences(text.Clip(text.Lines(answer.Text), maxNarrativeBytes))
	n := aurora.Narrative{Text: text, Model: answer.Model}
	switch {
	case text == "" && dropped == 0:
		n.Note = "The model that writes the summary returned no text."
	case text == "":
		n.Note = "No sentence of the summary agreed with the figures, so it was left out."
	case dropped == 1:
		n.Note = "A sentence was left out, because a number in it was not among the figures."
	case dropped > 1:
		n.Note = fmt.Sprintf("%d sentences were left out, because a number in each was not among the figures.", dropped)
	}
	if dropped > 0 {
		slog.WarnContext(ctx, "narrative shortened: sentences with unknown numbers", "event", "narrative.sentences_dropped", "assistantId", r.AssistantID, "sentences", dropped)
	}
	return n
}

// newNarrativeRequest returns the request to the model: the rules, the figures and the summaries of some calls.
func newNarrativeRequest(a aurora.Assistant, r *aurora.Report, summaries []string) agent.ModelRequest {
	language := "the language of this greeting: " + quoteJSON(string(a.AssistantFirstMessage))
	switch {
	case a.Language != "":
		language = "the language with the tag " + quoteJSON(a.Language)
	case a.AssistantFirstMessage == "":
		language = "English"
	}
	var calls strings.Builder
	for _, s := range summaries {
		calls.WriteString("- " + strings.Join(strings.Fields(text.Clip(text.Lines(s), maxSummaryBytes)), " ") + "\n")
	}
	return agent.ModelRequest{
		Messages: []agent.Message{
			{Role: agent.RoleSystem, Content: strings.ReplaceAll(narrativePrompt, "{{LANGUAGE}}", language)},
			{Role: agent.RoleUser, Content: "Figures:\n" + formatFigures(r) + "\nSummaries of some calls:\n" + calls.String()},
		},
		Options: json.RawMessage(`{"temperature":0.3,"max_tokens":700}`),
	}
}

// quoteJSON returns a text as a JSON string, so that the model sees where it begins and ends.
func quoteJSON(s string) string {
	b, _ := json.Marshal(text.Clip(text.Lines(s), 500)) // never fails for a string
	return string(b)
}

// comparison is a figure and that of the previous window.
type comparison struct {
	name        string
	now, before float64
}

// comparisons returns the figures that are compared, the most important first. The names are for the model.
func comparisons(r *aurora.Report) []comparison {
	now, before := &r.Figures, &r.Previous.Figures
	list := []comparison{
		{"calls", float64(now.Calls.Total), float64(before.Calls.Total)},
		{"answered calls", float64(now.Calls.Answered), float64(before.Calls.Answered)},
		{"voicemails", float64(now.Calls.Voicemail), float64(before.Calls.Voicemail)},
		{"failed, busy or unanswered calls", float64(now.Calls.Failed), float64(before.Calls.Failed)},
		{"inbound calls", float64(now.Calls.Inbound), float64(before.Calls.Inbound)},
		{"outbound calls", float64(now.Calls.Outbound), float64(before.Calls.Outbound)},
		{"transferred calls", float64(now.Calls.Transferred), float64(before.Calls.Transferred)},
		{"minutes", now.Minutes, before.Minutes},
		{"cost in US dollars", now.Cost.Total, before.Cost.Total},
		{"average seconds of a call", float64(now.DurationSeconds.Average), float64(before.DurationSeconds.Average)},
		{"median seconds of a call", float64(now.DurationSeconds.Median), float64(before.DurationSeconds.Median)},
		{"90th percentile of seconds of a call", float64(now.DurationSeconds.P90), float64(before.DurationSeconds.P90)},
		{"different callers", float64(now.Callers.Unique), float64(before.Callers.Unique)},
		{"returning callers", float64(now.Callers.Returning), float64(before.Callers.Returning)},
		{"calls with a withheld number", float64(now.Callers.Withheld), float64(before.Callers.Withheld)},
	}
	for _, o := range []aurora.Outcome{aurora.OutcomeResolved, aurora.OutcomeUnresolved, aurora.OutcomeTransferred, aurora.OutcomeVoicemail, aurora.OutcomeNoAnswer, aurora.OutcomeDropped, aurora.OutcomeError} {
		list = append(list, comparison{"calls with outcome " + string(o), float64(now.Outcomes[o]), float64(before.Outcomes[o])})
	}
	for _, s := range []aurora.Sentiment{aurora.SentimentPositive, aurora.SentimentNeutral, aurora.SentimentNegative} {
		list = append(list, comparison{"calls with " + string(s) + " sentiment", float64(now.Sentiment[s]), float64(before.Sentiment[s])})
	}
	return list
}

// percent returns the change in whole percent. ok is false if the previous figure is 0.
func (c comparison) percent() (p int, ok bool) {
	if c.before == 0 {
		return 0, false
	}
	return int(math.Round((c.now - c.before) / c.before * 100)), true
}

// formatFigures writes the figures for the model, with every number that it may use, one figure a line.
func formatFigures(r *aurora.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Period: %s, from %s until %s\n", r.Period, r.From.Format(time.RFC3339), r.Until.Format(time.RFC3339))
	for _, c := range comparisons(r) {
		fmt.Fprintf(&b, "%s: %s, before: %s", c.name, formatNumber(c.now), formatNumber(c.before))
		if p, ok := c.percent(); ok && c.now != c.before {
			fmt.Fprintf(&b, ", change: %+d%% (%s)", p, formatNumber(c.now-c.before))
		}
		b.WriteString("\n")
	}
	for _, t := range r.Topics[:min(len(r.Topics), maxPromptTopics)] {
		fmt.Fprintf(&b, "calls about %s: %d\n", quoteJSON(t.Topic), t.Calls)
	}
	for _, d := range r.ByDay {
		fmt.Fprintf(&b, "calls on %s: %d\n", d.Date, d.Calls)
	}
	day, hour := busiestHour(r.ByHour)
	fmt.Fprintf(&b, "busiest hour of the week: %s %02d:00, calls: %d\n", weekdays[day], hour, r.ByHour[day][hour])
	return b.String()
}

// busiestHour returns the weekday and hour with the most calls, the first of several.
func busiestHour(byHour [7][24]int) (day, hour int) {
	for d := range byHour {
		for h := range byHour[d] {
			if byHour[d][h] > byHour[day][hour] {
				day, hour = d, h
			}
		}
	}
	return day, hour
}

// formatNumber writes a figure with at most two decimals and without zeros at its end.
func formatNumber(n float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", n), "0"), ".")
}
