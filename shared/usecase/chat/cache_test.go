package chat_test

import (
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/chat"
)

// The cache key names the assistant that was called and the agent that speaks, in at most the 64 characters that OpenAI takes.
func TestCacheKey(t *testing.T) {
	long := strings.Repeat("a", 60)
	first, third := storedAssistant("a1", "P1"), storedAssistant(long, "P3")
	first.Handoffs, third.Handoffs = aurora.List{"a2"}, aurora.List{"a2"}
	assistants := testkit.NewAssistants(first, storedAssistant("a2", "P2"), third)
	keys := map[string]bool{}
	for name, c := range map[string]struct {
		target, session, want string
	}{
		"stored":                 {"a1", `{"id":"c1"}`, "a1:a1"},
		"another call":           {"a1", `{"id":"c2"}`, "a1:a1"},
		"after a handoff":        {"a1", `{"id":"c1","active_agent":"a2"}`, "a1:a2"},
		"only in the request":    {"", `{"assistant_config":{"assistantName":"Riley","assistantPrompt":"P"}}`, ":Riley"},
		"no assistant":           {"", `{"id":"c1"}`, ""},
		"long":                   {long, `{"id":"c1"}`, "hash"},
		"long, after a handoff":  {long, `{"id":"c1","active_agent":"a2"}`, long + ":a2"},
		"name longer than a key": {"", `{"assistant_config":{"assistantName":"` + strings.Repeat("é", 50) + `"}}`, "hash"},
	} {
		r, _, err := runTurn(t, &chat.Service{Assistants: assistants}, chat.Request{TargetAssistantID: c.target, Messages: userSaysHi, Session: parseSession(t, c.session)})
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case c.want == "hash" && (len(r.CacheKey) != 64 || keys[r.CacheKey]):
			t.Errorf("%s: cache key %q, want a hash of 64 characters", name, r.CacheKey)
		case c.want != "hash" && r.CacheKey != c.want:
			t.Errorf("%s: cache key %q, want %q", name, r.CacheKey, c.want)
		}
		keys[r.CacheKey] = c.want == "hash"
	}
}

// What is the same in every turn of a call stands at the beginning of the request.
func TestPromptBeginsWithWhatStays(t *testing.T) {
	a := storedAssistant("a1", "You are Riley.\nIt is {{ 'now' | date: '%H:%M' }}. {{ mood }}")
	a.AssistantName = "Riley"
	prompt := func(at time.Time, mood string) string {
		m := &recordingModel{}
		s := &chat.Service{Assistants: testkit.NewAssistants(a), Chain: singleModel(m), Now: func() time.Time { return at }}
		turn, err := s.Turn(t.Context(), chat.Request{Channel: chat.Voice, Lenient: true, TargetAssistantID: "a1", Messages: userSaysHi,
			Session: &chat.Session{ID: "c1", ContextVariables: map[string]any{"mood": mood}}})
		if err != nil {
			t.Fatal(err)
		}
		endOf(t, turn)
		return m.request.Messages[0].Content
	}
	first, second := prompt(clock(), "calm"), prompt(clock().Add(time.Minute), "angry")
	same := 0
	for same < min(len(first), len(second)) && first[same] == second[same] {
		same++
	}
	if beginning := first[:same]; !strings.HasSuffix(beginning, "You are Riley.\nIt is 00:3") || !strings.Contains(beginning, "on the telephone") {
		t.Errorf("the prompts begin in the same way with %q, want all that does not change", beginning)
	}
}
