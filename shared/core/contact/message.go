package contact

import (
	"context"
	"errors"
	"log/slog"
	"net/mail"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/numberplan"
	"example.com/aurora/shared/core/text"
)

// MetricRejected counts messages that were not sent because of a rule, a limit, or a store that does not answer.
const MetricRejected = "ContactRejected"

// MessageLimits bounds text messages, mails and the spend. A limit of zero allows nothing.
type MessageLimits struct {
	TextsToNumberPerMinute                       int64 // of one assistant
	TextsToNumberPerDay                          int64 // of all assistants
	RepliesToNumberPerMinute                     int64 // of one assistant; of texts that are replies
	RepliesToNumberPerDay                        int64 // of all assistants; of texts that are replies
	TextsOfAssistantPerDay                       int64
	TextsToCountryPerDay                         int64
	TextsPerDay                                  int64           // of the whole deployment
	TextPartEstimate                             aurora.MicroUSD // reserved for each part of a text message, whose price is not known in advance
	SpendPerDay                                  aurora.MicroUSD // of all calls and messages
	OfKey                                        SharePercent    // how much of these one API key may use
	MailsOfAssistantPerDay, MailsToAddressPerDay int64
}

// Text is a text message to a person.
type Text struct {
	From   aurora.Assistant
	CallID string // for the log; may be empty
	Key    aurora.KeyShare
	To     aurora.Phone
	Body   string
	// Reply says that the text answers one of the person's own. A person who goes on writing gets more answers than texts that an
	// assistant sends of itself, so the number's limits are other ones.
	Reply bool
	// ConfirmsOptOut says that the text confirms an opt-out. The do-not-call list allows it: one such text is allowed within five
	// minutes (47 CFR 64.1200(a)(12)).
	ConfirmsOptOut bool
}

// SendText sends a text message with send, if every rule and limit allows it. An error has a message that may be passed on
// to the person. What a message took of the limits is returned if send certainly did not send it: if the error is neither a
// fault.Timeout nor of no known kind.
func (g *Guard) SendText(ctx context.Context, t Text, send func(context.Context) error) error {
	err := g.CheckNumber(ctx, Texts, t.To, t.From)
	if err == nil && !t.ConfirmsOptOut {
		err = g.CheckDoNotCall(ctx, Texts, t.To)
	}
	var limits []Limit
	if err == nil {
		limits = g.Limits.ofText(t, g.Now())
		err = g.Take(ctx, Texts, g.NewID(), limits)
	}
	if err != nil {
		return g.rejected(ctx, Texts, t.From, t.CallID, err)
	}
	return g.send(ctx, limits, send)
}

// ofText returns the limits of a text message, in the order in which they are taken.
func (l MessageLimits) ofText(t Text, now time.Time) []Limit {
	number, assistant, country := string(t.To), aurora.SafeKey(t.From.ID()), numberplan.Find(t.To).Region
	estimate := l.TextPartEstimate * aurora.MicroUSD(text.SMSParts(t.Body))
	counter, perMinute, perDay := "sms", l.TextsToNumberPerMinute, l.TextsToNumberPerDay
	if t.Reply {
		counter, perMinute, perDay = "reply", l.RepliesToNumberPerMinute, l.RepliesToNumberPerDay
	}
	return append(l.textsOfKey(t.Key, country, estimate, now),
		PerMinute(counter+"-minute#"+assistant+"#"+number, perMinute, now, "destination_limit", "This number was just sent several text messages, so no other one was sent; it is possible again in a minute."),
		PerDay(counter+"-to#"+number, 1, perDay, now, "destination_limit", "This number has been sent enough text messages today, so no other one was sent."),
		PerDay("sms-assistant#"+assistant, 1, l.TextsOfAssistantPerDay, now, "assistant_limit", "This assistant has sent all of its text messages for today, so no other one was sent."),
		PerDay("sms-country#"+country, 1, l.TextsToCountryPerDay, now, "country_limit", "This country has been sent enough text messages today, so no other one was sent."),
		PerDay("sms-all", 1, l.TextsPerDay, now, "daily_limit", "All text messages of today have been sent, so no other one was sent."),
		Spend(estimate, l.SpendPerDay, now, "Today's budget for calls and messages is used up, so no text message was sent."))
}

// Mail is an e-mail of an assistant.
type Mail struct {
	From   aurora.Assistant
	CallID string // for the log; may be empty
	To     []string
}

// SendMail sends an e-mail with send, if the limits allow it. Its errors are as those of SendText.
func (g *Guard) SendMail(ctx context.Context, m Mail, send func(context.Context) error) error {
	limits := g.Limits.ofMail(m, g.Now())
	if err := g.Take(ctx, Mails, g.NewID(), limits); err != nil {
		return g.rejected(ctx, Mails, m.From, m.CallID, err)
	}
	return g.send(ctx, limits, send)
}

// ofMail returns the limits of an e-mail, in the order in which they are taken.
func (l MessageLimits) ofMail(m Mail, now time.Time) []Limit {
	limits := []Limit{PerDay("mail-assistant#"+aurora.SafeKey(m.From.ID()), 1, l.MailsOfAssistantPerDay, now,
		"assistant_limit", "This assistant has sent all of its e-mails for today, so no other one was sent.")}
	seen := map[string]bool{}
	for _, to := range m.To {
		if a, err := mail.ParseAddress(to); err == nil {
			to = a.Address
		}
		to = aurora.SafeKey(strings.ToLower(to)) // a hash, so that no address is stored
		if !seen[to] {
			limits = append(limits, PerDay("mail-to#"+to, 1, l.MailsToAddressPerDay, now,
				"destination_limit", "The team has been sent enough e-mails today, so no other one was sent."))
		}
		seen[to] = true
	}
	return limits
}

// send calls send, and returns the limits if nothing was sent. After an error that does not say so they stay taken.
func (g *Guard) send(ctx context.Context, limits []Limit, send func(context.Context) error) error {
	err := send(ctx)
	if f := fault.From(err); err != nil && f.Kind != fault.Timeout && f.Kind != fault.Internal && !errors.Is(err, context.Canceled) {
		g.Return(ctx, limits)
	}
	return err
}

// rejected logs and counts a message that was not sent, and returns the error. The error does not say that a context ended:
// package idempotency would take that for an effect that may have happened.
func (g *Guard) rejected(ctx context.Context, c Channel, from aurora.Assistant, callID string, err error) error {
	if errors.Is(err, context.Canceled) {
		err = fault.From(err).Because(errors.New(err.Error()))
	}
	slog.WarnContext(ctx, "a message was rejected", "event", "contact.rejected", "channel", c.name, "code", fault.From(err).Code,
		"assistantId", from.ID(), "callId", callID, "error", err)
	g.count(ctx, MetricRejected)
	if fault.Is(err, fault.RateLimited) {
		metric.CountFailure(ctx, "LimitReached", err)
	}
	return err
}
