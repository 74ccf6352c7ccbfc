package textmessage

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/optout"
	"example.com/aurora/shared/core/text"
)

// Conversations stores what was said between a person and one of our addresses.
type Conversations interface {
	// LoadTexts reads what is stored of a conversation into c, whose assistant and addresses are set.
	LoadTexts(ctx context.Context, c *aurora.TextConversation) error
	// SaveTexts stores a conversation. The error is fault.Conflict if another process has stored it since it was read.
	SaveTexts(ctx context.Context, c *aurora.TextConversation) error
	// RememberText stores which assistant has sent a message.
	RememberText(ctx context.Context, sid, assistantID string) error
}

// Engine takes a turn of a conversation.
type Engine interface {
	TakeTurn(ctx context.Context, t Turn) (Answer, error)
}

// Turn is one turn: what a person wrote, and the conversation before.
type Turn struct {
	ID          string // the sid of the first message, so that a repeated turn repeats no effect of a tool
	AssistantID string
	Person      aurora.Phone
	Text        string
	History     []json.RawMessage // lists of package agent's messages
	ActiveAgent string
	Variables   map[string]any
}

// Answer is the result of a turn.
type Answer struct {
	Text        string          // as it is to be sent; never empty
	Messages    json.RawMessage // the turn: a list of package agent's messages
	ActiveAgent string
	Variables   map[string]any
}

// Guard decides whether a person may be sent a text message, and counts it. It is a contact.Guard.
type Guard interface {
	CheckNumber(ctx context.Context, c contact.Channel, to aurora.Phone, from aurora.Assistant) error
	CheckDoNotCall(ctx context.Context, c contact.Channel, to aurora.Phone) error
	SendText(ctx context.Context, t contact.Text, send func(context.Context) error) error
}

// Provider sends text messages.
type Provider interface {
	// SendText sends a message and returns its sid. A fault.Timeout means that it is not known whether it was sent.
	SendText(ctx context.Context, m aurora.OutgoingText) (sid string, err error)
	// FindSentText returns the sid of a message that was sent since a time and is none of leaveOut, "" if there is none.
	FindSentText(ctx context.Context, m aurora.OutgoingText, since time.Time, leaveOut []string) (sid string, err error)
}

// Worker answers messages of the queue.
type Worker struct {
	Assistants interface {
		ByID(ctx context.Context, id string) (aurora.Assistant, error)
	}
	Conversations Conversations
	Engine        Engine
	Contacts      Guard
	Provider      Provider
	DoNotCallList DoNotCallList
	Now           func() time.Time
	// Wait waits, and reports whether the context lasted that long.
	Wait func(ctx context.Context, d time.Duration) bool
}

// pauses are the pauses before another try within one delivery. The queue's own pause is some minutes.
var pauses = []time.Duration{time.Second, 3 * time.Second}

// Limits of what is stored of a conversation.
const (
	window        = 24 * time.Hour // how long a turn is remembered
	maxTurns      = 40
	maxTurnBytes  = 150 << 10 // of all turns together
	maxVariables  = 64 << 10  // bytes
	maxAnswered   = 500       // sids
	maxSent       = 20
	maxApologised = 20
	maxSentText   = 160 // bytes of an answer, for the note of what a person replied to
)

// lastReceives is the delivery of a message at which its sender gets an apology if it cannot be answered. The queue delivers it
// twice more (maxReceiveCount in template.yaml), after which it waits in the dead-letter queue.
const lastReceives = 3

// Delivery is a message of the queue, and how often it was delivered, this time included.
type Delivery struct {
	aurora.IncomingText
	Receives int
}

// Handle answers the messages of one group, which are in order, and returns an error for each one that failed.
func (w *Worker) Handle(ctx context.Context, group []Delivery) []error {
	errs := make([]error, len(group))
	if len(group) == 0 {
		return errs
	}
	if group[0].Receives < lastReceives {
		if err := w.handle(ctx, texts(group)); err != nil {
			for i := range errs {
				errs[i] = err
			}
		}
		return errs
	}
	for i := range group { // one of them may be the reason of the failures
		if err := w.handle(ctx, texts(group[i:i+1])); err != nil {
			w.apologise(ctx, group[i].IncomingText, err)
			errs[i] = err
		}
	}
	return errs
}

func texts(group []Delivery) (all []aurora.IncomingText) {
	for _, d := range group {
		all = append(all, d.IncomingText)
	}
	return all
}

// handle answers messages of one group, and tries again soon after an error that may pass and that proves that nothing was sent.
func (w *Worker) handle(ctx context.Context, messages []aurora.IncomingText) error {
	err := w.try(ctx, slices.Clone(messages))
	for _, pause := range pauses {
		f := fault.From(err)
		isBrief := err != nil && (f.Kind == fault.Unavailable || f.Kind == fault.Upstream || f.Kind == fault.RateLimited) && f.RetryAfter >= 0 && f.RetryAfter <= pause
		if !isBrief || !w.Wait(ctx, pause) {
			break
		}
		err = w.try(ctx, slices.Clone(messages))
	}
	return err
}

