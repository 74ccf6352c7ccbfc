package report

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/personaldata"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/safego"
)

// maxParallelReads is how many rows and transcripts are read at the same time.
const maxParallelReads = 8

// addDetails adds what the compact rows do not hold: the calls that deserve attention with their transcripts, and the
// narrative. It fails only if a row cannot be read.
func (d *reportBuild) addDetails(ctx context.Context) error {
	attention := make([]aurora.Attention, len(d.aggregation.attention.calls))
	summaries := make([]string, len(d.aggregation.sample.calls))
	errs := safego.Each(ctx, len(attention)+len(summaries), maxParallelReads, func(i int) (err error) {
		if i < len(attention) {
			attention[i], err = d.attentionItem(ctx, d.aggregation.attention.calls[i].call)
			return err
		}
		i -= len(attention)
		row, _, err := d.Calls.Row(ctx, d.aggregation.sample.calls[i].callKey)
		summaries[i] = row.Summary
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return asUnavailable(err)
	}
	r := &d.result.Report
	r.Attention = attention
	summaries = slices.DeleteFunc(summaries, func(s string) bool { return strings.TrimSpace(s) == "" })
	r.Narrative = d.narrate(ctx, d.assistant, r, summaries)
	return nil
}

// attentionItem returns what the report says about a call that deserves attention.
func (d *reportBuild) attentionItem(ctx context.Context, c aurora.Call) (aurora.Attention, error) {
	row, ok, err := d.Calls.Row(ctx, c.CallKey)
	if err != nil {
		return aurora.Attention{}, err
	}
	if !ok { // the row was moved since it was counted: a later message named another assistant
		row = c
	}
	a := aurora.Attention{CallID: cmp.Or(row.ID, row.CallID), At: row.CountedAt().In(d.window.From.Location()), Reasons: reasonsFor(&row),
		Customer: customerOf(row), Name: row.CustomerName, Direction: row.Direction, Seconds: row.Seconds, Outcome: row.Outcome,
		Sentiment: row.Sentiment, EndedReason: row.EndedReason, Summary: row.Summary, Actions: row.ActionItems, Extracted: row.Extracted}
	if a.Actions == nil {
		a.Actions = []string{}
	}
	if len(a.Reasons) == 0 { // a later end-of-call report has changed the row since it was counted
		a.Reasons = reasonsFor(&c)
	}
	if strings.HasPrefix(row.Recording, "https://") {
		a.Recording = row.Recording
	}
	a.Transcript = d.storeTranscript(ctx, row, a)
	return a, nil
}

// storeTranscript writes the page of a call's transcript beside the report and returns a link to it. It returns nothing if
// there is no transcript, or if no link can be signed.
func (d *reportBuild) storeTranscript(ctx context.Context, c aurora.Call, a aurora.Attention) string {
	if d.assistant.Storage == aurora.StoreFigures {
		return "" // no words are stored
	}
	if c.ObjectKey == "" || !c.Transcript && !c.Spoke { // known only from the telephone provider's callbacks, or nobody spoke
		return ""
	}
	key := aurora.TranscriptKey(d.result.Prefix, c.CallID)
	link := d.signedLink(ctx, key)
	if link == "" {
		return ""
	}
	body, _, err := d.Bucket.Read(ctx, c.ObjectKey)
	if err == nil {
		body, err = personaldata.Apply(d.assistant, body) // the report may be older than the setting
	}
	if err == nil {
		var m providermsg.Message
		if m, err = providermsg.ParseMessage(body); err == nil {
			turns := m.Transcript()
			if len(turns) == 0 {
				return ""
			}
			err = d.writeTranscript(ctx, key, a, turns)
		}
	}
	if err != nil {
		slog.WarnContext(ctx, "transcript page not stored", "event", "report.transcript_failed", "assistantId", d.assistant.ID(), "callId", a.CallID, "key", c.ObjectKey, "error", err)
		return ""
	}
	return link
}

func (d *reportBuild) writeTranscript(ctx context.Context, key string, a aurora.Attention, turns []providermsg.Utterance) error {
	page, err := Transcript{Call: a, Turns: turns, AssistantName: string(d.assistant.AssistantName), OrgName: string(d.assistant.OrgName),
		Language: d.assistant.Language, Zone: d.window.From.Location(), Public: d.PublicURL}.HTML()
	if err != nil {
		return err
	}
	return d.Bucket.Put(ctx, key, "text/html; charset=utf-8", page)
}

// customerOf returns the number of a call's other side; "withheld" if it withheld the number.
func customerOf(c aurora.Call) aurora.Phone {
	if c.IsWithheld() {
		return "withheld"
	}
	return c.Customer
}
