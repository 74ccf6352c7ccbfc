package tools

import (
	"errors"
	"testing"

	"example.com/aurora/shared/core/aurora"
)

// The sid of a call comes from the request. Only a call of the assistant that was called is ended or transferred by Aurora.
func TestCallControlIsForOwnCalls(t *testing.T) {
	const otherNumber = "+15551230199"
	record := func(assistantID string, state aurora.OutboundState) func(*Scope, *fakeBackends) {
		return func(_ *Scope, w *fakeBackends) {
			w.records = map[string]aurora.OutboundCall{callSID: {AssistantID: assistantID, State: state}}
		}
	}
	provider := func(c aurora.ProviderCall) func(*Scope, *fakeBackends) {
		return func(_ *Scope, w *fakeBackends) { w.providerCalls = map[string]aurora.ProviderCall{callSID: c} }
	}
	for name, c := range map[string]struct {
		change func(*Scope, *fakeBackends)
		ours   bool
	}{
		"inbound to its number":                 {provider(aurora.ProviderCall{From: caller, To: sender, Direction: "inbound"}), true},
		"inbound to another number":             {provider(aurora.ProviderCall{From: caller, To: otherNumber, Direction: "inbound"}), false},
		"inbound from its number to another":    {provider(aurora.ProviderCall{From: sender, To: otherNumber, Direction: "inbound"}), false},
		"inbound without numbers":               {provider(aurora.ProviderCall{Direction: "inbound"}), false},
		"placed by its voice server":            {provider(aurora.ProviderCall{From: sender, To: caller, Direction: "outbound-api"}), true},
		"placed by another voice server":        {provider(aurora.ProviderCall{From: otherNumber, To: caller, Direction: "outbound-api"}), false},
		"placed by another to its number":       {provider(aurora.ProviderCall{From: otherNumber, To: sender, Direction: "outbound-dial"}), false},
		"a call of another account":             {func(_ *Scope, w *fakeBackends) { w.providerCalls = nil }, false},
		"its own outbound call":                 {record("a1", aurora.OutboundPlaced), true},
		"another assistant's outbound call":     {record("a2", aurora.OutboundPlaced), false},
		"its outbound call that was rejected":   {record("a1", aurora.OutboundRejected), false},
		"after a handoff, the called assistant": {func(s *Scope, _ *fakeBackends) { s.Assistant.AssistantID = "billing" }, true},
		"another assistant was called":          {func(s *Scope, _ *fakeBackends) { s.CalledID, s.CalledNumbers = "a2", []aurora.Phone{otherNumber} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			for tool, arguments := range map[string]string{"end_call": `{}`, "transfer_call": `{"destination":"sales"}`} {
				k, w := newKit(t)
				s := testScope()
				s.Assistant.CallControl, s.CallSID = aurora.CallControlAurora, callSID
				c.change(&s, w)
				for range 2 { // the second one is a replay
					out, err := callTool(t, findTool(t, k.ForScope(t.Context(), s), tool), arguments)
					if err != nil || out.Action == nil || out.Action.CarriedOut != c.ours {
						t.Errorf("%s: action %+v, error %v; want an action carried out: %v", tool, out.Action, err, c.ours)
					}
				}
				check(t, tool+": updates of the call", len(w.callControl) == 1, c.ours)
			}
		})
	}
	t.Run("the store is away", func(t *testing.T) {
		k, w := newKit(t)
		s := testScope()
		s.Assistant.CallControl, s.CallSID, w.err = aurora.CallControlAurora, callSID, errors.New("down")
		if _, err := callTool(t, findTool(t, k.ForScope(t.Context(), s), "end_call"), `{}`); err == nil || len(w.callControl) > 0 {
			t.Errorf("error %v, updates %v; want an error and no update", err, w.callControl)
		}
	})
}