// try answers messages of one group: those that follow each other and need no fixed answer as one turn.
func (w *Worker) try(ctx context.Context, messages []aurora.IncomingText) error {
	c, err := w.load(ctx, messages[0])
	if err != nil {
		return err
	}
	if err := w.resume(ctx, c); err != nil {
		return err
	}
	seen := slices.Clone(c.Answered)
	messages = slices.DeleteFunc(messages, func(m aurora.IncomingText) bool {
		isKnown := slices.Contains(seen, m.SID)
		seen = append(seen, m.SID)
		return isKnown
	})
	for len(messages) > 0 {
		n := 1
		for messages[0].Request == "" && n < len(messages) && messages[n].Request == "" {
			n++
		}
		if err := w.answer(ctx, c, messages[:n]); err != nil {
			return err
		}
		messages = messages[n:]
	}
	return nil
}

// load reads the conversation of a message, without turns that are too old.
func (w *Worker) load(ctx context.Context, m aurora.IncomingText) (*aurora.TextConversation, error) {
	person, _ := m.From.Phone()
	c := &aurora.TextConversation{AssistantID: m.AssistantID, Person: person, Own: m.To}
	if err := w.Conversations.LoadTexts(ctx, c); err != nil {
		return nil, err
	}
	oldest := w.Now().Add(-window)
	c.Turns = slices.DeleteFunc(c.Turns, func(t aurora.TextTurn) bool { return t.At.Before(oldest) })
	if len(c.Turns) == 0 {
		c.ActiveAgent, c.ContextVariables = "", nil
	}
	return c, nil
}

// answer answers messages together: it records the answer and sends it.
func (w *Worker) answer(ctx context.Context, c *aurora.TextConversation, messages []aurora.IncomingText) error {
	first := messages[0]
	assistant, err := w.Assistants.ByID(ctx, c.AssistantID)
	if fault.Is(err, fault.NotFound) {
		slog.WarnContext(ctx, "text message not answered: its assistant was removed", "event", "text.not_answered", "messageSid", first.SID, "code", fault.From(err).Code)
		return w.settle(ctx, c, messages)
	}
	if err != nil {
		return err
	}
	aurora.LogAssistant(ctx, assistant)
	if stopped, err := w.checkPerson(ctx, c, assistant, first); stopped || err != nil {
		if err == nil {
			err = w.settle(ctx, c, messages)
		}
		return err
	}
	reply := fixedReply(optout.Request(first.Request), assistant)
	if reply == "" {
		if w.Now().Before(c.SilentUntil) {
			slog.WarnContext(ctx, "text message not answered: a limit is used up", "event", "text.not_answered", "messageSid", first.SID, "code", "silent")
			return w.settle(ctx, c, messages)
		}
		if reply, err = w.takeTurn(ctx, c, messages); err != nil {
			return err
		}
	}
	last := messages[len(messages)-1]
	c.Pending = &aurora.PendingText{
		OutgoingText: aurora.OutgoingText{From: last.To, To: last.From, MessagingServiceSID: last.MessagingServiceSID, Body: reply, StatusURL: last.StatusURL},
		SIDs:         sidsOf(messages), Confirms: first.Request == string(optout.Stop), RecordedAt: w.Now().UTC(),
	}
	if err := w.settle(ctx, c, messages); err != nil {
		return err
	}
	return w.deliver(ctx, c, assistant)
}

// checkPerson reports whether the person must not be sent anything, before a model is asked.
func (w *Worker) checkPerson(ctx context.Context, c *aurora.TextConversation, assistant aurora.Assistant, first aurora.IncomingText) (stopped bool, err error) {
	err = w.Contacts.CheckNumber(ctx, contact.Texts, c.Person, assistant)
	if err == nil && first.Request != string(optout.Stop) {
		err = w.Contacts.CheckDoNotCall(ctx, contact.Texts, c.Person)
	}
	if fault.Is(err, fault.Forbidden) {
		slog.WarnContext(ctx, "text message not answered: the person may not be texted", "event", "text.not_answered", "messageSid", first.SID, "code", fault.From(err).Code)
		return true, nil
	}
	return false, err
}

