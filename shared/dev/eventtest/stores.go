package eventtest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/tools"
)

// The assistants of the event files: one that can do everything and hand over, and the one to hand over to.
var (
	riley = aurora.Assistant{
		Configuration: aurora.Configuration{
			AssistantID: "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4", AssistantName: "Riley", OrgName: "Harbor Dental", TimeZone: "America/New_York",
			AssistantPhoneNumber: "+15551230100", TextFromNumber: "+15551230101", Emails: aurora.List{"owner@harbor.example.com"},
			Functions:       aurora.List(tools.BuiltinNames()),
			AssistantPrompt: "You are Riley of {{ org_name }}. Today is {{ \"now\" | date: \"%A, %B %-d\" }}. The caller is {{ caller_phone_number }}.",
		},
		TransferDestinations: []aurora.Destination{{Name: "billing", Description: "Invoices", Number: "+15551230911", Message: "Connecting you."}},
		Handoffs:             []string{"69299da5-c96b-4125-aed7-58a30103acaa"},
		FallbackMessage:      "I'm sorry, please say that again.",
	}
	avery = aurora.Assistant{Configuration: aurora.Configuration{
		AssistantID: "69299da5-c96b-4125-aed7-58a30103acaa", AssistantName: "Avery", OrgName: "Northwind", TimeZone: "America/Chicago",
		AssistantPhoneNumber: "+15551230200", AssistantPrompt: "You are Avery of {{ org_name }}.",
	}}
)

type assistants struct{}

func (assistants) ByID(_ context.Context, id string) (aurora.Assistant, error) {
	for _, a := range []aurora.Assistant{riley, avery} {
		if a.ID() == id {
			return a, nil
		}
	}
	return aurora.Assistant{}, fault.New(fault.NotFound, "There is no such assistant.")
}

func (assistants) ByNumber(_ context.Context, n aurora.Phone) (aurora.Assistant, error) {
	for _, a := range []aurora.Assistant{riley, avery} {
		if slices.Contains(a.Numbers(), n) {
			return a, nil
		}
	}
	return aurora.Assistant{}, fault.New(fault.NotFound, "There is no such assistant.")
}

// notes are the stores in memory, and what the tools did in the order in which they did it.
type notes struct {
	mu   sync.Mutex
	did  []string
	once map[string]string
}

func (n *notes) note(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.did = append(n.did, fmt.Sprintf(format, args...))
}

func (n *notes) kit() *tools.Kit {
	return &tools.Kit{SMS: n, Mail: n, History: n, DoNotCall: n, Idempotency: n, Control: n, Now: now}
}

func (n *notes) SendSMS(_ context.Context, from, to aurora.Phone, body string) (string, error) {
	n.note("SMS from %s to %s: %s", string(from), string(to), body)
	return "SM1", nil
}

func (n *notes) SendMail(_ context.Context, m aurora.Mail) error {
	n.note("mail to %v, %s: %s", m.To, m.Subject, m.Text)
	return nil
}

func (*notes) CallsOf(_ context.Context, id string, caller aurora.Phone, _ int) ([]aurora.Call, error) {
	seconds := 21.0
	return []aurora.Call{{CallKey: aurora.CallKey{AssistantID: id, Day: "2026-11-18", CallID: "call-earlier"}, ID: "call-earlier", Customer: caller,
		StartedAt: time.Date(2026, 11, 18, 15, 4, 11, 0, time.UTC), Seconds: &seconds, Disposition: "completed", Summary: "Dana asked for a cleaning."}}, nil
}

func (n *notes) AddDoNotCall(_ context.Context, number aurora.Phone, source string) error {
	n.note("do not call %s, says %s", string(number), source)
	return nil
}

func (*notes) IsDoNotCall(context.Context, aurora.Phone) (bool, error) { return false, nil }

// Do remembers within one event what the ledger remembers for a day.
func (n *notes) Do(ctx context.Context, key string, do func(context.Context) (string, error)) (string, error) {
	n.mu.Lock()
	result, done := n.once[key]
	n.mu.Unlock()
	if done {
		return result, nil
	}
	result, err := do(ctx)
	if err == nil {
		n.mu.Lock()
		n.once[key] = result
		n.mu.Unlock()
	}
	return result, err
}

func (n *notes) Transfer(_ context.Context, sid string, to aurora.Destination) error {
	n.note("transfer %s to %s", sid, to.Number)
	return nil
}

func (n *notes) Hangup(_ context.Context, sid string) error {
	n.note("end %s", sid)
	return nil
}

// Load gives what an earlier turn of the call kept: one call of the event files was handed over to Avery.
func (n *notes) Load(_ context.Context, _, call string) (aurora.SessionState, error) {
	if call == "call-with-avery" {
		return aurora.SessionState{ActiveAgent: avery.ID(), ContextVariables: map[string]any{"order": "NW-1"}}, nil
	}
	return aurora.SessionState{}, nil
}

func (n *notes) Save(_ context.Context, assistant, call string, k aurora.SessionState) error {
	n.note("kept for call %s of %s: agent %s, variables %v", call, assistant, k.ActiveAgent, k.ContextVariables)
	return nil
}
