package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
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

// run starts a script and returns its one line.
func run(t *testing.T, script, url, key, assistant string) (string, error) {
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

// Everybody's client, unchanged, through every door.
func TestClients(t *testing.T) {
	s := start(t)
	function := s.FunctionURLs["ChatCompletionsFunction"]
	if function == "" || len(s.Assistants) == 0 {
		t.Fatalf("run.json has no function URL or no assistant: %+v", s)
	}
	key := s.Keys["BINARYTINT_API_KEY"]
	for door, url := range map[string]string{"api": s.API, "function": function} {
		for script, streams := range map[string]bool{
			"openai-stream": true, "openai-helper": true, "openai-whole": false, "ai-sdk": true, "document-reader": true,
		} {
			t.Run(script+" "+door, func(t *testing.T) {
				t.Parallel()
				line, err := run(t, script+".mjs", url, key, s.Assistants[0])
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
				if f.FullSession["id"] != "clients-test" && f.FullSession["id"] != "clients-document" {
					t.Errorf("full_session %v", f.FullSession)
				}
				if streams && f.Chunks < 3 {
					t.Errorf("%d chunks: the answer came in one piece", f.Chunks)
				}
			})
		}
		t.Run("openai-refused "+door, func(t *testing.T) {
			t.Parallel()
			line, err := run(t, "openai-refused.mjs", url, key, "")
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
		{"its own", "openai-helper", openais, true},
		{"bare session", "openai-helper", documents, false},
		{"its own", "ai-sdk", openais, true},
		{"bare session", "ai-sdk", documents, false},
	} {
		t.Run(c.script+" "+c.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				for _, line := range c.lines {
					fmt.Fprintf(w, "data: %s\n\n", line)
				}
			}))
			defer server.Close()
			line, err := run(t, c.script+".mjs", server.URL, "key", "")
			if (err == nil) != c.good {
				t.Fatalf("%q, %v", line, err)
			}
			if c.good && !strings.Contains(line, `"Hello world"`) {
				t.Error(line)
			}
		})
	}
}