// takeTurn lets the assistant answer, and adds the turn to the conversation.
func (w *Worker) takeTurn(ctx context.Context, c *aurora.TextConversation, messages []aurora.IncomingText) (string, error) {
	t := Turn{ID: messages[0].SID, AssistantID: c.AssistantID, Person: c.Person, Text: joinTexts(c, messages), ActiveAgent: c.ActiveAgent, Variables: c.ContextVariables}
	for _, turn := range c.Turns {
		t.History = append(t.History, turn.Messages)
	}
	a, err := w.Engine.TakeTurn(ctx, t)
	if err != nil {
		return "", err
	}
	c.Turns = append(c.Turns, aurora.TextTurn{At: w.Now().UTC(), Messages: a.Messages})
	c.ActiveAgent, c.ContextVariables = a.ActiveAgent, a.Variables
	w.limit(ctx, c)
	return a.Text, nil
}

// limit removes the oldest turns of a conversation that is too long, and variables that are too large.
func (w *Worker) limit(ctx context.Context, c *aurora.TextConversation) {
	size := 0
	for i := len(c.Turns) - 1; i >= 0; i-- {
		size += len(c.Turns[i].Messages)
		if size > maxTurnBytes || len(c.Turns)-i > maxTurns {
			c.Turns = c.Turns[i+1:]
			break
		}
	}
	if b, err := json.Marshal(c.ContextVariables); err != nil || len(b) > maxVariables {
		slog.WarnContext(ctx, "the variables of a conversation by text were too large to be stored", "event", "text.variables_dropped")
		c.ContextVariables = nil
	}
}

// settle stores the conversation with the messages as ones that need no other answer.
func (w *Worker) settle(ctx context.Context, c *aurora.TextConversation, messages []aurora.IncomingText) error {
	c.Answered = append(c.Answered, sidsOf(messages)...)
	c.Answered = c.Answered[max(0, len(c.Answered)-maxAnswered):]
	c.LastAt = w.Now().UTC()
	return w.Conversations.SaveTexts(ctx, c)
}

func sidsOf(messages []aurora.IncomingText) (sids []string) {
	for _, m := range messages {
		sids = append(sids, m.SID)
	}
	return sids
}

// joinTexts returns the messages of one turn as one text. A message that replies to one of ours says which one.
func joinTexts(c *aurora.TextConversation, messages []aurora.IncomingText) string {
	var parts []string
	for _, m := range messages {
		for _, sent := range c.Sent {
			if m.RepliedSID != "" && sent.SID == m.RepliedSID {
				parts = append(parts, "[In reply to: "+note(sent.Body)+"]")
			}
		}
		parts = append(parts, m.Text)
	}
	return strings.Join(parts, "\n")
}

// fixedReply returns the reply to a request that Twilio has not replied to, "" for other messages.
func fixedReply(r optout.Request, a aurora.Assistant) string {
	name := text.Name(cmp.Or(string(a.OrgName), string(a.AssistantName)))
	if name != "" {
		name += ": "
	}
	switch r {
	case optout.Stop:
		return name + "You will not hear from us again by text message or phone. Reply START to take this back."
	case optout.Start:
		return name + "You may hear from us again by text message and phone. Reply STOP to opt out."
	case optout.Help:
		return name + "Write your question here, and our assistant answers. Reply STOP to get no more messages."
	}
	return ""
}

// apologise tells a person once that a message could not be answered. The message then waits in the dead-letter queue.
func (w *Worker) apologise(ctx context.Context, m aurora.IncomingText, reason error) {
	metric.CountFailure(ctx, "TextGivenUp", reason)
	slog.ErrorContext(ctx, "text message could not be answered", "event", "text.given_up", "messageSid", m.SID, "error", reason)
	c, err := w.load(ctx, m)
	if err != nil || c.Pending != nil || m.Request != "" || slices.Contains(c.Apologised, m.SID) || slices.Contains(c.Answered, m.SID) {
		return
	}
	assistant, err := w.Assistants.ByID(ctx, m.AssistantID)
	if err != nil {
		return
	}
	c.Pending = &aurora.PendingText{OutgoingText: aurora.OutgoingText{From: m.To, To: m.From, MessagingServiceSID: m.MessagingServiceSID,
		Body: text.ClipRunes(cmp.Or(assistant.FallbackMessage, DefaultFallback), maxApology), StatusURL: m.StatusURL}, RecordedAt: w.Now().UTC()}
	c.Apologised = append(c.Apologised, m.SID)
	c.Apologised = c.Apologised[max(0, len(c.Apologised)-maxApologised):]
	if err = w.Conversations.SaveTexts(ctx, c); err == nil {
		err = w.deliver(ctx, c, assistant)
	}
	if err != nil {
		slog.WarnContext(ctx, "no apology was sent", "event", "text.apology_failed", "messageSid", m.SID, "error", err)
	}
}

// DefaultFallback is sent if a message cannot be answered and the assistant has no message of its own for it.
const DefaultFallback = "I'm sorry, I cannot answer right now. Please try again later."

// maxApology is the length of an apology in characters.
const maxApology = 320
