package report

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/safego"
)

// maxParallelReads is how many rows and transcripts are read at once.
const maxParallelReads = 8

// addDetails adds what the walk over the compact rows left out: the calls that deserve attention in full, with their
// transcripts, and the narrative. Only a store's failure on the rows fails it.
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

// attentionItem is all that is told of a call that deserves attention.
func (d *reportBuild) attentionItem(ctx context.Context, c aurora.Call) (aurora.Attention, error) {
	whole, ok, err := d.Calls.Row(ctx, c.CallKey)
	if err != nil {
		return aurora.Attention{}, err
	}
	if !ok { // moved meanwhile, since it turned out to be another's call
		whole = c
	}
	a := aurora.Attention{CallID: cmp.Or(whole.ID, whole.CallID), At: whole.CountedAt().In(d.window.From.Location()), Reasons: reasonsFor(&whole),
		Customer: whole.Customer, Name: whole.CustomerName, Direction: whole.Direction, Seconds: whole.Seconds, Outcome: whole.Outcome,
		Sentiment: whole.Sentiment, EndedReason: whole.EndedReason, Summary: whole.Summary, Actions: whole.ActionItems}
	if a.Actions == nil {
		a.Actions = []string{}
	}
	if len(a.Reasons) == 0 { // mended meanwhile
		a.Reasons = reasonsFor(&c)
	}
	if strings.HasPrefix(whole.Recording, "https://") {
		a.Recording = whole.Recording
	}
	a.Transcript = d.storeTranscript(ctx, whole, a)
	return a, nil
}

// storeTranscript puts a page with what was said beside the report, and gives its address. A call without one has none, and
// neither has a report whose links cannot be made.
func (d *reportBuild) storeTranscript(ctx context.Context, c aurora.Call, a aurora.Attention) string {
	if c.ObjectKey == "" || !c.Transcript && !c.Spoke { // a call that only the telephone provider told of has no report
		return ""
	}
	key := aurora.TranscriptKey(d.result.Prefix, c.CallID)
	link := d.signedLink(ctx, key)
	if link == "" {
		return ""
	}
	body, _, err := d.Bucket.Read(ctx, c.ObjectKey)
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
		slog.WarnContext(ctx, "a report goes without a transcript", "key", c.ObjectKey, "error", err)
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
