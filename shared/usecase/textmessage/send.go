package textmessage

import (
	"context"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/text"
)

const (
	// maxPendingAge is how old an answer may be that is still sent. A later one would stand beside newer messages.
	maxPendingAge = time.Hour
	// clockDifference is by how much Twilio's clock may be behind ours.
	clockDifference = time.Minute
	// maxWait is the longest wait for a limit, in which the queue delivers the message again. After longer ones the answer is given up.
	maxWait = 5 * time.Minute
)

// codeOptedOut is Twilio's error for a person who opted out there: https://www.twilio.com/docs/api/errors/21610
const codeOptedOut = 21610

// resume sends an answer that an earlier process has recorded and perhaps not sent.
func (w *Worker) resume(ctx context.Context, c *aurora.TextConversation) error {
	p := c.Pending
	if p == nil {
		return nil
	}
	if !p.Unsent {
		sid, err := w.Provider.FindSentText(ctx, p.OutgoingText, p.RecordedAt.Add(-clockDifference), sentSIDs(c))
		if err != nil {
			return err
		}
		if sid != "" {
			return w.sent(ctx, c, sid)
		}
	}
	if w.Now().Sub(p.RecordedAt) > maxPendingAge {
		slog.WarnContext(ctx, "an old answer by text was not sent", "event", "text.not_sent", "code", "too_old")
		c.Pending = nil
		return w.Conversations.SaveTexts(ctx, c)
	}
	assistant, err := w.Assistants.ByID(ctx, c.AssistantID)
	if err != nil {
		return err
	}
	return w.deliver(ctx, c, assistant)
}

// deliver sends the pending answer of a conversation. It returns an error if the answer is to be sent later.
func (w *Worker) deliver(ctx context.Context, c *aurora.TextConversation, assistant aurora.Assistant) error {
	p, sid := c.Pending, ""
	message := contact.Text{From: assistant, To: c.Person, Body: p.Body, Reply: true, ConfirmsOptOut: p.Confirms}
	if len(p.SIDs) > 0 {
		message.CallID = p.SIDs[0]
	}
	err := w.Contacts.SendText(ctx, message, func(ctx context.Context) (err error) {
		sid, err = w.Provider.SendText(ctx, p.OutgoingText)
		return err
	})
	f := fault.From(err)
	switch {
	case err == nil:
		slog.InfoContext(ctx, "text message answered", "event", "text.answered", "messageSid", sid, "answers", p.SIDs, "to", p.To, "parts", text.SMSParts(p.Body))
		if err := w.sent(ctx, c, sid); err != nil { // the next run asks Twilio, and finds it
			metric.CountFault(ctx, "AnswerDegraded", err)
			slog.ErrorContext(ctx, "it was not stored that an answer by text was sent", "event", "text.sent_not_stored", "messageSid", sid, "error", err)
		}
		return nil
	case f.Kind == fault.RateLimited && f.RetryAfter <= maxWait, f.Kind == fault.Unavailable:
		return w.keepUnsent(ctx, c, err)
	case f.Kind == fault.RateLimited:
		c.SilentUntil = w.Now().Add(f.RetryAfter).UTC()
	case f.Kind == fault.Timeout, f.Kind == fault.Internal: // it may have been sent
		return err
	case f.Code == "twilio_21610":
		_ = recordOptOutAtTwilio(ctx, w.DoNotCallList, c.Person, sid) // logged; the next message to the person is rejected again
	}
	// A rule, or Twilio's rejection, which another try would not change.
	metric.CountFault(ctx, "TextRejected", err)
	slog.WarnContext(ctx, "an answer by text was not sent", "event", "text.not_sent", "code", f.Code, "answers", p.SIDs, "error", err)
	c.Pending = nil
	return w.Conversations.SaveTexts(ctx, c)
}

// keepUnsent stores that an answer was certainly not sent, and returns the error because of which it is sent later.
func (w *Worker) keepUnsent(ctx context.Context, c *aurora.TextConversation, err error) error {
	if !c.Pending.Unsent {
		c.Pending.Unsent = true
		if saveErr := w.Conversations.SaveTexts(ctx, c); saveErr != nil { // the next run asks Twilio, and does not find it
			slog.WarnContext(ctx, "it was not stored that an answer by text was not sent", "event", "text.unsent_not_stored", "error", saveErr)
		}
	}
	return err
}

// sent stores that Twilio has accepted the pending answer.
func (w *Worker) sent(ctx context.Context, c *aurora.TextConversation, sid string) error {
	c.Sent = append(c.Sent, aurora.SentText{SID: sid, Body: text.Clip(c.Pending.Body, maxSentText)})
	c.Sent = c.Sent[max(0, len(c.Sent)-maxSent):]
	c.Pending = nil
	if err := w.Conversations.RememberText(ctx, sid, c.AssistantID); err != nil {
		slog.WarnContext(ctx, "the assistant of a text message was not stored", "event", "text.owner_not_stored", "messageSid", sid, "error", err)
	}
	return w.Conversations.SaveTexts(ctx, c)
}

func sentSIDs(c *aurora.TextConversation) (sids []string) {
	for _, s := range c.Sent {
		sids = append(sids, s.SID)
	}
	return sids
}

// recordOptOutAtTwilio puts a person on the do-not-call list who opted out at Twilio.
func recordOptOutAtTwilio(ctx context.Context, list DoNotCallList, person aurora.Phone, sid string) error {
	if err := list.AddDoNotCall(ctx, person, "opted out at Twilio"); err != nil {
		slog.WarnContext(ctx, "an opt-out at Twilio was not recorded", "event", "optout.not_recorded", "messageSid", sid, "error", err)
		return errListUnavailable.Because(err)
	}
	slog.InfoContext(ctx, "an opt-out was recorded", "event", "optout.recorded", "messageSid", sid, "number", person)
	return nil
}
