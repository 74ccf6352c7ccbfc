package chat_test

import (
	"context"
	"strings"
	"testing"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/chat"
)

// chainOfAssistants returns a1, which hands over to a2, which hands over to a3 and back to a1, and a4, which nobody hands over to.
func chainOfAssistants() *testkit.Assistants {
	assistants := map[string]aurora.Assistant{}
	for id, handoffs := range map[string]aurora.List{"a1": {"a2"}, "a2": {"a1", "a3"}, "a3": nil, "a4": {"a1"}} {
		a := storedAssistant(id, "P"+id)
		a.AssistantName, a.Handoffs = aurora.Text(id), handoffs
		assistants[id] = a
	}
	return testkit.NewAssistants(assistants["a1"], assistants["a2"], assistants["a3"], assistants["a4"])
}

// The active agent comes from the caller: it speaks only if handoffs lead to it from the assistant that was called, and the key
// may reach it.
func TestActiveAgentIsReachable(t *testing.T) {
	for name, c := range map[string]struct {
		called, active string
		key            []string
		want           string // the beginning of the prompt
	}{
		"none":                             {"a1", "", nil, "Pa1"},
		"the called one":                   {"a1", "a1", nil, "Pa1"},
		"one handoff":                      {"a1", "a2", nil, "Pa2"},
		"two handoffs":                     {"a1", "a3", nil, "Pa3"},
		"no handoff leads there":           {"a1", "a4", nil, "Pa1"},
		"no handoff leads back":            {"a3", "a2", nil, "Pa3"},
		"it does not exist":                {"a1", "a9", nil, "Pa1"},
		"the key reaches both":             {"a1", "a2", []string{"a1", "a2"}, "Pa2"},
		"the key does not reach it":        {"a1", "a2", []string{"a1"}, "Pa1"},
		"the key reaches it, by a handoff": {"a1", "a3", []string{"a1", "a3"}, "Pa3"},
	} {
		m := &recordingModel{}
		s := &chat.Service{Assistants: chainOfAssistants(), Chain: singleModel(m), Now: clock}
		turn, err := s.Turn(t.Context(), chat.Request{TargetAssistantID: c.called, Messages: userSaysHi, Principal: auth.Principal{ID: "k", Assistants: c.key},
			Session: &chat.Session{ID: "c1", ActiveAgent: c.active}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		endOf(t, turn)
		if got := m.request.Messages[0].Content; !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: the prompt is %q, want %s", name, got, c.want)
		}
	}
}

// A key that is limited to some assistants reaches no other one, however the request names it, and hands over to no other one.
func TestKeyReachesItsAssistantsOnly(t *testing.T) {
	for name, change := range map[string]func(*chat.Request){
		"target_assistant_id": func(r *chat.Request) { r.TargetAssistantID = "a2" },
		"call.assistantId":    func(r *chat.Request) { r.Session = parseSession(t, `{"id":"c1","assistantId":"a2"}`) },
		"assistant_config": func(r *chat.Request) {
			r.Session = parseSession(t, `{"id":"c1","assistant_config":{"assistantId":"a2"}}`)
		},
		"one of the request": func(r *chat.Request) {
			r.Session = parseSession(t, `{"id":"c1","assistant_config":{"assistantPrompt":"Be kind."}}`)
		},
		"one that is not stored": func(r *chat.Request) { r.TargetAssistantID = "a9" },
		"no assistant":           func(*chat.Request) {},
	} {
		r := chat.Request{Messages: userSaysHi, Session: &chat.Session{ID: "c1"}, Principal: auth.Principal{ID: "k", Assistants: []string{"a1"}}}
		change(&r)
		s := &chat.Service{Assistants: chainOfAssistants(), Chain: singleModel(&recordingModel{}), Now: clock}
		if _, err := s.Turn(t.Context(), r); fault.From(err) == nil || fault.From(err).Code != "assistant_not_allowed" {
			t.Errorf("%s: %v, want assistant_not_allowed", name, err)
		}
	}
	m := &recordingModel{}
	s := &chat.Service{Assistants: chainOfAssistants(), Chain: singleModel(m), Now: clock}
	turn, err := s.Turn(t.Context(), chat.Request{TargetAssistantID: "a2", Messages: userSaysHi, Session: &chat.Session{ID: "c1"}, Principal: auth.Principal{ID: "k", Assistants: []string{"a2", "a3"}}})
	if err != nil {
		t.Fatal(err)
	}
	endOf(t, turn)
	var names []string
	for _, tool := range m.request.Tools {
		names = append(names, tool.Name)
	}
	if got := strings.Join(names, " "); got != "transfer_to_a3" {
		t.Errorf("the tools are %q, want the handoff to a3 alone", got)
	}
}

// oneCall is a ledger with one outbound call, of the assistant a1.
type oneCall struct{}

func (oneCall) Record(_ context.Context, idOrSID string) (aurora.OutboundCall, bool, error) {
	return aurora.OutboundCall{ID: "oc-1", AssistantID: "a1", State: aurora.OutboundPlaced, Name: "Dana Example"}, idOrSID == "oc-1", nil
}

// What we know of an outbound call is for the assistant that it was placed for, and for those that it hands over to.
func TestOutboundCallIsKnownToItsAssistant(t *testing.T) {
	for name, c := range map[string]struct {
		called, active string
		known          bool
	}{
		"its assistant":                   {"a1", "", true},
		"one that it handed over to":      {"a1", "a2", true},
		"another assistant":               {"a4", "", false},
		"another, which hands over to a1": {"a4", "a1", false},
	} {
		assistants := chainOfAssistants()
		for i := range assistants.All {
			assistants.All[i].AssistantPrompt = "Speak to {{ outbound_call.name }}."
		}
		m := &recordingModel{}
		s := &chat.Service{Assistants: assistants, Chain: singleModel(m), Now: clock, Outbound: oneCall{}}
		session := parseSession(t, `{"id":"c1","callRecordId":"oc-1"}`)
		session.ActiveAgent = c.active
		turn, err := s.Turn(t.Context(), chat.Request{TargetAssistantID: c.called, Messages: userSaysHi, Session: session})
		if err != nil {
			t.Fatal(err)
		}
		endOf(t, turn)
		if got := m.request.Messages[0].Content; strings.Contains(got, "Dana") != c.known {
			t.Errorf("%s: the prompt is %q; want the name in it: %t", name, got, c.known)
		}
	}
}

// scopes notes for whom tools are built.
type scopes []aurora.ToolScope

func (s *scopes) ForScope(_ context.Context, scope aurora.ToolScope) []agent.Tool {
	*s = append(*s, scope)
	return nil
}

// The number on a web page is a claim, unless the assistant trusts the site that serves the page.
func TestCallerNumberIsClaimedOnWebChat(t *testing.T) {
	for _, c := range []struct {
		channel chat.Channel
		trusts  bool
		claimed bool
	}{{chat.Web, false, true}, {chat.Web, true, false}, {chat.Voice, false, false}, {chat.SMS, false, false}, {chat.General, false, false}} {
		a := storedAssistant("a1", "P")
		a.TrustCallerNumber = c.trusts
		var built scopes
		s := &chat.Service{Assistants: testkit.NewAssistants(a), Chain: singleModel(&recordingModel{}), Now: clock, Tools: &built}
		turn, err := s.Turn(t.Context(), chat.Request{Channel: c.channel, TargetAssistantID: "a1", Messages: userSaysHi, Principal: auth.Principal{ID: "key-1"},
			Session: &chat.Session{ID: "c1", CallerPhoneNumber: "+14155550123"}})
		if err != nil {
			t.Fatal(err)
		}
		endOf(t, turn)
		if len(built) != 1 || built[0].CallerIsClaimed != c.claimed || built[0].Caller != "+14155550123" || built[0].PrincipalID != "key-1" {
			t.Errorf("channel %v, trusted %t: %+v; want claimed %t", c.channel, c.trusts, built, c.claimed)
		}
	}
}
