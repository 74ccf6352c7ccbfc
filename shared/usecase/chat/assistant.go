package chat

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/safego"
)

// resolveAssistant says who answers. What is stored comes first; the caller's assistant_config overrides how it speaks, never
// what it may do. The zero Assistant is nobody: the request is then a plain completion.
func (s *Service) resolveAssistant(ctx context.Context, r Request) (aurora.Assistant, error) {
	var config aurora.Configuration
	var session Session
	if r.Session != nil {
		session = *r.Session
	}
	given := session.AssistantConfig != nil
	if given {
		raw, err := UnquoteJSON(session.AssistantConfig)
		if err == nil {
			err = json.Unmarshal(raw, &config)
		}
		if err != nil && r.Lenient {
			slog.WarnContext(ctx, "an assistant_config that cannot be read was left out", "error", err)
			config, given = aurora.Configuration{}, false
		} else if err != nil {
			return aurora.Assistant{}, fault.New(fault.Invalid, "call.assistant_config must be a JSON object, or a string of one.").
				WithParam("call.assistant_config").Because(err)
		}
	}
	stored, err := s.findAssistant(ctx, r, string(config.AssistantID), session.AssistantID)
	switch {
	case err == nil:
		applyOverrides(&stored.Configuration, config)
		if config.Functions != nil { // those that both name
			stored.Functions = slices.DeleteFunc(slices.Clone(stored.Functions), func(f string) bool { return !slices.Contains(config.Functions, f) })
		}
		return stored, nil
	case r.TargetAssistantID != "" && fault.Is(err, fault.NotFound):
		return aurora.Assistant{}, errNoAssistant.WithParam("target_assistant_id").Because(err)
	case r.TargetAssistantID != "":
		return aurora.Assistant{}, err
	case fault.Is(err, fault.NotFound):
		return assistantFromConfig(config), nil
	case given || hasSystemMessage(r):
		slog.WarnContext(ctx, "assistant could not be read; the caller's own configuration is used", "error", err)
		return assistantFromConfig(config), nil
	}
	return aurora.Assistant{}, err
}

// assistantFromConfig is an assistant that only the caller knows. It has no id, because nothing may be kept or found under one that
// anybody could claim.
func assistantFromConfig(config aurora.Configuration) aurora.Assistant {
	config.AssistantID = ""
	return aurora.Assistant{Configuration: config}
}

// loadAssistantAndSession finds the assistant and, beside it, what was kept of the session.
func (s *Service) loadAssistantAndSession(ctx context.Context, r Request) (aurora.Assistant, aurora.SessionState, error) {
	if s.Sessions == nil || r.Session == nil || r.Session.ID == "" || r.Session.isClientManaged() {
		a, err := s.resolveAssistant(ctx, r)
		return a, aurora.SessionState{}, err
	}
	load := func(id string) aurora.SessionState {
		if id == "" {
			return aurora.SessionState{}
		}
		k, err := s.Sessions.Load(ctx, id, r.Session.ID)
		if err != nil {
			slog.WarnContext(ctx, "the session could not be read; it begins anew", "error", err)
		}
		return k
	}
	guess := firstAssistantID(r)
	early := make(chan aurora.SessionState, 1)
	safego.Go(ctx, func() { early <- load(guess) }, func(error) { early <- aurora.SessionState{} })
	a, err := s.resolveAssistant(ctx, r)
	kept := <-early
	if err == nil && a.ID() != guess { // found by its number
		kept = load(a.ID())
	}
	return a, kept, err
}

// firstAssistantID is the id that the request names first, "" where it names none or one that is none.
func firstAssistantID(r Request) string {
	var config aurora.Configuration
	if raw, err := UnquoteJSON(r.Session.AssistantConfig); err == nil {
		_ = json.Unmarshal(raw, &config) // assistant says what is wrong with it
	}
	id := cmp.Or(r.TargetAssistantID, string(config.AssistantID), r.Session.AssistantID)
	if !aurora.IsSafeID(id) {
		return ""
	}
	return id
}

func hasSystemMessage(r Request) bool {
	system, _ := splitMessages(r)
	return len(system) > 0
}

var errNoAssistant = fault.New(fault.NotFound, "There is no such assistant.").WithCode("assistant_not_found")

// findAssistant loads the assistant that the request names: by the target, the configuration, the call, or the number.
func (s *Service) findAssistant(ctx context.Context, r Request, inConfig, inCall string) (aurora.Assistant, error) {
	for _, id := range []string{r.TargetAssistantID, inConfig, inCall} {
		if id == "" {
			continue
		}
		if !aurora.IsSafeID(id) {
			return aurora.Assistant{}, errNoAssistant
		}
		return s.Assistants.ByID(ctx, id)
	}
	if number, ok := aurora.ParsePhone(r.Number); ok {
		return s.Assistants.ByNumber(ctx, number)
	}
	return aurora.Assistant{}, errNoAssistant
}

// applyOverrides takes from the caller's configuration what it may say: prompt, first message, names and timing.
func applyOverrides(stored *aurora.Configuration, by aurora.Configuration) {
	for _, f := range []struct{ to, from *aurora.Text }{
		{&stored.AssistantPrompt, &by.AssistantPrompt},
		{&stored.AssistantFirstMessage, &by.AssistantFirstMessage},
		{&stored.AssistantName, &by.AssistantName},
		{&stored.AssistantPhoneNumberName, &by.AssistantPhoneNumberName},
		{&stored.OrgName, &by.OrgName},
		{&stored.AIResponseLengthMinimum, &by.AIResponseLengthMinimum},
		{&stored.GracePeriodMs, &by.GracePeriodMs},
		{&stored.MinimumTimeBeforeAIResponds, &by.MinimumTimeBeforeAIResponds},
		{&stored.QuickFinalizeDelayMs, &by.QuickFinalizeDelayMs},
	} {
		if *f.from != "" {
			*f.to = *f.from
		}
	}
}
