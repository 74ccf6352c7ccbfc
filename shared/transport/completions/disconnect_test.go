package completions

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"strings"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/chat"
)

// handoffModel hands the conversation over to the assistant "billing" and then speaks for it.
type handoffModel struct{ calls int }

func (m *handoffModel) Stream(ctx context.Context, _ agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	m.calls++
	if m.calls == 1 {
		return scriptedModel{chunks: []agent.Chunk{
			{ToolCalls: []agent.ToolCallDelta{{ID: "t1", Name: "transfer_to_billing", Arguments: "{}"}}}, {FinishReason: agent.FinishToolCalls}}}.Stream(ctx, agent.ModelRequest{})
	}
	return scriptedModel{chunks: []agent.Chunk{{Text: "This "}, {Text: "is "}, {Text: "billing."}, {FinishReason: agent.FinishStop}}}.Stream(ctx, agent.ModelRequest{})
}

// deskAndBilling is a store of two assistants: desk is called and hands over to billing.
func deskAndBilling() *testkit.Assistants {
	assistant := func(id string, handoffs ...string) aurora.Assistant {
		return aurora.Assistant{Configuration: aurora.Configuration{AssistantID: aurora.Text(id), AssistantName: aurora.Text(id)}, Handoffs: handoffs}
	}
	return testkit.NewAssistants(assistant("desk", "billing"), assistant("billing"))
}

// savedSessions remembers the state that was saved last.
type savedSessions struct{ last aurora.SessionState }

func (*savedSessions) Load(context.Context, aurora.SessionKey) (aurora.SessionState, error) {
	return aurora.SessionState{}, nil
}

func (s *savedSessions) Save(ctx context.Context, _ aurora.SessionKey, state aurora.SessionState) error {
	s.last = state
	return ctx.Err()
}

// The active agent is stored although the reader has disconnected, so that the next turn goes on with it.
func TestFault26SessionIsStoredWhenTheReaderDisconnects(t *testing.T) {
	const body = `{"stream":true,` + hiMessages + `,"call":{"id":"c1","assistantId":"desk"}}`
	for name, serve := range map[string]func(*Handler) func(http.ResponseWriter, *http.Request) error{
		"general": func(e *Handler) func(http.ResponseWriter, *http.Request) error { return e.ServeGeneral },
		"voice":   func(e *Handler) func(http.ResponseWriter, *http.Request) error { return e.ServeVoice },
	} {
		for failAt := 1; failAt <= 6; failAt++ {
			e := newHandler(&handoffModel{})
			sessions := &savedSessions{}
			service := e.Service.(*chat.Service)
			service.Assistants, service.Sessions = deskAndBilling(), sessions
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if err := serve(e)(&recordingWriter{header: http.Header{}, failAt: failAt}, r); !errors.Is(err, errReaderGone) {
				t.Errorf("%s, write %d fails: the handler returned %v, want the write's error", name, failAt, err)
			}
			if sessions.last.ActiveAgent != "billing" {
				t.Errorf("%s, write %d fails: the stored active agent is %q, want billing", name, failAt, sessions.last.ActiveAgent)
			}
		}
	}
}
