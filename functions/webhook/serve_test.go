package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/redact"
	"example.com/aurora/shared/core/tools"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/golden"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/webhook"
)

// assistants is the assistants table of the cases. The stored configuration of "broken" cannot be read: package dynamo
// returns this error for it.
var assistants = func() *testkit.Assistants {
	t := testkit.NewAssistants()
	t.Default = func(id string) (aurora.Assistant, error) {
		if id == "broken" {
			return aurora.Assistant{}, fault.New(fault.Internal, "This assistant's stored configuration is not valid.").WithCode("config_invalid")
		}
		return aurora.Assistant{}, fault.New(fault.NotFound, "There is no such assistant.").WithCode("assistant_not_found")
	}
	for _, document := range []string{
		`{"assistantId":"a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4","aiResponseLengthMinimum":20,"assistantFirstMessage":"Thanks for calling Harbor Dental, this is Riley. How can I help?",
		  "assistantName":"Riley - Harbor Dental","assistantPhoneNumber":"+1 555-123-0100","assistantPhoneNumberName":"harbor-dental-main","assistantPrompt":"You are Riley.",
		  "emails":["front@example.com"],"functions":"end_call","gracePeriodMs":300,"phoneNumbers":["+15551230100"],"timeZone":"America/New_York","internal":true,
		  "transferDestinations":[{"name":"Front desk","number":"+1 415 555 0100","extension":"12","message":"One moment."},
		    {"name":"Billing","number":"+14155550101","description":"Invoices"},{"name":"Night","sipUri":"sip:night@example.com"}],
		  "handoffs":["69299da5-c96b-4125-aed7-58a30103acaa"],"secretExtension":"never leaves"}`,
		`{"assistantId":"69299da5-c96b-4125-aed7-58a30103acaa","assistantName":"Avery - Northwind","assistantPhoneNumber":"+15551230200",
		  "vapi":{"assistantId":"vapi-1","assistantOverrides":{"variableValues":{"a":1.50}}}}`,
		`{"assistantId":"9395bc40-ee5d-47e1-bcf3-b2af2f63e84a","assistantName":"Aurora"}`,
	} {
		a, err := aurora.ParseAssistant([]byte(document))
		if err != nil {
			panic(err)
		}
		t.All = append(t.All, a)
	}
	return t
}()

// fakeBucket stores the first object of a key, as S3 does with If-None-Match: *. The tests of package s3 hold the adapter to
// S3's protocol.
type fakeBucket map[string]storedObject

type storedObject struct {
	hash string
	body string
}

func (b fakeBucket) Create(_ context.Context, key string, body []byte, hash string) (bool, error) {
	if there, ok := b[key]; ok {
		return there.hash == hash, nil
	}
	b[key] = storedObject{hash, string(body)}
	return true, nil
}

type unusedQueue struct{}

func (unusedQueue) Send(context.Context, string, map[string]string) error {
	panic("the bucket stores everything here")
}

// fakeTools are the tools of every assistant of these tests. echo answers with its session and its arguments.
type fakeTools struct{}

func (fakeTools) ForScope(_ context.Context, s tools.Scope) []agent.Tool {
	run := map[string]func(in agent.Invocation) (string, error){
		"echo": func(in agent.Invocation) (string, error) {
			b, err := json.MarshalIndent(map[string]any{"assistant": s.Assistant.AssistantID, "call": s.CallID, "sid": s.CallSID, "caller": string(s.Caller),
				"userMessages": s.UserMessageCount, "occurrence": in.Occurrence, "id": in.ID, "arguments": in.Arguments}, "", "  ")
			return string(b), err
		},
		"book_appointment": func(agent.Invocation) (string, error) {
			return "Booked for Tuesday,\r\n  09:30.\u2028See you then!\n", nil
		},
		"lookup_patient": func(agent.Invocation) (string, error) {
			return "{\n  \"found\": true,\n  \"note\": \"two\\nlines\"\n}", nil
		},
		"silent": func(agent.Invocation) (string, error) { return " \n", nil },
		"fails": func(agent.Invocation) (string, error) {
			return "", fault.New(fault.Upstream, "The calendar is\nclosed.").Because(errors.New("a secret"))
		},
		"breaks": func(agent.Invocation) (string, error) { return "half", errors.New("a secret") },
		"panics": func(agent.Invocation) (string, error) { panic("a secret") },
	}
	var all []agent.Tool
	for name, f := range run {
		all = append(all, agent.Tool{Name: name, Run: func(_ context.Context, in agent.Invocation) (agent.ToolResult, error) {
			content, err := f(in)
			return agent.ToolResult{Content: content}, err
		}})
	}
	return all
}

func TestCases(t *testing.T) {
	log := testkit.CaptureLog(t)
	eventtest.Run(t, "webhook", func(t *testing.T, _ *eventcase.Case, event json.RawMessage) eventtest.Observed {
		bucket := fakeBucket{}
		var counted []string
		archive := webhook.Archive{Objects: bucket, Assistants: assistants, Now: func() time.Time { return time.Date(2026, 11, 18, 15, 5, 0, 0, time.UTC) },
			Count: func(_ context.Context, metric string) { counted = append(counted, metric) }}
		o := eventtest.Invoke(t, newFunction(&webhook.Receiver{Assistants: assistants, Archive: archive, Queue: unusedQueue{}, Tools: fakeTools{},
			OutboundCalls: fakeOutbound{}, Eligibility: fakeOutbound{}}, nil), event)
		o.Effects = map[string]any{"stored": bucket.summary(t), "counted": counted}
		return o
	})
	for _, private := range []string{"5557654321", "5551230", "4155550101", "Dana", "cleaning", `"` + credential + `"`} {
		if strings.Contains(log.String(), private) {
			t.Errorf("the log contains %q", private)
		}
	}
}

// credential is the start of every credential in the cases.
const credential = `"0000`

// summary returns of each object its hash, its size and how many credentials were removed. An object that is no JSON, or
// still has a credential, is a failure.
func (b fakeBucket) summary(t *testing.T) map[string]any {
	t.Helper()
	if len(b) == 0 {
		return nil
	}
	all := map[string]any{}
	for key, o := range b {
		if !json.Valid([]byte(o.body)) && !strings.HasSuffix(key, ".txt") {
			t.Errorf("%s is no JSON: %s", key, o.body)
		}
		if strings.Contains(o.body, credential) || strings.Contains(o.body, `\`+credential) {
			t.Errorf("%s contains a credential: %s", key, o.body)
		}
		all[key] = map[string]any{"hash": o.hash[:8], "bytes": len(o.body), "removed": strings.Count(o.body, redact.Removed)}
	}
	return all
}

// fakeOutbound knows one outbound call, and finds only fictitious numbers eligible.
type fakeOutbound struct{}

func (fakeOutbound) Record(_ context.Context, idOrSID string) (aurora.OutboundCall, bool, error) {
	return aurora.OutboundCall{ID: "record-1", State: aurora.OutboundPlaced, AssistantID: "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4", SID: "CA000000000000000000000000000000aa", To: "+14155550123",
		Name: "Dana Example", Email: "dana@example.com", Info: "asked for a call"}, idOrSID == "CA000000000000000000000000000000aa", nil
}

func (fakeOutbound) CheckEligible(_ context.Context, number, _ string) error {
	if strings.HasPrefix(number, "+141555501") {
		return nil
	}
	return fault.New(fault.Invalid, "phoneNumber must be a number such as +14155550100.").WithCode("invalid_phone_number")
}

// TestMain also looks for golden files that no test uses.
func TestMain(m *testing.M) { os.Exit(golden.Main(m).Run()) }
