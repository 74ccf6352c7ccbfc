package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/completions"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/chat"
)

// The routes that a reported case was sent to.
const (
	general = "/api/v1/openai/chat/completions"
	voice   = general + "/voice"
	sms     = general + "/sms"
)

// reportedCase is a request, or an answer of a model server, that went wrong somewhere and was reported in public. The address
// of the report stands beside it.
type reportedCase struct {
	name, source string
	routes       []string
	body         string // the request, without call; the default is a user who says "Hi"
	models       []aurora.ModelRef
	first        fakeopenai.Answer // the model's first answer; the second one is "After."
	want         string            // the whole text of the answer
	code         string            // of the error instead
	check        func(t *testing.T, sent []fakeopenai.Request, answer string)
}

// hi is the request of most cases.
const hi = `"messages":[{"role":"user","content":"Hi"}]`

// callsOf returns a chunk with whole tool calls.
func callsOf(calls ...string) string {
	return chunkJSON(`{"tool_calls":[`+strings.Join(calls, ",")+`]}`, "null")
}

const (
	timeCall    = `"type":"function","function":{"name":"get_current_time","arguments":"{}"}`
	wantsTools  = `{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`
	wantsNoMore = `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
)

func said(text string) string {
	return chunkJSON(fmt.Sprintf(`{"role":"assistant","content":%q}`, text), "null")
}

// assistantCalled returns the assistant's message of a request, by its place, as the model server got it.
func assistantCalled(t *testing.T, sent fakeopenai.Request) string {
	t.Helper()
	var body struct {
		Messages []json.RawMessage `json:"messages"`
	}
	if err := json.Unmarshal(sent.Raw, &body); err != nil {
		t.Fatal(err)
	}
	for _, m := range body.Messages {
		if bytes.Contains(m, []byte(`"tool_calls"`)) {
			return string(m)
		}
	}
	return ""
}

func contains(parts ...string) func(*testing.T, []fakeopenai.Request, string) {
	return func(t *testing.T, sent []fakeopenai.Request, _ string) {
		t.Helper()
		got := string(sent[len(sent)-1].Raw)
		for _, part := range parts {
			if missing, unwanted := strings.CutPrefix(part, "!"); unwanted && strings.Contains(got, missing) || !unwanted && !strings.Contains(got, part) {
				t.Errorf("the last request to the model is %s; it must contain %q", got, part)
			}
		}
	}
}

func calledTwice(t *testing.T, sent []fakeopenai.Request, _ string) {
	t.Helper()
	if m := assistantCalled(t, sent[len(sent)-1]); strings.Count(m, `"type":"function"`) != 2 || strings.Contains(m, "{}{}") {
		t.Errorf("the assistant's message is %s; want two calls", m)
	}
}

var reportedCases = []reportedCase{
	{name: "index zero for every parallel call", source: "https://github.com/ollama/ollama/issues/15457", routes: []string{general, voice}, want: "After.", check: calledTwice,
		first: fakeopenai.Chunks(callsOf(`{"index":0,"id":"call_a",`+timeCall+`}`), callsOf(`{"index":0,"id":"call_b","type":"function","function":{"name":"send_sms","arguments":"{\"message\":\"x\"}"}}`), wantsTools, "[DONE]")},
	{name: "calls without index and id", source: "https://github.com/huggingface/smolagents/pull/1958", routes: []string{general, voice}, want: "After.", check: calledTwice,
		first: fakeopenai.Chunks(callsOf(`{`+timeCall+`}`, `{`+timeCall+`}`), wantsTools, "[DONE]")},
	{name: "thought signature", source: "https://github.com/BerriAI/litellm/issues/16893", routes: []string{general, voice}, want: "After.", check: contains(`"extra_content":{"google":{"thought_signature":"CpwB=="}}`),
		first: fakeopenai.Chunks(callsOf(`{"index":0,"id":"f1",`+timeCall+`,"extra_content":{"google":{"thought_signature":"CpwB=="}}}`), wantsTools, "[DONE]")},
	{name: "reasoning beside tool calls", source: "https://api-docs.deepseek.com/guides/thinking_mode", routes: []string{general}, want: "After.", check: contains(`"reasoning_content":"I ask the clock."`),
		first: fakeopenai.Chunks(chunkJSON(`{"content":null,"reasoning_content":"I ask "}`, "null"), chunkJSON(`{"reasoning_content":"the clock."}`, "null"), callsOf(`{"index":0,"id":"f1",`+timeCall+`}`), wantsTools, "[DONE]")},
	{name: "assistant message without content key", source: "https://github.com/pig-mesh/deepseek4j/issues/41", routes: []string{general, voice}, want: "After.", check: contains(`"content":null`),
		first: fakeopenai.Chunks(callsOf(`{"index":0,"id":"call_a",`+timeCall+`}`), wantsTools, "[DONE]")},
	{name: "arguments as an object", source: "https://github.com/BerriAI/litellm/pull/37792", routes: []string{general, voice}, want: "After.", check: contains(`"arguments":"{\"message\":\"x\"}"`),
		first: fakeopenai.Chunks(callsOf(`{"index":0,"id":"call_a","type":"function","function":{"name":"send_sms","arguments":{"message":"x"}}}`), wantsTools, "[DONE]")},
	{name: "id that is a number", source: "servers that number their calls", routes: []string{general, voice}, want: "After.", check: contains(`"tool_call_id":"7"`),
		first: fakeopenai.Chunks(callsOf(`{"index":0,"id":7,`+timeCall+`}`), wantsTools, "[DONE]")},
	{name: "end without finish reason", source: "https://github.com/earendil-works/pi/issues/6226", routes: []string{general, voice}, want: "No reason.", first: fakeopenai.Chunks(said("No reason."), "[DONE]")},
	{name: "error key that is null", source: "https://github.com/BerriAI/litellm/pull/25505", routes: []string{general, voice}, want: "Fine.",
		first: fakeopenai.Chunks(`{"error":null,`+said("Fine.")[1:], `{"error":null,`+wantsNoMore[1:], "[DONE]")},
	{name: "content type in another case", source: "https://github.com/tinyhumansai/tinyagents/pull/56", routes: []string{general, voice}, want: "Fine.",
		first: fakeopenai.Chunks(said("Fine."), wantsNoMore, "[DONE]").Header("Content-Type", "Text/Event-Stream; charset=UTF-8")},
	{name: "answer in one piece", source: "https://github.com/tinyhumansai/tinyagents/pull/56", routes: []string{general, voice}, want: "Whole.",
		first: fakeopenai.Status(200, `{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Whole."},"finish_reason":"stop"}]}`)},
	{name: "429 inside a 200 stream", source: "https://github.com/QuantumNous/new-api/issues/6643", routes: []string{general}, code: "rate_limit_exceeded",
		first: fakeopenai.Chunks(`{"error":{"code":429,"message":"Rate limit exceeded: free-models-per-min"},"user_id":"u_secret"}`, "[DONE]")},
	{name: "unknown finish reason", source: "https://github.com/openai/openai-dotnet/pull/267", routes: []string{general, voice}, want: "Eos.", first: fakeopenai.Text("Eos.").Finish("eos"),
		check: func(t *testing.T, _ []fakeopenai.Request, answer string) {
			if !strings.Contains(answer, `"finish_reason":"stop"`) {
				t.Errorf("the answer is %s; want the finish reason stop", answer)
			}
		}},
	{name: "finish reason that is the word null", source: "https://github.com/PowerShell/AIShell/issues/350", routes: []string{general}, code: "upstream_error",
		first: fakeopenai.Raw("data: " + chunkJSON(`{"content":"cut "}`, `"null"`) + "\n\n")},
	{name: "details of the usage", source: "https://github.com/BerriAI/litellm/issues/36882", routes: []string{general}, want: "Details.",
		first: fakeopenai.Chunks(said("Details."), wantsNoMore, `{"choices":[],"usage":{"prompt_tokens":1100,"completion_tokens":70,"total_tokens":1170,"prompt_tokens_details":{"cached_tokens":1024},"completion_tokens_details":{"reasoning_tokens":64}}}`, "[DONE]"),
		check: func(t *testing.T, _ []fakeopenai.Request, answer string) {
			if !strings.Contains(answer, `"cached_tokens":1024`) || !strings.Contains(answer, `"reasoning_tokens":64`) {
				t.Errorf("the answer is %s; want the details of the usage", answer)
			}
		}},
	{name: "byte order mark", source: "https://html.spec.whatwg.org/multipage/server-sent-events.html", routes: []string{general, voice}, want: "Marked.",
		first: fakeopenai.Raw("\ufeffdata: " + said("Marked.") + "\n\ndata: " + wantsNoMore + "\n\ndata: [DONE]\n\n")},
	{name: "lone CR line ends", source: "https://html.spec.whatwg.org/multipage/server-sent-events.html", routes: []string{general, voice}, want: "Lines.",
		first: fakeopenai.Raw("data: " + said("Lines.") + "\r\rdata: " + wantsNoMore + "\r\rdata: [DONE]\r\r")},
	{name: "402 with one model", source: "https://github.com/tashfeenahmed/freellmapi/pull/196", routes: []string{general}, code: "upstream_quota",
		first: fakeopenai.Status(402, `{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}`)},
	{name: "402 with another model to ask", source: "https://github.com/NousResearch/hermes-agent/pull/23707", routes: []string{general, voice}, want: "After.", models: []aurora.ModelRef{{Model: "paid"}, {Model: "plain"}},
		first: fakeopenai.Status(402, `{"error":{"message":"Insufficient Balance"}}`)},
	{name: "model without tools", source: "https://github.com/ChrisRomp/copilot-bridge/issues/40", routes: []string{general, voice}, want: "After.", models: []aurora.ModelRef{{Model: "small"}, {Model: "plain"}},
		first: fakeopenai.Status(400, `{"error":"registry.example/library/gemma:2b does not support tools"}`)},
	{name: "reasoning longer than the first word may take", source: "https://github.com/mezmo/aura/issues/62", routes: []string{general}, want: "Thought.",
		first: fakeopenai.Chunks(chunkJSON(`{"content":null,"reasoning_content":"step "}`, "null"), chunkJSON(`{"reasoning_content":"step "}`, "null"), chunkJSON(`{"reasoning_content":"step "}`, "null"), said("Thought."), wantsNoMore, "[DONE]").Each(600 * time.Millisecond)},
	{name: "history with an unanswered tool call", source: "https://github.com/livekit/agents/issues/1976", routes: []string{general, voice, sms}, want: "After.", check: contains(`No result`),
		body: `"messages":[{"role":"user","content":"weather?"},{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"weather","arguments":"{}"}}]},{"role":"user","content":"hello? are you there?"}]`},
	{name: "history with one of two calls unanswered", source: "https://github.com/livekit/agents/issues/5092", routes: []string{general, voice}, want: "After.", check: contains(`"content":"sunny"`, `No result`),
		body: `"messages":[{"role":"user","content":"w?"},{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"weather","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"weather","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"sunny"},{"role":"user","content":"hello?"}]`},
	{name: "history with a result twice", source: "https://github.com/livekit/agents/issues/3702", routes: []string{general, voice}, want: "After.",
		body: `"messages":[{"role":"user","content":"w?"},{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"weather","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"sunny"},{"role":"tool","tool_call_id":"a","content":"sunny"},{"role":"user","content":"and?"}]`},
	{name: "odd message in a history", source: "https://github.com/michelle-avery/custom-conversation/issues/48", routes: []string{voice}, want: "After.", check: contains("My name is Ann.", "What is my name?", "!odd"),
		body: `"messages":[{"role":"user","content":"My name is Ann."},{"role":"assistant","content":"Hi Ann."},{"role":"user","content":{"text":"odd"}},{"role":"assistant","content":"Sorry?"},{"role":"user","content":"What is my name?"}]`},
	{name: "refusal part in a history", source: "https://github.com/openai/openai-agents-js/pull/1524", routes: []string{general, voice}, want: "After.", check: contains("I cannot.", "what are your hours?"),
		body: `"messages":[{"role":"user","content":"x"},{"role":"assistant","content":[{"type":"refusal","refusal":"I cannot."}]},{"role":"user","content":"ok, what are your hours?"}]`},
	{name: "audio part on the phone", source: "https://github.com/vllm-project/vllm/pull/41121", routes: []string{voice}, want: "After.", check: contains("what is this?", "!input_audio"),
		body: `"messages":[{"role":"user","content":[{"type":"text","text":"what is this?"},{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}}]}]`},
	{name: "tool_choice required", source: "https://github.com/openai/openai-agents-python/pull/263", routes: []string{general, voice}, want: "After.", body: hi + `,"tool_choice":"required"`,
		first: fakeopenai.Chunks(callsOf(`{"index":0,"id":"a",`+timeCall+`}`), wantsTools, "[DONE]"), check: func(t *testing.T, sent []fakeopenai.Request, _ string) {
			if len(sent) != 2 || !bytes.Contains(sent[0].Raw, []byte(`"tool_choice":"required"`)) || bytes.Contains(sent[1].Raw, []byte("tool_choice")) {
				t.Errorf("%d requests; want two, of which only the first has tool_choice", len(sent))
			}
		}},
	{name: "tool_choice without its tool", source: "https://github.com/openai/openai-agents-python/pull/263", routes: []string{sms}, want: "After.", check: contains("!tool_choice", "!weather"),
		body: hi + `,"tools":[{"type":"function","function":{"name":"weather"}}],"tool_choice":{"type":"function","function":{"name":"weather"}}`},
	{name: "two system messages", source: "https://github.com/vllm-project/vllm/issues/41114", routes: []string{general, voice}, want: "After.", check: contains("Caller system."),
		body: `"messages":[{"role":"system","content":"Caller system."},{"role":"user","content":"Hi"}]`},
	{name: "two assistant messages after a broken turn", source: "https://github.com/vllm-project/vllm/issues/6862", routes: []string{voice, general}, want: "After.", check: contains(`"Partial I'm sorry, I didn't get that."`),
		body: `"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Partial "},{"role":"assistant","content":"I'm sorry, I didn't get that."},{"role":"user","content":"again"}]`},
	{name: "late instruction", source: "https://github.com/livekit/agents/pull/5287", routes: []string{voice, general}, want: "After.", check: contains(`{"role":"assistant","content":"Hello!"},{"role":"system","content":"The caller is silent."}]`),
		body: `"messages":[{"role":"system","content":"You are a receptionist."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello!"},{"role":"system","content":"The caller is silent."}]`},
	{name: "name with a space", source: "https://github.com/FlowiseAI/Flowise/issues/2948", routes: []string{voice, general}, want: "After.", check: contains(`"name":"Ann_Lee"`), body: `"messages":[{"role":"user","name":"Ann Lee","content":"Hi"}]`},
	{name: "one odd tool", source: "https://github.com/openai/codex/issues/20574", routes: []string{voice}, want: "After.", check: contains(`"name":"weather"`),
		body: hi + `,"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}},{"type":"custom","custom":{"name":"x"}}]`},
	{name: "one odd option", source: "a client that sends temperature 3", routes: []string{voice}, want: "After.", check: contains(`"max_tokens":100`, `"stop":["END"]`, `!"temperature":3`), body: hi + `,"temperature":3,"max_tokens":100,"stop":["END"]`},
}

// TestReportedCases sends each case to its routes. The model server is strict: it rejects what OpenAI's API, or a stricter
// server, would reject.
func TestReportedCases(t *testing.T) {
	for _, c := range reportedCases {
		for _, route := range c.routes {
			t.Run(c.name+strings.TrimPrefix(route, general), func(t *testing.T) {
				d := fakeopenai.Serve(t, func(n int, r fakeopenai.Request) fakeopenai.Answer {
					if why := fakeopenai.Rejection(r.Raw); why != "" {
						return fakeopenai.Status(400, fmt.Sprintf(`{"error":{"message":%q,"code":"strict_server"}}`, why))
					}
					if n == 0 && c.body == "" || strings.Contains(c.body, "required") && n == 0 {
						return c.first
					}
					if c.code != "" {
						return c.first // on every try
					}
					return fakeopenai.Text("After.")
				})
				answer, code := postReported(t, c, route, d.URL)
				if text := answerText(t, answer); code != c.code || c.code == "" && text != c.want {
					t.Errorf("code %q, text %q; want code %q, text %q (%s)\n%s", code, text, c.code, c.want, c.source, answer)
				}
				if c.check != nil {
					c.check(t, d.Requests(), answer)
				}
			})
		}
	}
}

// postReported sends a case to a route and returns the whole answer, or the code of its error.
func postReported(t *testing.T, c reportedCase, route, base string) (answer, code string) {
	t.Helper()
	testkit.CaptureLogOf(t, func(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) })
	handler, _ := newToolHandler(base)
	service := handler.Service.(*chat.Service)
	a := riley
	a.Functions, a.Models = aurora.List{"send_sms", "get_current_time"}, c.models
	service.Assistants = testkit.EveryAssistant(a)
	limits := openai.Limits{FirstByte: 2 * time.Second, Idle: 10 * time.Second, Backoff: 10 * time.Millisecond}
	pool := &openai.Pool{Options: openai.Options{BaseURL: base, Limits: limits, Key: func(context.Context) (string, error) { return canaryKey, nil }}}
	service.Chain = pool.Chain
	body := c.body
	if body == "" {
		body = hi
	}
	body = `{"model":"gpt-4o",` + body + `,"call":{"id":"c1","caller_phone_number":"+14155550123","assistantId":"a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4"}}`
	event, err := json.Marshal(map[string]any{"version": "2.0", "rawPath": route, "body": body,
		"headers":        map[string]string{"authorization": "Bearer " + eventtest.APIKey, "content-type": "application/json"},
		"requestContext": map[string]any{"http": map[string]any{"method": "POST"}}})
	if err != nil {
		t.Fatal(err)
	}
	v, err := serveEveryRoute(handler).Invoke(t.Context(), event)
	if err != nil {
		t.Fatal(err)
	}
	r := v.(*events.LambdaFunctionURLStreamingResponse)
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	var failed struct {
		Error struct{ Code string }
	}
	if r.StatusCode != http.StatusOK && json.Unmarshal(b, &failed) == nil {
		return string(b), failed.Error.Code
	}
	return string(b), ""
}

// serveEveryRoute returns a function with the routes of all chat functions that the cases need.
func serveEveryRoute(h *completions.Handler) *web.Function {
	return &web.Function{Policy: auth.BearerPolicy, Keys: liveKeys, MaxBody: web.MaxCallBody, Stream: true, Routes: []web.Route{
		{Method: http.MethodPost, Path: general, Handler: h.ServeGeneral}, {Method: http.MethodPost, Path: voice, Handler: h.ServeVoice}, {Method: http.MethodPost, Path: sms, Handler: h.ServeSMS}}}
}

func answerText(t *testing.T, answer string) string {
	t.Helper()
	var body struct {
		Choices []struct {
			Message struct{ Content string }
		}
	}
	if err := json.Unmarshal([]byte(answer), &body); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
	if len(body.Choices) == 0 {
		return ""
	}
	return body.Choices[0].Message.Content
}
