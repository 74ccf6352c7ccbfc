package chat_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/chat"
)

var roles = []string{agent.RoleSystem, agent.RoleDeveloper, agent.RoleUser, agent.RoleAssistant, agent.RoleTool}

// rejection returns why a strict server would reject messages; "" if all accept them.
func rejection(t *testing.T, ms []agent.Message) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"messages": ms})
	if err != nil {
		t.Fatal(err)
	}
	return fakeopenai.Rejection(b)
}

// damagedHistory draws a history in which anything may be lost, doubled or out of place. It ends with words of the user.
func damagedHistory(t *rapid.T) []agent.Message {
	id := rapid.SampledFrom([]string{"a", "b", "c", ""})
	var ms []agent.Message
	for range rapid.IntRange(0, 12).Draw(t, "messages") {
		m := agent.Message{Role: rapid.SampledFrom(roles).Draw(t, "role"), Content: rapid.SampledFrom([]string{"", "x", "two words "}).Draw(t, "content"),
			Name: rapid.SampledFrom([]string{"", "", "Ann Lee", "José", "李", "ok"}).Draw(t, "name")}
		if rapid.IntRange(0, 5).Draw(t, "parts") == 0 {
			m.Content, m.Parts = "", json.RawMessage(`[{"type":"refusal","refusal":"No."},{"type":"text","text":"t"}]`)
		}
		switch m.Role {
		case agent.RoleTool:
			m.ToolCallID = id.Draw(t, "answers")
		case agent.RoleAssistant:
			for range rapid.IntRange(0, 3).Draw(t, "calls") {
				m.ToolCalls = append(m.ToolCalls, agent.ToolCall{ID: id.Draw(t, "id"), Name: rapid.SampledFrom([]string{"f", "send mail", ""}).Draw(t, "tool"), Arguments: "{}"})
			}
		}
		ms = append(ms, m)
	}
	return append(ms, agent.Message{Role: agent.RoleUser, Content: "last words"})
}

// TestDamagedHistories checks that on every channel models accept what is made of a damaged history, that it ends with the
// last words of the user, and that the session which the caller gets back needs no further repair.
func TestDamagedHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := chat.Request{TargetAssistantID: "a1", Channel: rapid.SampledFrom([]chat.Channel{chat.General, chat.Voice, chat.SMS, chat.Web}).Draw(rt, "channel")}
		r.Lenient = r.Channel == chat.Voice
		history := damagedHistory(rt)
		at := rapid.IntRange(0, len(history)).Draw(rt, "in the session")
		r.Session, r.Messages = &chat.Session{ID: "c", Messages: history[:at]}, history[at:]
		service := &chat.Service{Assistants: testkit.NewAssistants(storedAssistant("a1", "P"))}
		sent, session, err := runTurn(t, service, r)
		if err != nil {
			rt.Fatal(err)
		}
		if why := rejection(t, sent.Messages); why != "" {
			rt.Fatalf("a model would reject %q:\n%s", compactForm(sent.Messages), why)
		}
		if last := sent.Messages[len(sent.Messages)-1]; last.Role != agent.RoleUser || last.Content != "last words" {
			rt.Fatalf("the model gets %q; want the last words at the end", compactForm(sent.Messages))
		}
		again, _, err := runTurn(t, service, chat.Request{TargetAssistantID: "a1", Channel: r.Channel, Lenient: r.Lenient, Session: session, Messages: messagesOf("u:more")})
		if err != nil {
			rt.Fatal(err)
		}
		if got, want := compactForm(again.Messages)[1:], append(compactForm(sent.Messages)[1:], "a:Yes.", "u:more"); strings.Join(got, "|") != strings.Join(want, "|") {
			rt.Fatalf("after the instructions, the next turn sends\n%q, want\n%q", got, want)
		}
	})
}

// TestToolResults has histories in which results of tools are not where they belong.
func TestToolResults(t *testing.T) {
	call := func(ids ...string) agent.Message {
		m := agent.Message{Role: agent.RoleAssistant}
		for _, id := range ids {
			m.ToolCalls = append(m.ToolCalls, agent.ToolCall{ID: id, Name: "f", Arguments: "{}"})
		}
		return m
	}
	result := func(id, content string) agent.Message {
		return agent.Message{Role: agent.RoleTool, ToolCallID: id, Content: content}
	}
	user := agent.Message{Role: agent.RoleUser, Content: "u"}
	const lost = "No result: the tool was interrupted or its result was lost."
	for name, c := range map[string]struct {
		history []agent.Message
		want    string // calls and results, in the order in which the model gets them
	}{
		"none":                         {[]agent.Message{call("a"), user}, "a() a=" + lost},
		"one of two":                   {[]agent.Message{call("a", "b"), result("b", "2"), user}, "a() b() a=" + lost + " b=2"},
		"late":                         {[]agent.Message{call("a"), user, result("a", "1")}, "a() a=1"},
		"in another order":             {[]agent.Message{call("a", "b"), result("b", "2"), result("a", "1")}, "a() b() a=1 b=2"},
		"twice":                        {[]agent.Message{call("a"), result("a", "1"), result("a", "2")}, "a() a=1"},
		"without a call":               {[]agent.Message{result("x", "0"), call("a"), result("a", "1"), result("y", "2")}, "a() a=1"},
		"before its call":              {[]agent.Message{result("a", "0"), call("a"), user}, "a() a=" + lost},
		"without an id":                {[]agent.Message{call("a", "b"), result("", "1"), result("", "2")}, "a() b() a=1 b=2"},
		"calls without ids":            {[]agent.Message{call("", ""), result("", "1"), result("", "2")}, "lost00001() lost00002() lost00001=1 lost00002=2"},
		"one id for two calls":         {[]agent.Message{call("a", "a"), result("a", "1"), result("a", "2")}, "a() lost00001() a=1 lost00001=2"},
		"one id in two messages":       {[]agent.Message{call("a"), result("a", "1"), user, call("a"), result("a", "2")}, "a() a=1 a() a=2"},
		"the first of them unanswered": {[]agent.Message{call("a"), user, call("a"), result("a", "2")}, "a() a=" + lost + " a() a=2"},
	} {
		t.Run(name, func(t *testing.T) {
			sent, _, err := runTurn(t, &chat.Service{}, chat.Request{Messages: c.history})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range sent.Messages {
				for _, call := range m.ToolCalls {
					got = append(got, call.ID+"()")
				}
				if m.Role == agent.RoleTool {
					got = append(got, m.ToolCallID+"="+m.Content)
				}
			}
			if text := strings.Join(got, " "); text != c.want || rejection(t, sent.Messages) != "" {
				t.Errorf("the model gets %q, which is rejected as %q; want %q", text, rejection(t, sent.Messages), c.want)
			}
		})
	}
}
