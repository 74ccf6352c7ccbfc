package chat

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/tools"
)

// DoNotCallList stores the numbers of people who do not want to hear from us.
type DoNotCallList interface {
	AddDoNotCall(ctx context.Context, number aurora.Phone, source string) error
	// RemoveDoNotCall takes a number off the list and reports whether it was on it.
	RemoveDoNotCall(ctx context.Context, number aurora.Phone) (removed bool, err error)
}

var errListUnavailable = fault.New(fault.Unavailable, "The do-not-call list cannot be written now.").WithRetryAfter(time.Second)

const (
	optOutReply       = "You will not hear from us again by text message or phone."
	optInReply        = "You may hear from us again by text message and phone."
	optOutFailedReply = "Your request could not be recorded: we cannot read your number. Please call us, and we will take you off our list."
)

// answerOptOut answers a text message that asks for no more messages, or takes that back: it puts the sender on the
// do-not-call list, or takes the sender off it, and makes the turn a confirmation without a model. If the sender's number cannot
// be read, the turn says so. It returns false if the message says something else.
func (s *Service) answerOptOut(ctx context.Context, r Request, t *Turn) (bool, error) {
	if r.Channel != SMS || s.DoNotCallList == nil {
		return false, nil
	}
	caller, ok := aurora.ParsePhone(t.session.CallerPhoneNumber)
	if ok && isOptIn(t.history) {
		return s.answerOptIn(ctx, caller, t)
	}
	if !isOptOut(t.history) {
		return false, nil
	}
	reply := optOutReply
	if !ok {
		reply = optOutFailedReply
		slog.ErrorContext(ctx, "an opt-out was not recorded: the sender's number cannot be read", "event", "optout.not_recorded",
			"callId", t.session.ID, "assistantId", t.assistant.ID())
		if s.Count != nil {
			s.Count(ctx, tools.MetricOptOutNotRecorded)
		}
	} else if err := s.DoNotCallList.AddDoNotCall(ctx, caller, "sms to assistant "+t.assistant.ID()); err != nil {
		return false, errListUnavailable.Because(err)
	} else {
		slog.InfoContext(ctx, "an opt-out was recorded", "event", "optout.recorded", "number", caller)
	}
	t.answerWith(reply)
	return true, nil
}

// answerOptIn takes a sender off the do-not-call list. It returns false if the sender is not on it: the message then means
// something else.
func (s *Service) answerOptIn(ctx context.Context, caller aurora.Phone, t *Turn) (bool, error) {
	removed, err := s.DoNotCallList.RemoveDoNotCall(ctx, caller)
	if err != nil {
		return false, errListUnavailable.Because(err)
	}
	if !removed {
		return false, nil
	}
	slog.InfoContext(ctx, "a person took an opt-out back", "event", "optout.withdrawn", "callId", t.session.ID, "assistantId", t.assistant.ID())
	t.answerWith(optInReply)
	return true, nil
}

// answerWith makes the turn a reply without a model.
func (t *Turn) answerWith(reply string) {
	t.Model = "none"
	t.Events = func(yield func(Event, error) bool) {
		result := t.emptyResult()
		result.Text, result.FinishReason = reply, agent.FinishStop
		result.Messages = []agent.Message{{Role: agent.RoleAssistant, Content: reply, Sender: result.ActiveAgent}}
		if yield(Event{Event: agent.Event{Text: reply, Model: t.Model}}, nil) {
			yield(t.endEvent(result, nil), nil)
		}
	}
}

// The words of an opt-out. People may revoke their consent by any reasonable means (47 CFR 64.1200(a)(10)); the first group
// holds the words that this rule and the carriers name (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out).
var (
	optOutWords = []string{"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "remove", "arret", "parar", "alto", "stopp", "abmelden", "afmelden"}
	// optInWords take an opt-out back (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out). "Yes" is left out: it
	// answers questions.
	optInWords = []string{"start", "unstop", "subscribe", "resubscribe", "optin"}
	// optOutPhrases ask for the same when they stand in a short message.
	optOutPhrases = []string{"opt out", "opt me out", "unsubscribe", "remove me", "remove my number", "take me off", "delete my number", "leave me alone",
		"stop texting", "stop calling", "stop messaging", "stop contacting", "stop sending", "do not text", "do not call", "do not contact", "do not message",
		"dont text", "dont call", "dont contact", "dont message", "no more texts", "no more messages", "no more calls", "revoke my consent", "withdraw my consent"}
	// politeWords may stand around an opt-out word. Together with other words it means something else: "cancel my
	// appointment", "stop by at noon".
	politeWords = []string{"please", "pls", "plz", "thanks", "thank", "you", "thx", "ty", "kindly", "hi", "hello", "hey", "ok", "okay", "now", "all", "it", "this", "that", "everything",
		"immediately", "already", "just", "me", "texts", "messages", "msgs", "sms", "calls", "texting", "calling", "messaging", "contacting", "s'il", "sil", "vous", "te", "plait", "por", "favor", "bitte", "danke", "gracias", "merci"}
	// doubtWords say that a phrase is part of something else: "how do I unsubscribe my colleague?", "why did you remove me?"
	doubtWords = []string{"how", "why", "when", "what", "who", "if", "did", "does", "should", "never", "wont", "cant", "resubscribe", "back"}
)

// maxOptOutWords is how long a message may be that has an opt-out phrase in it.
const maxOptOutWords = 12

// isOptOut reports whether the last message is the user's and asks for no more messages.
func isOptOut(history []agent.Message) bool {
	if len(history) == 0 || history[len(history)-1].Role != agent.RoleUser {
		return false
	}
	words := plainWords(history[len(history)-1].Text())
	if len(words) == 0 || len(words) > maxOptOutWords {
		return false
	}
	isPolite := func(w string) bool { return slices.Contains(politeWords, w) || slices.Contains(optOutWords, w) }
	if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(optOutWords, w) }) && !slices.ContainsFunc(words, func(w string) bool { return !isPolite(w) }) {
		return true
	}
	if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(doubtWords, w) }) {
		return false
	}
	text := " " + strings.Join(words, " ") + " "
	return slices.ContainsFunc(optOutPhrases, func(phrase string) bool { return strings.Contains(text, " "+phrase+" ") })
}

// isOptIn reports whether the last message is the user's and takes an opt-out back: one of optInWords, with polite words at most.
func isOptIn(history []agent.Message) bool {
	if len(history) == 0 || history[len(history)-1].Role != agent.RoleUser {
		return false
	}
	words := plainWords(history[len(history)-1].Text())
	isIn := func(w string) bool { return slices.Contains(optInWords, w) }
	if strings.Join(words, " ") == "opt in" {
		return true
	}
	return len(words) <= maxOptOutWords && slices.ContainsFunc(words, isIn) &&
		!slices.ContainsFunc(words, func(w string) bool { return !isIn(w) && !slices.Contains(politeWords, w) })
}

// plainWords returns the words of a message in lower case, without accents on the words that matter, invisible characters
// and punctuation.
func plainWords(s string) []string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\'' || r == '\u2019' || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cc, r) && !unicode.IsSpace(r):
			return -1
		case r >= '\uff01' && r <= '\uff5e': // full-width
			r -= '\uff01' - '!'
		}
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return ' '
		}
		return unicode.ToLower(r)
	}, s)
	return strings.Fields(strings.NewReplacer("ê", "e", "é", "e", "î", "i").Replace(s))
}
