package completions

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/chat"
)

// usageStore notes what was counted, and whether the caller had received the whole answer by then.
type usageStore struct {
	w       *recordingWriter
	mu      sync.Mutex
	amounts []int64
	early   bool // something was counted before the last byte
}

func (s *usageStore) AddUsage(_ context.Context, _ string, amount int64, _ time.Time) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.amounts = append(s.amounts, amount)
	sent := strings.TrimSpace(strings.Join(s.w.writes, ""))
	s.early = s.early || !strings.HasSuffix(sent, "[DONE]") && !strings.HasSuffix(sent, "}")
	return amount, nil
}

// Each route counts its turn when the answer has been sent, and answers the turn after the last one with 429. On the phone
// the assistant's own fallback message is spoken instead.
func TestKeyLimitsOnEveryRoute(t *testing.T) {
	const body = `{"messages":[{"role":"user","content":"Hi"}],"call":{"id":"c1"},"target_assistant_id":"a1"`
	model := scriptedModel{chunks: []agent.Chunk{{Text: "Yes."}, {FinishReason: "stop", Usage: &agent.Usage{TotalTokens: 42}}}}
	a := aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "a1", AssistantPrompt: "P"}, FallbackMessage: "Please call again later."}
	for name, c := range map[string]struct {
		serve func(e *Handler) func(http.ResponseWriter, *http.Request) error
		body  string
	}{
		"general":         {func(e *Handler) func(http.ResponseWriter, *http.Request) error { return e.ServeGeneral }, body + `}`},
		"general, stream": {func(e *Handler) func(http.ResponseWriter, *http.Request) error { return e.ServeGeneral }, body + `,"stream":true}`},
		"sms":             {func(e *Handler) func(http.ResponseWriter, *http.Request) error { return e.ServeSMS }, body + `}`},
		"chat":            {func(e *Handler) func(http.ResponseWriter, *http.Request) error { return e.ServeChat }, body + `}`},
		"voice":           {func(e *Handler) func(http.ResponseWriter, *http.Request) error { return e.ServeVoice }, body + `}`},
		"voice, stream":   {func(e *Handler) func(http.ResponseWriter, *http.Request) error { return e.ServeVoice }, body + `,"stream":true}`},
	} {
		t.Run(name, func(t *testing.T) {
			e := newHandler(model)
			store := &usageStore{w: &recordingWriter{header: http.Header{}}}
			service := e.Service.(*chat.Service)
			service.Assistants = testkit.NewAssistants(a)
			service.Limits = &chat.KeyLimits{Store: store, TurnsPerMinute: 1, TokensPerDay: 1000, Now: e.Now}
			if err := c.serve(e)(store.w, newPost(t, c.body)); err != nil {
				t.Fatal(err)
			}
			if len(store.amounts) != 2 || store.amounts[0]+store.amounts[1] != 43 || store.early {
				t.Errorf("counted %v, before the last byte: %v; want 1 turn and 42 tokens, after it\n%s", store.amounts, store.early, store.w.writes)
			}
			w := &recordingWriter{header: http.Header{}}
			err := c.serve(e)(w, newPost(t, c.body))
			answer := strings.Join(w.writes, "")
			if strings.HasPrefix(name, "voice") {
				if err != nil || !strings.Contains(answer, "Please call again later.") || !strings.Contains(answer, `"code":"key_limit"`) {
					t.Errorf("error %v, answer %s; want the assistant's fallback message and the code", err, answer)
				}
			} else if f := fault.From(err); err == nil || f.Kind != fault.RateLimited || f.Code != "key_limit" || f.RetryAfter <= 0 || answer != "" {
				t.Errorf("error %v, answer %q; want key_limit with a time to wait", err, answer)
			}
			if len(store.amounts) != 2 {
				t.Errorf("the rejected turn was counted: %v", store.amounts)
			}
		})
	}
}

// A turn whose reader disconnects is counted, with an estimate of its tokens.
func TestDisconnectedTurnIsCounted(t *testing.T) {
	e := newHandler(scriptedModel{chunks: []agent.Chunk{{Text: strings.Repeat("x", 400)}, {FinishReason: "stop", Usage: &agent.Usage{TotalTokens: 42}}}})
	store := &usageStore{w: &recordingWriter{header: http.Header{}, failAt: 1}}
	e.Service.(*chat.Service).Limits = &chat.KeyLimits{Store: store, TurnsPerMinute: 1, TokensPerDay: 1000, Now: e.Now}
	if err := e.ServeGeneral(store.w, newPost(t, `{"stream":true,"messages":[{"role":"user","content":"Hi"}]}`)); err == nil {
		t.Fatal("no error, want that the reader has gone")
	}
	if len(store.amounts) != 2 || store.amounts[0]+store.amounts[1] != 1+101 {
		t.Errorf("counted %v, want 1 turn and an estimate of 101 tokens", store.amounts)
	}
}
