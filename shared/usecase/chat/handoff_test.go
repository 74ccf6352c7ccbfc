package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/chat"
)

// scriptedModel gives its n-th answer to the n-th request, and the last answer to all further ones. It records the requests.
type scriptedModel struct {
	answers  [][]agent.Chunk
	requests []agent.ModelRequest
}

func (p *scriptedModel) Stream(_ context.Context, r agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		n := len(p.requests)
		p.requests = append(p.requests, r)
		for _, c := range p.answers[min(n, len(p.answers)-1)] {
			if !yield(c, nil) {
				return
			}
		}
	}
}

func textAnswer(text string) []agent.Chunk {
	return []agent.Chunk{{Text: text}, {FinishReason: "stop"}}
}

func toolCallAnswer(name string) []agent.Chunk {
	return []agent.Chunk{{ToolCalls: []agent.ToolCallDelta{{ID: "t1", Name: name, Arguments: "{}"}}}, {FinishReason: "tool_calls"}}
}

// memorySessions stores sessions in memory and counts the writes.
type memorySessions struct {
	all   map[aurora.SessionKey]aurora.SessionState
	saves int
	err   error
}

func (k *memorySessions) Load(_ context.Context, key aurora.SessionKey) (aurora.SessionState, error) {
	return k.all[key], k.err
}

func (k *memorySessions) Save(_ context.Context, key aurora.SessionKey, v aurora.SessionState) error {
	k.saves++
	if k.err == nil {
		k.all[key] = v
	}
	return k.err
}

// newReception returns a service with two assistants: the front desk, which is called, and billing, which has a model of its own
// and to which the front desk hands over. The front desk also names an assistant "gone" that does not exist.
func newReception(m agent.Model) (*chat.Service, *memorySessions) {
	front := storedAssistant("front", "You are the front desk.")
	front.AssistantName, front.Handoffs = "Front Desk", aurora.List{"billing", "gone"}
	billing := storedAssistant("billing", "You are billing for {{ org_name }}.")
	billing.AssistantName, billing.OrgName, billing.Handoffs = "Riley (Billing)", "Harbor", aurora.List{"front"}
	billing.Models = []aurora.ModelRef{{Model: "billing-model"}}
	k := &memorySessions{all: map[aurora.SessionKey]aurora.SessionState{}}
	return &chat.Service{Assistants: testkit.NewAssistants(front, billing), Chain: singleModel(m),
		DefaultModels: []string{"gpt-4o"}, Sessions: k, Now: clock}, k
}

