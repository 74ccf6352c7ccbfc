package chat

import (
	"context"
	"encoding/json"
	"log/slog"

	"aurora/shared/aurora"
	"aurora/shared/fault"
)

// assistant says who answers. What is stored comes first; the caller's assistant_config overrides how it speaks, never
// what it may do. The zero Assistant is nobody: the request is then a plain completion.
func (s *Service) assistant(ctx context.Context, r Request) (aurora.Assistant, error) {
	var config aurora.Configuration
	var session Session
	if r.Session != nil {
		session = *r.Session
	}
	given := session.AssistantConfig != nil
	if given {
		raw, err := Unquote(session.AssistantConfig)
		if err == nil {
			err = json.Unmarshal(raw, &config)
		}
		if err != nil {
			return aurora.Assistant{}, fault.New(fault.Invalid, "call.assistant_config must be a JSON object, or a string of one.").
				In("call.assistant_config").Because(err)
		}
	}
	stored, err := s.stored(ctx, r, string(config.AssistantID), session.AssistantID)
	switch {
	case err == nil:
		override(&stored.Configuration, config)
		return stored, nil
	case r.TargetAssistantID != "" && fault.Is(err, fault.NotFound):
		return aurora.Assistant{}, nobody.In("target_assistant_id").Because(err)
	case r.TargetAssistantID != "":
		return aurora.Assistant{}, err
	case fault.Is(err, fault.NotFound):
		return aurora.Assistant{Configuration: config}, nil
	case given || hasSystem(r):
		slog.WarnContext(ctx, "assistant could not be read; the caller's own configuration is used", "error", err)
		return aurora.Assistant{Configuration: config}, nil
	}
	return aurora.Assistant{}, err
}

func hasSystem(r Request) bool {
	system, _ := split(r)
	return len(system) > 0
}

var nobody = fault.New(fault.NotFound, "There is no such assistant.").Coded("assistant_not_found")

// stored loads the assistant that the request names: by the target, the configuration, the call, or the number.
func (s *Service) stored(ctx context.Context, r Request, inConfig, inCall string) (aurora.Assistant, error) {
	for _, id := range []string{r.TargetAssistantID, inConfig, inCall} {
		if id == "" {
			continue
		}
		if !aurora.SafeID(id) {
			return aurora.Assistant{}, nobody
		}
		return s.Assistants.ByID(ctx, id)
	}
	if number, ok := aurora.ParsePhone(r.Number); ok {
		return s.Assistants.ByNumber(ctx, number)
	}
	return aurora.Assistant{}, nobody
}

// override takes from the caller's configuration what it may say: prompt, first message, names and timing.
func override(stored *aurora.Configuration, by aurora.Configuration) {
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
