package eventtest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/tools"
	"example.com/aurora/shared/dev/fakeledger"
	"example.com/aurora/shared/dev/testkit"
)

// The assistants of the cases: one with every tool and a handoff, and the one that it hands over to.
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

// backend stands for the stores and services behind the chat functions. It notes their effects in order.
type backend struct {
	mu      sync.Mutex
	effects []string
	once    map[string]string // results by idempotency key
}

func (b *backend) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.effects = append(b.effects, fmt.Sprintf(format, args...))
}

func (b *backend) tools() *tools.Kit {
	return &tools.Kit{SMS: b, Mail: b, Contacts: fakeledger.NewGuard(testkit.NewAssistants(riley, avery), fakeledger.New(chatTime), chatTime), History: b, DoNotCall: b, Idempotency: b, BriefIdempotency: b, Control: b, Now: chatTime, Count: func(context.Context, string) {}}
}

func (b *backend) SendSMS(_ context.Context, from, to aurora.Phone, body string) (string, error) {
	b.note("SMS from %s to %s: %s", string(from), string(to), body)
	return "SM1", nil
}

func (b *backend) SendMail(_ context.Context, m aurora.Mail) error {
	b.note("mail to %v, %s: %s", m.To, m.Subject, m.Text)
	return nil
}

func (*backend) CallsOf(_ context.Context, id string, caller aurora.Phone, _ int) ([]aurora.Call, error) {
	seconds := 21.0
	return []aurora.Call{{CallKey: aurora.CallKey{AssistantID: id, Day: "2026-11-18", CallID: "call-earlier"}, ID: "call-earlier", Customer: caller,
		StartedAt: time.Date(2026, 11, 18, 15, 4, 11, 0, time.UTC), Seconds: &seconds, Disposition: "completed", Summary: "Dana asked for a cleaning."}}, nil
}

func (b *backend) AddDoNotCall(_ context.Context, number aurora.Phone, source string) error {
	b.note("do not call %s, says %s", string(number), source)
	return nil
}

// Do remembers results within one event; the ledger remembers them for a day.
func (b *backend) Do(ctx context.Context, key string, do func(context.Context) (string, error)) (string, error) {
	b.mu.Lock()
	result, done := b.once[key]
	b.mu.Unlock()
	if done {
		return result, nil
	}
	result, err := do(ctx)
	if err == nil {
		b.mu.Lock()
		b.once[key] = result
		b.mu.Unlock()
	}
	return result, err
}

func (b *backend) Transfer(_ context.Context, sid string, to aurora.Destination) error {
	b.note("transfer %s to %s", sid, to.Number)
	return nil
}

// FetchCall returns an inbound call to Riley for every sid.
func (b *backend) FetchCall(_ context.Context, sid string) (aurora.ProviderCall, error) {
	return aurora.ProviderCall{SID: sid, From: "+14155550123", To: aurora.Phone(riley.AssistantPhoneNumber), Direction: "inbound"}, nil
}

func (b *backend) Hangup(_ context.Context, sid string) error {
	b.note("end %s", sid)
	return nil
}

// Load returns the session of an earlier turn. One call of the cases was handed over to Avery.
func (b *backend) Load(_ context.Context, key aurora.SessionKey) (aurora.SessionState, error) {
	if key.CallID == "call-with-avery" {
		return aurora.SessionState{ActiveAgent: avery.ID(), ContextVariables: map[string]any{"order": "NW-1"}}, nil
	}
	return aurora.SessionState{}, nil
}

func (b *backend) Save(_ context.Context, key aurora.SessionKey, s aurora.SessionState) error {
	b.note("session of call %s of %s saved: agent %s, variables %v", key.CallID, key.AssistantID, s.ActiveAgent, s.ContextVariables)
	return nil
}
