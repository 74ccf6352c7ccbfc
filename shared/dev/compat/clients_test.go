package compat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// finding is the line that a script prints.
type finding struct {
	Text         string
	FinishReason string
	Usage        *struct {
		Prompt     int `json:"prompt_tokens"`
		Completion int `json:"completion_tokens"`
		Total      int `json:"total_tokens"`
	}
	FullSession map[string]any
	Chunks      int
}

// runScript starts a script and returns its one line.
func runScript(t *testing.T, script, url, key, assistant string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "node", script)
	command.Env = append(os.Environ(), "AURORA_URL="+strings.TrimSuffix(url, "/"), "AURORA_KEY="+key, "AURORA_ASSISTANT="+assistant)
	var out, problem bytes.Buffer
	command.Stdout, command.Stderr = &out, &problem
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", script, err, &problem)
	}
	return out.String(), nil
}

// TestClients runs unchanged clients of other vendors through API Gateway and the function URLs.
func TestClients(t *testing.T) {
	s := startStack(t)
	key := s.Keys["BINARYTINT_API_KEY"]
	if len(s.Assistants) == 0 {
		t.Fatalf("run.json has no assistant: %+v", s)
	}
	t.Run("make demo", func(t *testing.T) { checkDemo(t, s) })
	t.Run("what tools sent", func(t *testing.T) { checkSentMessages(t, s) })
	t.Run("documents", func(t *testing.T) { runDocuments(t, s) })
	for _, way := range []string{"api", "function"} {
		url := func(function string) string {
			if way == "api" {
				return s.API
			}
			return s.FunctionURLs[function]
		}
		for script, c := range map[string]struct {
			function string
			streams  bool
			session  string // the id in full_session; "" is none
		}{
			"openai-stream":   {"ChatCompletionsFunction", true, "clients-test"},
			"openai-helper":   {"ChatCompletionsFunction", true, "clients-test"},
			"openai-whole":    {"ChatCompletionsFunction", false, "clients-test"},
			"openai-agents":   {"ChatCompletionsFunction", true, "clients-test"},
			"ai-sdk":          {"ChatCompletionsFunction", true, "clients-test"},
			"langchain":       {"ChatCompletionsFunction", true, "clients-test"},
			"document-reader": {"ChatCompletionsFunction", true, "clients-document"},
			"openai-voice":    {"ChatCompletionsVoiceFunction", true, "clients-test"},
			"openai-sms":      {"ChatCompletionsSmsFunction", false, "clients-test"},
			"openai-chat":     {"ChatCompletionsChatFunction", false, ""},
		} {
			t.Run(script+" "+way, func(t *testing.T) {
				t.Parallel()
				line, err := runScript(t, script+".mjs", url(c.function), key, s.Assistants[0])
				if err != nil {
					t.Fatal(err)
				}
				var f finding
				if err := json.Unmarshal([]byte(line), &f); err != nil {
					t.Fatalf("%v in %q", err, line)
				}
				if strings.TrimSpace(f.Text) == "" || f.FinishReason != "stop" {
					t.Errorf("text %q, finish reason %q", f.Text, f.FinishReason)
				}
				if f.Usage == nil || f.Usage.Total == 0 || f.Usage.Total != f.Usage.Prompt+f.Usage.Completion {
					t.Errorf("usage %+v", f.Usage)
				}
				if id, _ := f.FullSession["id"].(string); id != c.session || (f.FullSession == nil) != (c.session == "") {
					t.Errorf("full_session %v", f.FullSession)
				}
				if c.streams && f.Chunks < 3 {
					t.Errorf("%d chunks: the answer came in one piece", f.Chunks)
				}
			})
		}
		t.Run("openai-rejected "+way, func(t *testing.T) {
			t.Parallel()
			line, err := runScript(t, "openai-rejected.mjs", url("ChatCompletionsFunction"), key, "")
			if err != nil {
				t.Fatal(err)
			}
			want := `{"wrongKey":{"name":"AuthenticationError","status":401,"code":"invalid_api_key","type":"authentication_error","param":null},` +
				`"badInput":{"name":"BadRequestError","status":400,"code":"invalid_request","type":"invalid_request_error","param":"temperature"}}`
			if strings.TrimSpace(line) != want {
				t.Errorf("got  %s\nwant %s", line, want)
			}
		})
	}
}

// checkDemo runs `make demo` against the stack and checks its output.
func checkDemo(t *testing.T, s stack) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, s.binary, "demo")
	command.Dir = filepath.Join("..", "..", "..")
	command.Env = append(os.Environ(), "AURORA_DATA="+s.data)
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rest := string(out)
	for _, want := range []string{`"assistantName": "Riley"`, "data: [DONE]", `"name":"get_current_time"`, "The tool answered: ", `"name":"transfer_to_avery"`,
		"active_agent:     69299da5-c96b-4125-aed7-58a30103acaa", "who am I talking to?", "200 {}", `"endedReason": "customer-ended-call"`} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("no %s where it should be in\n%s", want, out)
		}
		rest = after
	}
}

