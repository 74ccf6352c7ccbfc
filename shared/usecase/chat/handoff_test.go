package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/usecase/chat"
)

// play is a model that answers with what stands for the number of its question, and remembers what it was asked.
type play struct {
	answers [][]agent.Chunk
	asked   []agent.Request
}

func (p *play) Stream(_ context.Context, r agent.Request) iter.Seq2[agent.Chunk, error] {
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

func says(text string) []agent.Chunk {
	return []agent.Chunk{{Text: text}, {FinishReason: "stop"}}
}

func calls(name string) []agent.Chunk {
	return []agent.Chunk{{Calls: []agent.Fragment{{ID: "t1", Name: name, Arguments: "{}"}}}, {FinishReason: "tool_calls"}}
}

// kept is the sessions of a process.
type kept struct {
	all   map[string]chat.Kept
	saves int
	err   error
}

func (k *kept) Load(_ context.Context, assistant, call string) (chat.Kept, error) {
	return k.all[assistant+" "+call], k.err
}

func (k *kept) Save(_ context.Context, assistant, call string, v chat.Kept) error {
	k.saves++
	if k.err == nil {
		k.all[assistant+" "+call] = v
	}
	return k.err
}

// desk is a reception that hands over to billing, which has a model of its own.
func desk(m agent.Model) (*chat.Service, *kept) {
	front := stored("front", "You are the front desk.")
	front.AssistantName, front.Handoffs = "Front Desk", aurora.List{"billing", "gone"}
	billing := stored("billing", "You are billing for {{ org_name }}.")
	billing.AssistantName, billing.OrgName, billing.Handoffs = "Riley (Billing)", "Harbor", aurora.List{"front"}
	billing.Models = []aurora.ModelRef{{Model: "billing-model"}}
	k := &kept{all: map[string]chat.Kept{}}
	return &chat.Service{Assistants: &table{byID: map[string]aurora.Assistant{"front": front, "billing": billing}}, Chain: alone(m),
		DefaultModels: []string{"gpt-4o"}, Sessions: k, Now: clock}, k
}

// turn takes a turn and returns the session after it, as JSON.
func turn(t *testing.T, s *chat.Service, r chat.Request) (*agent.Result, json.RawMessage) {
	t.Helper()
	taken, err := s.Turn(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	result, err := agent.Collect(taken.Events)
	if err != nil {
		t.Fatal(err)
	}
	session := taken.Finish(t.Context(), result, nil)
	b, err := json.Marshal(session)
	if err != nil {
		t.Fatal(err)
	}
	return result, b
}

func names(tools []agent.Tool) []string {
	var out []string
	for _, t := range tools {
		out = append(out, t.Name)
	}
	return out
}

func system(r agent.Request) string { return r.Messages[0].Content }

func ask(text, call string) chat.Request {
	s := &chat.Session{}
	if err := json.Unmarshal([]byte(call), s); err != nil {
		panic(err)
	}
	return chat.Request{Messages: []agent.Message{{Role: agent.User, Content: text}}, Session: s}
}

func TestHandoff(t *testing.T) {
	m := &play{answers: [][]agent.Chunk{calls("transfer_to_riley_billing"), says("This is billing.")}}
	s, _ := desk(m)
	result, session := turn(t, s, ask("My bill, please", `{"id":"c1","assistantId":"front"}`))
	if got := names(m.asked[0].Tools); !slices.Equal(got, []string{"transfer_to_riley_billing"}) {
		t.Errorf("offered %q; an assistant that is gone is not offered", got)
	}
	if system(m.asked[0]) != "You are the front desk." || system(m.asked[1]) != "You are billing for Harbor." || m.asked[1].Model != "billing-model" {
		t.Errorf("asked as %q with %q", system(m.asked[1]), m.asked[1].Model)
	}
	if got := names(m.asked[1].Tools); !slices.Equal(got, []string{"transfer_to_front_desk"}) {
		t.Errorf("billing was offered %q", got)
	}
	if result.Agent != "billing" || !strings.Contains(string(session), `"active_agent":"billing"`) || !strings.Contains(string(session), `{\"assistant\":\"Riley (Billing)\"}`) {
		t.Errorf("agent %q, session %s", result.Agent, session)
	}

	t.Run("carried by full_session", func(t *testing.T) {
		m.answers, m.asked = [][]agent.Chunk{says("Still billing.")}, nil
		s, k := desk(m)
		turn(t, s, ask("And now?", string(session)))
		if system(m.asked[0]) != "You are billing for Harbor." || k.saves != 0 {
			t.Errorf("asked as %q; %d saves", system(m.asked[0]), k.saves)
		}
	})
	t.Run("an agent that nobody knows is not believed", func(t *testing.T) {
		for _, name := range []string{"nobody", "../x", "gone"} {
			m.answers, m.asked = [][]agent.Chunk{says("x")}, nil
			s, _ := desk(m)
			turn(t, s, ask("Hi", `{"id":"c1","assistantId":"front","active_agent":"`+name+`"}`))
			if system(m.asked[0]) != "You are the front desk." {
				t.Errorf("%q: asked as %q", name, system(m.asked[0]))
			}
		}
	})
}

// A caller that sends plain messages and names the call is with the right agent in its next turn too.
func TestSessionIsKeptByTheCallsName(t *testing.T) {
	m := &play{answers: [][]agent.Chunk{calls("transfer_to_riley_billing"), says("This is billing."), says("Still billing.")}}
	s, k := desk(m)
	turn(t, s, ask("My bill, please", `{"id":"c1","assistantId":"front"}`))
	turn(t, s, ask("And now?", `{"id":"c1","assistantId":"front"}`))
	if system(m.asked[2]) != "You are billing for Harbor." || k.saves != 1 {
		t.Errorf("asked as %q; %d saves, want 1", system(m.asked[2]), k.saves)
	}
	turn(t, s, ask("And now?", `{"id":"another","assistantId":"front"}`))
	if system(m.asked[3]) != "You are the front desk." {
		t.Errorf("another call was asked as %q", system(m.asked[3]))
	}
}

func TestNothingIsKeptOfAPlainTurn(t *testing.T) {
	s, k := desk(&play{answers: [][]agent.Chunk{says("Hi.")}})
	turn(t, s, ask("Hi", `{"id":"c1","assistantId":"front"}`))
	if k.saves != 0 {
		t.Errorf("%d saves", k.saves)
	}
}

func TestATurnGoesOnWhileSessionsAreAway(t *testing.T) {
	s, k := desk(&play{answers: [][]agent.Chunk{calls("transfer_to_riley_billing"), says("This is billing.")}})
	k.err = errors.New("away")
	if result, _ := turn(t, s, ask("My bill", `{"id":"c1","assistantId":"front"}`)); result.Said != "This is billing." {
		t.Errorf("said %q", result.Said)
	}
}

func TestStyles(t *testing.T) {
	for channel, want := range map[chat.Channel]string{chat.General: "You are the front desk.", chat.Voice: "without Markdown", chat.SMS: "at most 320 characters", chat.Web: "Markdown is shown"} {
		m := &play{answers: [][]agent.Chunk{says("x")}}
		s, _ := desk(m)
		r := ask("Hi", `{"id":"c1","assistantId":"front"}`)
		r.Channel = channel
		turn(t, s, r)
		if got := system(m.asked[0]); !strings.Contains(got, want) || !strings.HasPrefix(got, "You are the front desk.") {
			t.Errorf("%s: %q", channel, got)
		}
	}
}

func TestModels(t *testing.T) {
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
		a := stored("a1", "P")
		a.Models = c.own
		var chain []string
		s := &chat.Service{Assistants: &table{byID: map[string]aurora.Assistant{"a1": a}}, DefaultModels: []string{"a", "b"}, Now: clock,
			Chain: func(refs []aurora.ModelRef) agent.Model {
				chain = nil
				for _, r := range refs {
					chain = append(chain, r.Model)
				}
				return &play{answers: [][]agent.Chunk{says("x")}}
			}}
		r := ask("Hi", `{"assistantId":"a1"}`)
		r.Model = c.asked
		turn(t, s, r)
		if got := strings.Join(chain, " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestTrim(t *testing.T) {
	m := &play{answers: [][]agent.Chunk{says("x")}}
	s, _ := desk(m)
	long := chat.Request{Lenient: true, Session: &chat.Session{AssistantID: "front"}}
	for range 150 {
		long.Messages = append(long.Messages, agent.Message{Role: agent.User, Content: "q"},
			agent.Message{Role: agent.Assistant, ToolCalls: []agent.ToolCall{{ID: "t", Name: "x"}}}, agent.Message{Role: agent.ToolRole, ToolCallID: "t", Content: "r"})
	}
	long.Messages = append(long.Messages, agent.Message{Role: "robot"}, agent.Message{Role: agent.ToolRole, ToolCallID: "none"})
	turn(t, s, long)
	got := m.asked[0].Messages[1:]
	if len(got) != 198 || got[0].Role != agent.User || got[len(got)-1].Content != "r" {
		t.Errorf("%d messages, from %+v to %+v", len(got), got[0], got[len(got)-1])
	}
}
