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

// scriptedModel is a model that answers with what stands for the number of its question, and remembers what it was asked.
type scriptedModel struct {
	answers [][]agent.Chunk
	asked   []agent.ModelRequest
}

func (p *scriptedModel) Stream(_ context.Context, r agent.ModelRequest) iter.Seq2[agent.Chunk, error] {
	return func(yield func(agent.Chunk, error) bool) {
		n := len(p.asked)
		p.asked = append(p.asked, r)
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

// memorySessions is the sessions of a process.
type memorySessions struct {
	all   map[string]aurora.SessionState
	saves int
	err   error
}

func (k *memorySessions) Load(_ context.Context, assistant, call string) (aurora.SessionState, error) {
	return k.all[assistant+" "+call], k.err
}

func (k *memorySessions) Save(_ context.Context, assistant, call string, v aurora.SessionState) error {
	k.saves++
	if k.err == nil {
		k.all[assistant+" "+call] = v
	}
	return k.err
}

// newReception is a reception that hands over to billing, which has a model of its own.
func newReception(m agent.Model) (*chat.Service, *memorySessions) {
	front := storedAssistant("front", "You are the front desk.")
	front.AssistantName, front.Handoffs = "Front Desk", aurora.List{"billing", "gone"}
	billing := storedAssistant("billing", "You are billing for {{ org_name }}.")
	billing.AssistantName, billing.OrgName, billing.Handoffs = "Riley (Billing)", "Harbor", aurora.List{"front"}
	billing.Models = []aurora.ModelRef{{Model: "billing-model"}}
	k := &memorySessions{all: map[string]aurora.SessionState{}}
	return &chat.Service{Assistants: testkit.NewAssistants(front, billing), Chain: singleModel(m),
		DefaultModels: []string{"gpt-4o"}, Sessions: k, Now: clock}, k
}

// takeTurn takes a turn and returns the session after it, as JSON.
func takeTurn(t *testing.T, s *chat.Service, r chat.Request) (*agent.TurnResult, json.RawMessage) {
	t.Helper()
	taken, err := s.Turn(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	end := endOf(t, taken)
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
	if got := toolNames(m.asked[0].Tools); !slices.Equal(got, []string{"transfer_to_riley_billing"}) {
		t.Errorf("offered %q; an assistant that is gone is not offered", got)
	}
	if systemPrompt(m.asked[0]) != "You are the front desk." || systemPrompt(m.asked[1]) != "You are billing for Harbor." || m.asked[1].Model != "billing-model" {
		t.Errorf("asked as %q with %q", systemPrompt(m.asked[1]), m.asked[1].Model)
	}
	if got := toolNames(m.asked[1].Tools); !slices.Equal(got, []string{"transfer_to_front_desk"}) {
		t.Errorf("billing was offered %q", got)
	}
	if result.ActiveAgent != "billing" || !strings.Contains(string(session), `"active_agent":"billing"`) || !strings.Contains(string(session), `{\"assistant\":\"Riley (Billing)\"}`) {
		t.Errorf("agent %q, session %s", result.ActiveAgent, session)
	}

	t.Run("carried by full_session", func(t *testing.T) {
		m.answers, m.asked = [][]agent.Chunk{textAnswer("Still billing.")}, nil
		s, k := newReception(m)
		takeTurn(t, s, userRequest("And now?", string(session)))
		if systemPrompt(m.asked[0]) != "You are billing for Harbor." || k.saves != 0 {
			t.Errorf("asked as %q; %d saves", systemPrompt(m.asked[0]), k.saves)
		}
	})
	t.Run("an agent that nobody knows is not believed", func(t *testing.T) {
		for _, name := range []string{"nobody", "../x", "gone"} {
			m.answers, m.asked = [][]agent.Chunk{textAnswer("x")}, nil
			s, _ := newReception(m)
			takeTurn(t, s, userRequest("Hi", `{"id":"c1","assistantId":"front","active_agent":"`+name+`"}`))
			if systemPrompt(m.asked[0]) != "You are the front desk." {
				t.Errorf("%q: asked as %q", name, systemPrompt(m.asked[0]))
			}
		}
	})
}

// A caller that sends plain messages and names the call is with the right agent in its next turn too.
func TestSessionIsStoredByCallID(t *testing.T) {
	m := &scriptedModel{answers: [][]agent.Chunk{toolCallAnswer("transfer_to_riley_billing"), textAnswer("This is billing."), textAnswer("Still billing.")}}
	s, k := newReception(m)
	takeTurn(t, s, userRequest("My bill, please", `{"id":"c1","assistantId":"front"}`))
	takeTurn(t, s, userRequest("And now?", `{"id":"c1","assistantId":"front"}`))
	if systemPrompt(m.asked[2]) != "You are billing for Harbor." || k.saves != 1 {
		t.Errorf("asked as %q; %d saves, want 1", systemPrompt(m.asked[2]), k.saves)
	}
	takeTurn(t, s, userRequest("And now?", `{"id":"another","assistantId":"front"}`))
	if systemPrompt(m.asked[3]) != "You are the front desk." {
		t.Errorf("another call was asked as %q", systemPrompt(m.asked[3]))
	}
}

func TestDefaultSessionIsNotStored(t *testing.T) {
	s, k := newReception(&scriptedModel{answers: [][]agent.Chunk{textAnswer("Hi.")}})
	takeTurn(t, s, userRequest("Hi", `{"id":"c1","assistantId":"front"}`))
	if k.saves != 0 {
		t.Errorf("%d saves", k.saves)
	}
}

// A reader that disconnects ends the turn. The agent that the conversation was handed over to is still stored.
func TestSessionIsStoredWhenTheReaderDisconnects(t *testing.T) {
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
			if got := sessions.all["front c1"].ActiveAgent; got != "billing" || sessions.saves != 1 {
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

func TestTurnContinuesWhenSessionStoreFails(t *testing.T) {
	s, k := newReception(&scriptedModel{answers: [][]agent.Chunk{toolCallAnswer("transfer_to_riley_billing"), textAnswer("This is billing.")}})
	k.err = errors.New("away")
	if result, _ := takeTurn(t, s, userRequest("My bill", `{"id":"c1","assistantId":"front"}`)); result.Text != "This is billing." {
		t.Errorf("said %q", result.Text)
	}
}

func TestChannelStyles(t *testing.T) {
	for channel, want := range map[chat.Channel]string{chat.General: "You are the front desk.", chat.Voice: "without Markdown", chat.SMS: "at most 320 characters", chat.Web: "Markdown is shown"} {
		m := &scriptedModel{answers: [][]agent.Chunk{textAnswer("x")}}
		s, _ := newReception(m)
		r := userRequest("Hi", `{"id":"c1","assistantId":"front"}`)
		r.Channel = channel
		takeTurn(t, s, r)
		if got := systemPrompt(m.asked[0]); !strings.Contains(got, want) || !strings.HasPrefix(got, "You are the front desk.") {
			t.Errorf("%s: %q", channel, got)
		}
	}
}

func TestModelOrder(t *testing.T) {
	for name, c := range map[string]struct {
		own   []aurora.ModelRef
		asked string
		want  string
	}{
		"the deployment's":           {want: "a b"},
		"the request's comes first":  {asked: "c", want: "c b"},
		"and is asked once":          {asked: "b", want: "b"},
		"the first by name":          {asked: "a", want: "a b"},
		"the assistant's own, alone": {own: []aurora.ModelRef{{Model: "x"}, {Model: "y"}}, asked: "c", want: "x y"},
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
		r.Model = c.asked
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
	got := m.asked[0].Messages[1:]
	if len(got) != 198 || got[0].Role != agent.RoleUser || got[len(got)-1].Content != "r" {
		t.Errorf("%d messages, from %+v to %+v", len(got), got[0], got[len(got)-1])
	}
}