// checkSentMessages asks for a text message, a mail and a history in the words of the fake model, and checks what arrived.
func checkSentMessages(t *testing.T, s stack) {
	t.Parallel()
	ask := func(assistant, words string) string {
		body, err := json.Marshal(map[string]any{
			"messages": []map[string]string{{"role": "user", "content": words}},
			"call":     map[string]string{"id": "sent-" + assistant, "caller_phone_number": "+14155550142", "assistantId": assistant},
		})
		if err != nil {
			t.Fatal(err)
		}
		return fetch(t, http.MethodPost, s.API+"/api/v1/openai/voice/chat/completions", "Bearer "+s.Keys["BINARYTINT_API_KEY"], string(body))
	}
	const aurora = "9395bc40-ee5d-47e1-bcf3-b2af2f63e84a"
	for words, want := range map[string]string{
		"Text me: nine <to> five":      "The text message was sent",
		"Please email: call Dana back": "The e-mail was sent",
		"Is there a history?":          "no earlier calls",
		"use send_sms {\"message\":":   "message: ",
	} {
		if got := ask(aurora, words); !strings.Contains(got, want) {
			t.Errorf("%q: %s", words, got)
		}
	}
	if page := fetch(t, http.MethodGet, s.Endpoints["twilio"]+"/", "", ""); !strings.Contains(page, "14155550142") || !strings.Contains(page, "nine &lt;to&gt; five") {
		t.Errorf("the text message is not at Twilio: %s", page)
	}
	if mails := fetch(t, http.MethodGet, s.Mail+"/mails.json", "", ""); !strings.Contains(mails, "owner@aurora.example.com") || !strings.Contains(mails, "call Dana back") {
		t.Errorf("the mail is not at SES: %s", mails)
	}
}

func fetch(t *testing.T, method, url, key, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", key)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %s %v", method, url, response.Status, text, err)
	}
	return string(text)
}

// The scripts can fail: each takes the stream that is meant for it, and none one that is not.
func TestScriptsAreStrict(t *testing.T) {
	t.Parallel()
	const (
		head    = `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":`
		hello   = head + `{"role":"assistant","content":"Hello "},"finish_reason":null}]}`
		world   = head + `{"content":"world"},"finish_reason":null}]}`
		stop    = head + `{},"finish_reason":"stop"}]}`
		usage   = `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`
		bare    = `{"full_session":{"id":"x","messages":[]}}`
		inChunk = head + `{},"finish_reason":null}],"full_session":{"id":"x","messages":[]}}`
		failed  = `{"error":{"message":"No.","type":"upstream_error","param":null,"code":"upstream_error"}}`
	)
	documents := []string{hello, world, stop, bare, "[DONE]"}
	openais := []string{hello, world, stop, inChunk, usage, "[DONE]"}
	for _, c := range []struct {
		name, script string
		lines        []string
		good         bool
	}{
		{"its own", "document-reader", documents, true},
		{"session as a chunk", "document-reader", openais, false},
		{"no session", "document-reader", []string{hello, stop, "[DONE]"}, false},
		{"cut", "document-reader", []string{hello, stop, bare}, false},
		{"failed", "document-reader", []string{hello, bare, failed}, false},
		{"something after", "document-reader", append(documents[:5:5], stop), false},
		{"its own", "openai-stream", openais, true},
		{"failed", "openai-stream", []string{hello, failed}, false},
		{"its own", "openai-voice", openais, true},
		{"marks", "openai-voice", []string{head + `{"role":"assistant","content":"**Hello**"},"finish_reason":null}]}`, stop, inChunk, usage, "[DONE]"}, false},
		{"its own", "openai-helper", openais, true},
		{"bare session", "openai-helper", documents, false},
		{"its own", "ai-sdk", openais, true},
		{"bare session", "ai-sdk", documents, false},
	} {
		t.Run(c.script+" "+c.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet { // the models
					const model = `{"id":"gpt-4o","object":"model","created":0,"owned_by":"aurora"}`
					body := `{"object":"list","data":[` + model + `]}`
					if strings.HasSuffix(r.URL.Path, "/gpt-4o") {
						body = model
					}
					w.Header().Set("Content-Type", "application/json")
					_, _ = io.WriteString(w, body)
					return
				}
				w.Header().Set("Content-Type", "text/event-stream")
				for _, line := range c.lines {
					fmt.Fprintf(w, "data: %s\n\n", line)
				}
			}))
			defer server.Close()
			line, err := runScript(t, c.script+".mjs", server.URL, "key", "")
			if (err == nil) != c.good {
				t.Fatalf("%q, %v", line, err)
			}
			if c.good && !strings.Contains(line, `"Hello world"`) {
				t.Error(line)
			}
		})
	}
}
