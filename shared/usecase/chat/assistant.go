package chat

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/safego"
	"example.com/aurora/shared/core/text"
)

var errNoAssistant = fault.New(fault.NotFound, "There is no such assistant.").WithCode("assistant_not_found")

// assistantConfig reads the assistant_config that the caller sent. It returns nil if there is none. A lenient request leaves
// out the keys that cannot be read.
func (r *Request) assistantConfig(ctx context.Context) (*aurora.Configuration, error) {
	if r.Session == nil || r.Session.AssistantConfig == nil {
		return nil, nil
	}
	var config aurora.Configuration
	raw, err := UnquoteJSON(r.Session.AssistantConfig)
	if err == nil {
		err = json.Unmarshal(emptyObject(raw), &config)
	}
	switch {
	case err == nil:
		return &config, nil
	case r.Lenient:
		return r.readableConfig(ctx, raw), nil
	}
	return nil, fault.New(fault.Invalid, "call.assistant_config must be a JSON object, or a string of one.").
		WithParam("call.assistant_config").Because(err)
}

// readableConfig reads the keys of an assistant_config that can be read. It returns nil if the whole cannot be read.
func (r *Request) readableConfig(ctx context.Context, raw []byte) *aurora.Configuration {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		slog.WarnContext(ctx, "assistant_config ignored: it cannot be read", "event", "assistant_config.ignored", "callId", r.Session.ID, "error", err)
		return nil
	}
	var config aurora.Configuration
	for name, value := range fields {
		one, _ := json.Marshal(map[string]json.RawMessage{name: value}) // valid JSON: cannot fail
		read := config
		if err := json.Unmarshal(one, &read); err != nil {
			slog.WarnContext(ctx, "key of assistant_config ignored: it cannot be read", "event", "assistant_config.key_ignored", "callId", r.Session.ID,
				"key", text.Clip(name, 64), "error", err)
			continue
		}
		config = read
	}
	return &config
}

// assistantQuery is everything in a request that says which assistant answers.
type assistantQuery struct {
	target    string // target_assistant_id: it must exist
	id        string // the id that the assistant_config or the call names
	number    string
	config    aurora.Configuration
	principal auth.Principal
	// hasOwnPrompt says that the caller sent an assistant_config or a system message. The turn can then go on while the
	// assistants cannot be read.
	hasOwnPrompt bool
}

func newAssistantQuery(r Request, config *aurora.Configuration, hasSystemMessage bool) assistantQuery {
	q := assistantQuery{target: r.TargetAssistantID, number: r.Number, principal: r.Principal, hasOwnPrompt: config != nil || hasSystemMessage}
	if config != nil {
		q.config = *config
	}
	q.id = string(q.config.AssistantID)
	if r.Session != nil {
		q.id = cmp.Or(q.id, r.Session.AssistantID)
	}
	return q
}

// namedID returns the id that the request names, or "" if it names none or an invalid one.
func (q *assistantQuery) namedID() string {
	if id := cmp.Or(q.target, q.id); aurora.IsSafeID(id) {
		return id
	}
	return ""
}

// resolveAssistant returns the assistant that answers: the stored one that the request names, or one that exists only in
// the request. The caller's assistant_config can change how a stored assistant speaks, and never what it may do. The
// zero Assistant has no prompt and no tools: the request is then a plain completion. A key that is limited to some assistants
// reaches neither other ones nor those that exist only in the request.
func (s *Service) resolveAssistant(ctx context.Context, q assistantQuery) (aurora.Assistant, error) {
	logfields.Set(ctx, logfields.AssistantID, q.namedID())
	stored, err := s.findAssistant(ctx, q)
	aurora.LogAssistant(ctx, stored)
	if denied := q.principal.CheckAssistant(stored.ID()); denied != nil && (err == nil || fault.Is(err, fault.NotFound) || q.hasOwnPrompt) {
		return aurora.Assistant{}, denied
	}
	switch {
	case err == nil:
		applyOverrides(&stored.Configuration, q.config)
		if q.config.Functions != nil { // the caller can only take tools away
			stored.Functions = slices.DeleteFunc(slices.Clone(stored.Functions), func(f string) bool { return !slices.Contains(q.config.Functions, f) })
		}
		return stored, nil
	case q.target != "" && fault.Is(err, fault.NotFound):
		return aurora.Assistant{}, errNoAssistant.WithParam("target_assistant_id").Because(err)
	case q.target != "":
		return aurora.Assistant{}, err
	case fault.Is(err, fault.NotFound):
		return assistantFromConfig(q.config), nil
	case q.hasOwnPrompt:
		metric.CountFault(ctx, "AnswerDegraded", err)
		slog.WarnContext(ctx, "assistant not read; the caller's configuration is used", "event", "assistant.read_failed", "assistantId", q.id, "error", err)
		return assistantFromConfig(q.config), nil
	}
	return aurora.Assistant{}, err
}

