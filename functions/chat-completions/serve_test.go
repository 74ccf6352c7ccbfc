package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/completions"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/chat"
)

// riley is the only assistant.
var riley = aurora.Assistant{Configuration: aurora.Configuration{
	AssistantID: "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4", AssistantName: "Riley", OrgName: "Harbor Dental", TimeZone: "America/New_York",
	AssistantPhoneNumber: "+15551230100",
	AssistantPrompt:      "You are Riley of {{ org_name }}. Today is {{ \"now\" | date: \"%A, %B %-d\" }}. The caller is {{ caller_phone_number }}.",
}}

// newFunction returns the function with a model at base.
func newFunction(base string, limits openai.Limits, count func(context.Context, string)) *web.Function {
	pool := &openai.Pool{Options: openai.Options{BaseURL: base, Limits: limits, Count: count, Key: func(context.Context) (string, error) { return canaryKey, nil }}}
	now := func() time.Time { return time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC) } // it is still Saturday in New York
	return serve(&completions.Handler{
		Service: &chat.Service{
			Assistants:    testkit.NewAssistants(riley),
			Chain:         pool.Chain,
			DefaultModels: []string{"gpt-4o"},
			Now:           now,
		},
		Now:    now,
		NewID:  func() string { return "chatcmpl-1" },
		Models: []string{"gpt-4o"},
	}, liveKeys)
}

// streamRequest returns the event of a streamed turn at the function URL.
func streamRequest(t *testing.T) json.RawMessage {
	t.Helper()
	body := `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"What are your hours?"}],
		"call":{"id":"MZ1","caller_phone_number":"+14155550123","assistant_config":{"assistantId":"a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4"}}}`
	b, err := json.Marshal(map[string]any{"version": "2.0", "rawPath": "/api/v1/openai/chat/completions", "body": body,
		"headers":        map[string]string{"authorization": "Bearer " + eventtest.APIKey, "content-type": "application/json"},
		"requestContext": map[string]any{"http": map[string]any{"method": "POST"}}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// scriptedAnswer returns the model's answer to the caller's last message, with a fixed number of tokens.
func scriptedAnswer(_ int, r fakeopenai.Request) fakeopenai.Answer {
	switch said := r.Last("user"); said {
	case "call a tool":
		return fakeopenai.ToolCall("call_1", "book_appointment", `{"date":"2026-11-24"}`).Usage(11, 7)
	case "hostile":
		return fakeopenai.Text("a\n\ndata: [DONE]\n\n", "</script>\u2028", "event: x\r\n").Usage(11, 7)
	default:
		return fakeopenai.Text("Nine ", "to five.").Usage(11, 7)
	}
}

func TestCases(t *testing.T) {
	eventtest.Run(t, "chat-completions", func(t *testing.T, _ *eventcase.Case, event json.RawMessage) eventtest.Observed {
		model := fakeopenai.Serve(t, scriptedAnswer)
		o := eventtest.Invoke(t, newFunction(model.URL, shortLimits, nil), event)
		var requests []json.RawMessage
		for _, r := range model.Requests() {
			requests = append(requests, r.Raw)
		}
		o.Effects = map[string]any{"modelRequests": requests}
		return o
	})
}

func TestBodyOverTheLimit(t *testing.T) {
	model := fakeopenai.Serve(t, scriptedAnswer)
	var e map[string]any
	if err := json.Unmarshal(streamRequest(t), &e); err != nil {
		t.Fatal(err)
	}
	pad := func(size int) json.RawMessage {
		head, tail := `{"messages":[{"role":"user","content":"x"}],"pad":"`, `"}`
		e["body"] = head + strings.Repeat("x", size-len(head)-len(tail)) + tail
		b, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for size, want := range map[int]int{1<<20 - 1: 200, 1 << 20: 200, 1<<20 + 1: 413} {
		if status, _, body := invoke(t, newFunction(model.URL, shortLimits, nil), pad(size)); status != want {
			t.Errorf("a body of %d bytes is answered with %d, want %d: %.200s", size, status, want, body)
		}
	}
}

// invoke returns the status, the headers and the body of an answer.
func invoke(t *testing.T, f *web.Function, event json.RawMessage) (int, http.Header, []byte) {
	t.Helper()
	o := eventtest.Invoke(t, f, event)
	return o.Status, o.Header, o.Body
}
