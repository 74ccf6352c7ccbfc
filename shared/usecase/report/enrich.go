package report

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"example.com/aurora/shared/core/aurora"
)

// readers is how many rows and transcripts are read at once.
const readers = 8

// enrich adds what the walk over the compact rows left out: the calls that deserve attention in full, with their
// transcripts, and the narrative. Only a store's failure on the rows fails it.
func (d *draft) enrich(ctx context.Context) error {
	attention := make([]aurora.Attention, len(d.pass.attention.calls))
	summaries := make([]string, len(d.pass.sample.calls))
	errs := make([]error, len(attention)+len(summaries))
	var wg sync.WaitGroup
	slots := make(chan struct{}, readers)
	each := func(i int, do func() error) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			defer func() {
				if r := recover(); r != nil {
					errs[i] = fmt.Errorf("panic: %v", r)
				}
			}()
			slots <- struct{}{}
			defer func() { <-slots }()
			errs[i] = do()
		}()
	}
	for i, ranked := range d.pass.attention.calls {
		each(i, func() (err error) { attention[i], err = d.attend(ctx, ranked.call); return err })
	}
	for i, s := range d.pass.sample.calls {
		each(len(attention)+i, func() error {
			row, _, err := d.Calls.Row(ctx, s.place)
			summaries[i] = row.Summary
			return err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return unavailable(err)
	}
	r := &d.made.Report
	r.Attention = attention
	summaries = slices.DeleteFunc(summaries, func(s string) bool { return strings.TrimSpace(s) == "" })
	r.Narrative = d.narrate(ctx, d.assistant, r, summaries)
	return nil
}

// attend is all that is told of a call that deserves attention.
func (d *draft) attend(ctx context.Context, c aurora.Call) (aurora.Attention, error) {
	whole, ok, err := d.Calls.Row(ctx, c.Place)
	if err != nil {
		return aurora.Attention{}, err
	}
	if !ok { // moved meanwhile, since it turned out to be another's call
		whole = c
	}
	a := aurora.Attention{CallID: cmp.Or(whole.ID, whole.CallID), At: whole.When().In(d.window.From.Location()), Reasons: why(&whole),
		Customer: whole.Customer, Name: whole.Name, Direction: whole.Direction, Seconds: whole.Seconds, Outcome: whole.Outcome,
		Sentiment: whole.Sentiment, EndedReason: whole.EndedReason, Summary: whole.Summary, Actions: whole.Actions}
	if a.Actions == nil {
		a.Actions = []string{}
	}
	if len(a.Reasons) == 0 { // mended meanwhile
		a.Reasons = why(&c)
	}
	if strings.HasPrefix(whole.Recording, "https://") {
		a.Recording = whole.Recording
	}
	a.Transcript = d.transcript(ctx, whole, a)
	return a, nil
}

// transcript puts a page with what was said beside the report, and gives its address. A call without one has none, and
// neither has a report whose links cannot be made.
func (d *draft) transcript(ctx context.Context, c aurora.Call, a aurora.Attention) string {
	if c.Key == "" || !c.Transcript && !c.Spoke { // a call that only the telephone provider told of has no report
		return ""
	}
	key := d.made.Place + "transcripts/" + aurora.SafeName(c.CallID) + ".html"
	link := d.link(ctx, key)
	if link == "" {
		return ""
	}
	body, _, err := d.Bucket.Read(ctx, c.Key)
	if err == nil {
		var m aurora.Message
		if m, err = aurora.ParseMessage(body); err == nil {
			turns := m.Turns()
			if len(turns) == 0 {
				return ""
			}
			err = d.putTranscript(ctx, key, a, turns)
		}
	}
	if err != nil {
		slog.WarnContext(ctx, "a report goes without a transcript", "key", c.Key, "error", err)
		return ""
	}
	return link
}

func (d *draft) putTranscript(ctx context.Context, key string, a aurora.Attention, turns []aurora.Turn) error {
	page, err := Transcript{Call: a, Turns: turns, AssistantName: string(d.assistant.AssistantName), OrgName: string(d.assistant.OrgName),
		Language: d.assistant.Language, Zone: d.window.From.Location(), Public: d.Public}.HTML()
	if err != nil {
		return err
	}
	return d.Bucket.Put(ctx, key, "text/html; charset=utf-8", page)
}

// mail sends the report to each recipient that has not had it.
func (d *draft) mail(ctx context.Context, again bool) error {
	recipients := recipientsOf(d.assistant)
	if len(recipients) == 0 {
		d.made.warn("The assistant has no e-mail addresses.")
		return nil
	}
	if d.Mail == nil || !d.Mail.Ready() {
		d.made.warn("Mail is not set up.")
		return nil
	}
	subject, text, html, err := d.page(ctx).Mail()
	if err != nil {
		return err
	}
	var failed []error
	for _, to := range recipients {
		sum := sha256.Sum256([]byte(strings.ToLower(to)))
		key := d.made.Place + hex.EncodeToString(sum[:8])
		sent, err := d.Sent.Send(ctx, key, again, func(ctx context.Context) error {
			return d.Mail.SendMail(ctx, aurora.Mail{To: []string{to}, Subject: subject, Text: text, HTML: html})
		})
		if sent {
			d.made.Mailed++
		}
		if err != nil {
			failed = append(failed, err)
			slog.WarnContext(ctx, "a report was not mailed to a recipient", "place", d.made.Place, "recipient", hex.EncodeToString(sum[:8]), "error", err)
		}
	}
	if len(failed) > 0 {
		d.metric(ctx, "ReportMailFailed")
		d.made.warn(fmt.Sprintf("%d of %d mails could not be sent.", len(failed), len(recipients)))
		return &MailError{errors.Join(failed...)}
	}
	return nil
}

// MailError says that a report was made, and not mailed to everybody.
type MailError struct{ cause error }

// Error tells the causes.
func (e *MailError) Error() string { return "mail the report: " + e.cause.Error() }

// Unwrap gives the causes.
func (e *MailError) Unwrap() error { return e.cause }

// recipientsOf are the assistant's addresses, each once in whatever case.
func recipientsOf(a aurora.Assistant) []string {
	var all []string
	seen := map[string]bool{}
	for _, to := range a.Emails {
		to = strings.TrimSpace(to)
		if key := strings.ToLower(to); key != "" && !seen[key] {
			seen[key] = true
			all = append(all, to)
		}
	}
	return all
}