// findAssistant reads the assistant by the first id that the request names, or else by the number that was called.
func (s *Service) findAssistant(ctx context.Context, q assistantQuery) (aurora.Assistant, error) {
	if id := cmp.Or(q.target, q.id); id != "" {
		if !aurora.IsSafeID(id) {
			return aurora.Assistant{}, errNoAssistant
		}
		return s.Assistants.ByID(ctx, id)
	}
	if number, ok := aurora.ParsePhone(q.number); ok {
		return s.Assistants.ByNumber(ctx, number)
	}
	return aurora.Assistant{}, errNoAssistant
}

// assistantFromConfig returns an assistant that exists only in the request. It has no id: otherwise a caller could read and
// write the sessions of an assistant by claiming its id.
func assistantFromConfig(config aurora.Configuration) aurora.Assistant {
	config.AssistantID = ""
	return aurora.Assistant{Configuration: config}
}

// sessionKey returns the key of the request's session with an assistant. The request must have a session.
func (r *Request) sessionKey(assistantID string) aurora.SessionKey {
	caller, _ := aurora.ParsePhone(cmp.Or(r.Session.CallerPhoneNumber, string(r.Customer.Number)))
	return aurora.SessionKey{AssistantID: assistantID, CallID: r.Session.ID, Caller: caller, PrincipalID: r.Principal.ID}
}

// loadAssistantAndSession reads the assistant and the stored state of the session at the same time, which saves a round
// trip to DynamoDB before the first word.
func (s *Service) loadAssistantAndSession(ctx context.Context, r Request, q assistantQuery) (aurora.Assistant, aurora.SessionState, error) {
	if s.Sessions == nil || r.Session == nil || r.Session.ID == "" || r.Session.isClientManaged() {
		a, err := s.resolveAssistant(ctx, q)
		return a, aurora.SessionState{}, err
	}
	load := func(assistantID string) aurora.SessionState {
		if assistantID == "" {
			return aurora.SessionState{}
		}
		state, err := s.Sessions.Load(ctx, r.sessionKey(assistantID))
		if err != nil {
			metric.CountFault(ctx, "AnswerDegraded", err)
			slog.WarnContext(ctx, "session not read; it begins anew", "event", "session.load_failed", "callId", r.Session.ID, "assistantId", assistantID, "error", err)
		}
		return state
	}
	expected := q.namedID()
	early := make(chan aurora.SessionState, 1)
	safego.Go(ctx, func() { early <- load(expected) }, func(error) { early <- aurora.SessionState{} })
	a, err := s.resolveAssistant(ctx, q)
	state := <-early
	if err == nil && a.ID() != expected { // the assistant was found by its number, or is not stored
		state = load(a.ID())
	}
	return a, state, err
}

// applyOverrides copies the fields that a caller may change: prompt, first message, names and timing.
func applyOverrides(stored *aurora.Configuration, sent aurora.Configuration) {
	for _, f := range []struct{ to, from *aurora.Text }{
		{&stored.AssistantPrompt, &sent.AssistantPrompt},
		{&stored.AssistantFirstMessage, &sent.AssistantFirstMessage},
		{&stored.AssistantName, &sent.AssistantName},
		{&stored.AssistantPhoneNumberName, &sent.AssistantPhoneNumberName},
		{&stored.OrgName, &sent.OrgName},
		{&stored.AIResponseLengthMinimum, &sent.AIResponseLengthMinimum},
		{&stored.GracePeriodMs, &sent.GracePeriodMs},
		{&stored.MinimumTimeBeforeAIResponds, &sent.MinimumTimeBeforeAIResponds},
		{&stored.QuickFinalizeDelayMs, &sent.QuickFinalizeDelayMs},
	} {
		if *f.from != "" {
			*f.to = *f.from
		}
	}
}
