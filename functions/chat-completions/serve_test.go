package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/golden"
	"example.com/aurora/shared/dev/openapi"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/completions"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/chat"
)

const apiKey = "aur_api_0123456789abcdef0123456789abcdef"

var riley = aurora.Assistant{Configuration: aurora.Configuration{
	AssistantID: "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4", AssistantName: "Riley", OrgName: "Harbor Dental", TimeZone: "America/New_York",
	AssistantPhoneNumber: "+15551230100",
	AssistantPrompt:      "You are Riley of {{ org_name }}. Today is {{ \"now\" | date: \"%A, %B %-d\" }}. The caller is {{ caller_phone_number }}.",
}}

// newFunction returns the function with a model server at the URL base.
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
		Now:   now,
		NewID: func() string { return "chatcmpl-1" },
	}, liveKeys)
}

// streamRequest returns a request for a stream, in the form of the API document, as an event of the function URL.
func streamRequest(t *testing.T) json.RawMessage {
	t.Helper()
	body := `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"What are your hours?"}],
		"call":{"id":"MZ1","caller_phone_number":"+15557654321","assistant_config":{"assistantId":"a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4"}}}`
	b, err := json.Marshal(map[string]any{"version": "2.0", "rawPath": "/api/v1/openai/chat/completions", "body": body,
		"headers":        map[string]string{"authorization": "Bearer " + apiKey, "content-type": "application/json"},
		"requestContext": map[string]any{"http": map[string]any{"method": "POST"}}})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// scriptedAnswer chooses the model's answer by the text of the user's message.
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

// Every event, its answer, and what the model was asked, against what a person looked at.
func TestEvents(t *testing.T) {
	golden.Events(t, "chat-completions", func(t *testing.T, name string, event json.RawMessage) {
		double := fakeopenai.Serve(t, scriptedAnswer)
		status, header, body := invoke(t, newFunction(double.URL, shortLimits, nil), event)
		seen := map[string]any{"status": status, "contentType": header.Get("Content-Type")}
		if strings.HasPrefix(header.Get("Content-Type"), "text/event-stream") {
			seen["stream"] = strings.Split(strings.TrimSuffix(string(body), "\n\n"), "\n\n")
		} else {
			seen["body"] = json.RawMessage(body)
		}
		for _, asked := range double.Requests() {
			seen["asked"] = json.RawMessage(asked.Raw)
		}
		golden.JSON(t, name, seen)
		openapi.CheckEvent(t, event, status, header, body)
	})
}

func TestBodyOverTheLimit(t *testing.T) {
	double := fakeopenai.Serve(t, scriptedAnswer)
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
		if status, _, body := invoke(t, newFunction(double.URL, shortLimits, nil), pad(size)); status != want {
			t.Errorf("a body of %d bytes: status %d, want %d: %.200s", size, status, want, body)
		}
	}
}

// invoke returns the response to an event of the REST API or of a function URL.
func invoke(t *testing.T, f *web.Function, event json.RawMessage) (int, http.Header, []byte) {
	t.Helper()
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "req-1"})
	v, err := f.Invoke(ctx, event)
	if err != nil {
		t.Fatal(err)
	}
	status, header, r := 0, http.Header{}, io.Reader(nil)
	switch v := v.(type) {
	case *events.LambdaFunctionURLStreamingResponse:
		status, r = v.StatusCode, v.Body
		for k, s := range v.Headers {
			header.Set(k, s)
		}
	case *events.APIGatewayProxyStreamingResponse:
		status, header, r = v.StatusCode, v.MultiValueHeaders, v.Body
	default:
		t.Fatalf("the response is a %T, want a streaming response", v)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return status, header, b
}
