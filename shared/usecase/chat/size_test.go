package chat_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/chat"
)

// maxCharacters is the documented limit.
const maxCharacters = 200_000

func codeOf(err error) string {
	f, _ := errors.AsType[*fault.Error](err)
	if f == nil {
		return ""
	}
	return f.Code
}

// Everything that is sent to the model counts, and not the messages alone.
func TestCharactersOfARequest(t *testing.T) {
	const half = maxCharacters / 2
	long := func(n int) string { return strings.Repeat("x", n) }
	quoted := json.RawMessage(`{"x":"` + long(half) + `"}`)
	user := func(n int) []agent.Message { return messagesOf("u:" + long(n)) }
	part := agent.Message{Role: agent.RoleUser, Parts: json.RawMessage(`[{"type":"image_url","image_url":{"url":"data:image/png;base64,` + long(half) + `"}}]`)}
	for name, r := range map[string]chat.Request{
		"the stored prompt":           {TargetAssistantID: "long"},
		"a prompt from its variables": {TargetAssistantID: "template", Session: &chat.Session{ContextVariables: map[string]any{"text": long(half)}}},
		"the caller's instructions":   {TargetAssistantID: "a1", Messages: messagesOf("s:" + long(half))},
		"the caller's own prompt":     {Session: parseSession(t, `{"assistant_config":{"assistantPrompt":"`+long(half)+`"}}`)},
		"the caller's tools":          {Tools: []agent.Tool{{Name: "book", Parameters: quoted}}},
		"a parameter":                 {Options: map[string]json.RawMessage{"response_format": quoted}},
		"the tool choice":             {Tools: []agent.Tool{{Name: "book"}}, ToolChoice: quoted},
		"an image":                    {Messages: []agent.Message{part}},
		"what a model needs back":     {Messages: []agent.Message{{Role: agent.RoleAssistant, Content: "Yes.", Extra: agent.Extra{"reasoning": quoted}}}},
		"the arguments of a call":     {Messages: []agent.Message{{Role: agent.RoleAssistant, ToolCalls: []agent.ToolCall{{ID: "c1", Name: "f", Arguments: long(half)}}}}},
		"the id of a call, twice":     {Messages: []agent.Message{{Role: agent.RoleAssistant, ToolCalls: []agent.ToolCall{{ID: long(half / 2), Name: "f"}}}}},
	} {
		template := storedAssistant("template", "P {{ text }}")
		s := func() *chat.Service {
			return &chat.Service{Assistants: testkit.NewAssistants(storedAssistant("a1", "P"), storedAssistant("long", long(half)), template)}
		}
		fits, tooLong := r, r
		fits.Messages, tooLong.Messages = slices.Concat(r.Messages, user(half-2000)), slices.Concat(r.Messages, user(half+1))
		if _, _, err := runTurn(t, s(), fits); err != nil {
			t.Errorf("%s and a message that fits: %v", name, err)
		}
		if _, _, err := runTurn(t, s(), tooLong); codeOf(err) != agent.CodeTooLong {
			t.Errorf("%s and a message: error %v, want %s", name, err, agent.CodeTooLong)
		}
	}
}

// A conversation on the phone or by text message loses its oldest turns, and the model is never sent more than the limit.
func TestLongConversationsLoseTheirOldestTurns(t *testing.T) {
	long := strings.Repeat("x", maxCharacters/4)
	for _, r := range []chat.Request{{Channel: chat.Voice, Lenient: true}, {Channel: chat.SMS}} {
		r.TargetAssistantID = "long"
		r.Messages = messagesOf("u:1"+long, "a:2", "u:3"+long, "a:4", "u:5"+long, "a:6", "u:7")
		sent, session, err := runTurn(t, &chat.Service{Assistants: testkit.NewAssistants(storedAssistant("long", long+long))}, r)
		if err != nil {
			t.Fatal(err)
		}
		if n := sent.Characters(); n > maxCharacters || len(sent.Messages) != 4 || sent.Messages[1].Content[:1] != "5" {
			t.Errorf("%s: %d characters in %d messages, want the last two turns", r.Channel, n, len(sent.Messages))
		}
		if len(session.Messages) != 4 {
			t.Errorf("%s: %d messages in the session, want what the model got, and its answer", r.Channel, len(session.Messages))
		}
	}
	tooLong := messagesOf("u:" + strings.Repeat("x", maxCharacters+1))
	if _, _, err := runTurn(t, &chat.Service{}, chat.Request{Channel: chat.SMS, Messages: tooLong}); codeOf(err) != agent.CodeTooLong {
		t.Errorf("one message that is too long, by SMS: %v, want %s", err, agent.CodeTooLong)
	}
	s := &chat.Service{Assistants: testkit.NewAssistants(), Chain: singleModel(&recordingModel{}), Now: clock}
	turn, err := s.Turn(t.Context(), chat.Request{Channel: chat.Voice, Lenient: true, Messages: tooLong})
	if err != nil {
		t.Fatal(err)
	}
	if end, err := chat.Collect(turn.Events); codeOf(err) != agent.CodeTooLong || end.Session.Error.Code != agent.CodeTooLong {
		t.Errorf("one message that is too long, on the phone: %v, want a turn that fails with %s", err, agent.CodeTooLong)
	}
}
