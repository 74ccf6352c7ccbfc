package callcontrol

import (
	"context"
	"log/slog"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/script"
)

// Answer decides what happens with a call that has come in.
func (s *Service) Answer(ctx context.Context, c Call) aurora.CallPlan {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	a, err := s.Assistants.ByNumber(ctx, c.own())
	if fault.Is(err, fault.NotFound) {
		slog.WarnContext(ctx, "a call to a number without an assistant", "event", "phone.number_unknown", "to", c.own())
		return aurora.CallPlan{Say: script.In("").NoService, Hangup: true}
	}
	if err != nil {
		return s.fail(ctx, "assistant", a, c, err)
	}
	aurora.LogAssistant(ctx, a)
	if plan, stop := s.checkCaller(ctx, a, c); stop {
		return plan
	}
	if s.RelayURL == "" {
		return s.fail(ctx, "settings", a, c, errNoRelay)
	}
	facts := script.Facts{CallID: c.SID, CallerNumber: string(c.customer()), CustomerNumber: string(c.customer()), Now: s.Now}
	greeting := script.Greeting(ctx, a, facts, s.Plain)
	call, err := s.Calls.CreateCall(ctx, aurora.PhoneCall{SID: c.SID, AssistantID: a.ID(), Direction: aurora.DirectionInbound, From: c.From, To: c.To,
		Customer: c.customer(), OwnNumber: c.own(), Greeting: greeting, Recorded: a.Recording.Enabled && c.PublicURL != "", CreatedAt: s.Now()})
	if err != nil {
		return s.fail(ctx, "state", a, c, err)
	}
	session, err := s.newSession(ctx, call)
	if err != nil {
		return s.fail(ctx, "token", a, c, err)
	}
	s.send(ctx, c.SID, backstop)
	session.Greeting = call.Greeting
	slog.InfoContext(ctx, "phone call answered", "event", "phone.answered", "callId", c.SID, "assistantId", a.ID(), "from", c.customer(), "recorded", call.Recorded)
	return script.Connect(a, session, c.PublicURL)
}

// newSession returns a session of a call, with a new token.
func (s *Service) newSession(ctx context.Context, call aurora.PhoneCall) (aurora.RelaySession, error) {
	if s.RelayURL == "" {
		return aurora.RelaySession{}, errNoRelay
	}
	token := aurora.RelayToken{Token: s.NewToken(), AssistantID: call.AssistantID, CallSID: call.SID, RecordID: call.RecordID, ExpiresAt: s.Now().Add(tokenTTL)}
	return aurora.RelaySession{URL: s.RelayURL, Token: token.Token}, s.Calls.IssueToken(ctx, token)
}

// checkCaller returns what happens with a call that must not be answered; stop is false for every other call.
func (s *Service) checkCaller(ctx context.Context, a aurora.Assistant, c Call) (plan aurora.CallPlan, stop bool) {
	caller := c.customer()
	if caller != "" && (caller == c.own() || s.isOwn(ctx, a, caller)) {
		slog.WarnContext(ctx, "a call from one of our own numbers is rejected", "event", "phone.loop_rejected", "from", caller)
		return aurora.CallPlan{Reject: true}, true
	}
	now := s.Now()
	if caller != "" && !s.take(ctx, contact.PerMinute("incoming#"+string(caller), s.Limits.OfCaller, now, "", ""), c) {
		slog.WarnContext(ctx, "a number calls too often", "event", "phone.caller_limit", "from", caller)
		return aurora.CallPlan{Reject: true}, true
	}
	if !s.take(ctx, contact.PerMinute("incoming-to#"+a.ID(), s.Limits.OfAssistant, now, "", ""), c) {
		slog.ErrorContext(ctx, "an assistant gets too many calls", "event", "phone.assistant_limit", "assistantId", a.ID())
		return s.apologise(ctx, a, c), true
	}
	return aurora.CallPlan{}, false
}

// take counts a call, and reports whether the limit allows it. A call is not refused because it cannot be counted.
func (s *Service) take(ctx context.Context, l contact.Limit, c Call) bool {
	taken, err := s.Counter.TakeQuota(ctx, l.Quota, c.SID)
	if err != nil {
		metric.CountFault(ctx, "AnswerDegraded", err)
		slog.WarnContext(ctx, "a call is answered without being counted", "event", "phone.not_counted", "error", err)
		return true
	}
	return taken
}