// takeTurn runs a turn and returns its result, and the session after it as JSON.
func takeTurn(t *testing.T, s *chat.Service, r chat.Request) (*agent.TurnResult, json.RawMessage) {
	t.Helper()
	turn, err := s.Turn(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	end := endOf(t, turn)
	b, err := json.Marshal(end.Session)
	if err != nil {
		t.Fatal(err)
	}
	return end.End, b
}

// endOf runs a turn that must succeed, and returns its last event.
func endOf(t rapid.TB, turn *chat.Turn) chat.Event {
	t.Helper()
	end, err := chat.Collect(turn.Events)
	if err != nil {
		t.Fatal(err)
	}
	return end
}

func toolNames(tools []agent.Tool) []string {
	var out []string
	for _, t := range tools {
		out = append(out, t.Name)
	}
	return out
}

func systemPrompt(r agent.ModelRequest) string { return r.Messages[0].Content }

func userRequest(text, call string) chat.Request {
	s := &chat.Session{}
	if err := json.Unmarshal([]byte(call), s); err != nil {
		panic(err)
	}
	return chat.Request{Messages: []agent.Message{{Role: agent.RoleUser, Content: text}}, Session: s}
}

func TestHandoff(t *testing.T) {
	m := &scriptedModel{answers: [][]agent.Chunk{toolCallAnswer("transfer_to_riley_billing"), textAnswer("This is billing.")}}
	s, _ := newReception(m)
	result, session := takeTurn(t, s, userRequest("My bill, please", `{"id":"c1","assistantId":"front"}`))
	if got := toolNames(m.requests[0].Tools); !slices.Equal(got, []string{"transfer_to_riley_billing"}) {
		t.Errorf("the front desk has the tools %q, want a handoff to billing only: the other assistant does not exist", got)
	}
	if systemPrompt(m.requests[0]) != "You are the front desk." || systemPrompt(m.requests[1]) != "You are billing for Harbor." || m.requests[1].Model != "billing-model" {
		t.Errorf("after the handoff the model %q got the prompt %q, want billing's", m.requests[1].Model, systemPrompt(m.requests[1]))
	}
	if got := toolNames(m.requests[1].Tools); !slices.Equal(got, []string{"transfer_to_front_desk"}) {
		t.Errorf("billing has the tools %q, want a handoff to the front desk", got)
	}
	if result.ActiveAgent != "billing" || !strings.Contains(string(session), `"active_agent":"billing"`) || !strings.Contains(string(session), `{\"assistant\":\"Riley (Billing)\"}`) {
		t.Errorf("the active agent is %q, the session %s; want billing in both, and the result of the handoff", result.ActiveAgent, session)
	}

	t.Run("the caller sends full_session back", func(t *testing.T) {
		m.answers, m.requests = [][]agent.Chunk{textAnswer("Still billing.")}, nil
		s, k := newReception(m)
		takeTurn(t, s, userRequest("And now?", string(session)))
		if systemPrompt(m.requests[0]) != "You are billing for Harbor." || k.saves != 0 {
			t.Errorf("the model got the prompt %q after %d writes; want billing's and no write", systemPrompt(m.requests[0]), k.saves)
		}
	})
	t.Run("an unknown active agent is ignored", func(t *testing.T) {
		for _, name := range []string{"nobody", "../x", "gone"} {
			m.answers, m.requests = [][]agent.Chunk{textAnswer("x")}, nil
			s, _ := newReception(m)
			takeTurn(t, s, userRequest("Hi", `{"id":"c1","assistantId":"front","active_agent":"`+name+`"}`))
			if systemPrompt(m.requests[0]) != "You are the front desk." {
				t.Errorf("active agent %q: the model got the prompt %q, want the front desk's", name, systemPrompt(m.requests[0]))
			}
		}
	})
}

// A caller that sends only messages and the call's id talks to the same agent in its next turn.
func TestSessionIsStoredByCallID(t *testing.T) {
	m := &scriptedModel{answers: [][]agent.Chunk{toolCallAnswer("transfer_to_riley_billing"), textAnswer("This is billing."), textAnswer("Still billing.")}}
	s, k := newReception(m)
	takeTurn(t, s, userRequest("My bill, please", `{"id":"c1","assistantId":"front"}`))
	takeTurn(t, s, userRequest("And now?", `{"id":"c1","assistantId":"front"}`))
	if systemPrompt(m.requests[2]) != "You are billing for Harbor." || k.saves != 1 {
		t.Errorf("the model got the prompt %q after %d writes; want billing's after 1", systemPrompt(m.requests[2]), k.saves)
	}
	takeTurn(t, s, userRequest("And now?", `{"id":"another","assistantId":"front"}`))
	if systemPrompt(m.requests[3]) != "You are the front desk." {
		t.Errorf("in another call the model got the prompt %q, want the front desk's", systemPrompt(m.requests[3]))
	}
}

func TestDefaultSessionIsNotStored(t *testing.T) {
	s, k := newReception(&scriptedModel{answers: [][]agent.Chunk{textAnswer("Hi.")}})
	takeTurn(t, s, userRequest("Hi", `{"id":"c1","assistantId":"front"}`))
	if k.saves != 0 {
		t.Errorf("%d writes, want none", k.saves)
	}
}

// A reader that disconnects ends the turn. The agent that the conversation was handed over to is still stored.
func TestFault26SessionIsStoredWhenTheReaderDisconnects(t *testing.T) {
	for name, disconnects := range map[string]func(chat.Event) bool{
		"at the first word of the new agent": func(e chat.Event) bool { return e.Text == "This is" },
		"when the last word has been sent":   func(e chat.Event) bool { return e.Text == " billing." },
	} {
		t.Run(name, func(t *testing.T) {
			m := &scriptedModel{answers: [][]agent.Chunk{toolCallAnswer("transfer_to_riley_billing"),
				{{Text: "This is"}, {Text: " billing."}, {FinishReason: "stop"}}}}
			s, sessions := newReception(m)
			turn, err := s.Turn(t.Context(), userRequest("My bill, please", `{"id":"c1","assistantId":"front"}`))
			if err != nil {
				t.Fatal(err)
			}
			for e, err := range turn.Events {
				if err != nil {
					t.Fatal(err)
				}
				if disconnects(e) {
					break
				}
			}
			if got := sessions.all[aurora.SessionKey{AssistantID: "front", CallID: "c1"}].ActiveAgent; got != "billing" || sessions.saves != 1 {
				t.Errorf("stored the active agent %q in %d writes, want billing in 1", got, sessions.saves)
			}
		})
	}
	t.Run("before the handoff", func(t *testing.T) {
		s, sessions := newReception(&scriptedModel{answers: [][]agent.Chunk{textAnswer("Hello.")}})
		turn, err := s.Turn(t.Context(), userRequest("Hi", `{"id":"c1","assistantId":"front"}`))
		if err != nil {
			t.Fatal(err)
		}
		for range turn.Events {
			break
		}
		if sessions.saves != 0 {
			t.Errorf("%d writes, want none: nothing has changed", sessions.saves)
		}
	})
}

// A call's id comes from the caller: with another key, or for another caller, the same id is another session.
func TestStoredSessionsHaveOwners(t *testing.T) {
	first := &scriptedModel{answers: [][]agent.Chunk{toolCallAnswer("transfer_to_riley_billing"), textAnswer("This is billing.")}}
	s, _ := newReception(first)
	request := func(principal, caller string) chat.Request {
		r := userRequest("My bill", `{"id":"c1","assistantId":"front"}`)
		r.Session.CallerPhoneNumber, r.Principal.ID = caller, principal
		return r
	}
	takeTurn(t, s, request("p1", "+14155550123"))
	for name, c := range map[string]struct{ principal, caller, want string }{
		"the same":                           {"p1", "+14155550123", "billing"},
		"the same number, spelled otherwise": {"p1", "+1 (415) 555-0123", "billing"},
		"another key":                        {"p2", "+14155550123", "front"},
		"another caller":                     {"p1", "+14155550124", "front"},
		"a caller who is not known":          {"p1", "", "front"},
	} {
		s.Chain = singleModel(&scriptedModel{answers: [][]agent.Chunk{textAnswer("Yes.")}})
		if _, session := takeTurn(t, s, request(c.principal, c.caller)); !strings.Contains(string(session), `"active_agent":"`+c.want+`"`) {
			t.Errorf("%s: the session is %s, want the agent %s", name, session, c.want)
		}
	}
}

func TestTurnContinuesWhenSessionStoreFails(t *testing.T) {
	s, k := newReception(&scriptedModel{answers: [][]agent.Chunk{toolCallAnswer("transfer_to_riley_billing"), textAnswer("This is billing.")}})
	k.err = errors.New("unavailable")
	if result, _ := takeTurn(t, s, userRequest("My bill", `{"id":"c1","assistantId":"front"}`)); result.Text != "This is billing." {
		t.Errorf("answered %q, want the text in spite of the failing store", result.Text)
	}
}

func TestChannelStyles(t *testing.T) {
	for channel, want := range map[chat.Channel]string{chat.General: "You are the front desk.", chat.Voice: "without Markdown", chat.SMS: "at most 320 characters", chat.Web: "Markdown is shown"} {
		m := &scriptedModel{answers: [][]agent.Chunk{textAnswer("x")}}
		s, _ := newReception(m)
		r := userRequest("Hi", `{"id":"c1","assistantId":"front"}`)
		r.Channel = channel
		takeTurn(t, s, r)
		if got := systemPrompt(m.requests[0]); !strings.Contains(got, want) || !strings.HasPrefix(got, "You are the front desk.") {
			t.Errorf("channel %q: prompt %q, want one that holds %q", channel, got, want)
		}
	}
}

func TestModelOrder(t *testing.T) {
	for name, c := range map[string]struct {
		own       []aurora.ModelRef
		requested string
		want      string
	}{
		"the deployment's":                             {want: "a b"},
		"the request's model comes first":              {requested: "c", want: "c b"},
		"a default model of the request is asked once": {requested: "b", want: "b"},
		"the request names the first default":          {requested: "a", want: "a b"},
		"the assistant's own, alone":                   {own: []aurora.ModelRef{{Model: "x"}, {Model: "y"}}, requested: "c", want: "x y"},
	} {
		a := storedAssistant("a1", "P")
		a.Models = c.own
		var chain []string
		s := &chat.Service{Assistants: testkit.NewAssistants(a), DefaultModels: []string{"a", "b"}, Now: clock,
			Chain: func(refs []aurora.ModelRef) agent.Model {
				chain = nil
				for _, r := range refs {
					chain = append(chain, r.Model)
				}
				return &scriptedModel{answers: [][]agent.Chunk{textAnswer("x")}}
			}}
		r := userRequest("Hi", `{"assistantId":"a1"}`)
		r.Model = c.requested
		takeTurn(t, s, r)
		if got := strings.Join(chain, " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestLenientRequestIsTrimmed(t *testing.T) {
	m := &scriptedModel{answers: [][]agent.Chunk{textAnswer("x")}}
	s, _ := newReception(m)
	long := chat.Request{Lenient: true, Session: &chat.Session{AssistantID: "front"}}
	for range 150 {
		long.Messages = append(long.Messages, agent.Message{Role: agent.RoleUser, Content: "q"},
			agent.Message{Role: agent.RoleAssistant, ToolCalls: []agent.ToolCall{{ID: "t", Name: "x"}}}, agent.Message{Role: agent.RoleTool, ToolCallID: "t", Content: "r"})
	}
	long.Messages = append(long.Messages, agent.Message{Role: "robot"}, agent.Message{Role: agent.RoleTool, ToolCallID: "none"})
	takeTurn(t, s, long)
	got := m.requests[0].Messages[1:]
	if len(got) != 198 || got[0].Role != agent.RoleUser || got[len(got)-1].Content != "r" {
		t.Errorf("the model got %d messages, from %+v to %+v; want 198 that begin with a user's and end with a tool's", len(got), got[0], got[len(got)-1])
	}
}
