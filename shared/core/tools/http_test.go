package tools

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

func TestHTTPToolRequest(t *testing.T) {
	k, w := newKit(t)
	w.secrets["aurora/test/tools/book"] = " the-bearer-secret\n"
	var header http.Header
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(rw, `{"ok":true,"said":"the-bearer-secret"}`)
	}))
	defer server.Close()
	k.PrivateHosts = []string{hostPort(server)}
	s := testScope()
	s.CallDetails = json.RawMessage(`{"id":"call-1"}`)
	s.Assistant.Tools = []aurora.HTTPTool{{Name: "book", Description: "Books.", URL: server.URL + "/book?x=1", Secret: "book", Filler: "One moment.", TimeoutMs: 1500,
		Parameters: json.RawMessage(`{"type":"object","properties":{"day":{"type":"integer"}},"required":["day"]}`)}}
	tool := findTool(t, k.ForScope(t.Context(), s), "book")
	if tool.Timeout != 1500*time.Millisecond || tool.Filler != "One moment." || tool.Description != "Books." {
		t.Errorf("%+v", tool)
	}
	if err := tool.Validate(json.RawMessage(`{"day":"x"}`)); !fault.Is(err, fault.Invalid) || fault.From(err).Param != "day" {
		t.Errorf("%v", err)
	}
	in := agent.Invocation{ID: "t1", Arguments: json.RawMessage(`{"day":12345678901234567890}`)}
	out, err := tool.Run(t.Context(), in)
	if err != nil || out.Content != `{"ok":true,"said":"[redacted]"}` {
		t.Errorf("%q %v", out.Content, err)
	}
	if want := `{"arguments":{"day":12345678901234567890},"assistantId":"a1","call":{"id":"call-1"},"name":"book","toolCallId":"t1"}`; string(body) != want {
		t.Errorf("sent %s", body)
	}
	if header.Get("Authorization") != "Bearer the-bearer-secret" || header.Get("Content-Type") != "application/json" || header.Get("Accept-Encoding") != "" ||
		header.Get("Idempotency-Key") != idempotencyKey(s, "book", in) {
		t.Errorf("%v", header)
	}
}

// Fault row 24, and what else a server may do.
func TestFault24HTTPToolFailures(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 10 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	release := make(chan struct{})
	for name, c := range map[string]struct {
		serve   http.HandlerFunc
		content string
		kind    fault.Kind // of the error; where there is one
		fails   string
	}{
		"text":              {serve: respondWith(200, "Nine o'clock."), content: "Nine o'clock."},
		"nothing":           {serve: respondWith(204, ""), content: "Done."},
		"500":               {serve: respondWith(500, "stack trace"), fails: "The tool failed (status 500).", kind: fault.Upstream},
		"its own 4xx words": {serve: respondWith(422, "The day is in the past."), content: "Error: The tool failed (status 422). The day is in the past."},
		"long 4xx words":    {serve: respondWith(400, strings.Repeat("x", 9000)), content: "Error: The tool failed (status 400). " + strings.Repeat("x", 500)},
		"no text":           {serve: respondWith(200, "a\xff\xfeb"), content: "ab"},
		"10 MB": {serve: func(w http.ResponseWriter, _ *http.Request) {
			for range 10 << 10 {
				if _, err := w.Write(bytes.Repeat([]byte("y"), 1<<10)); err != nil {
					return
				}
			}
		}, content: strings.Repeat("y", 64<<10)},
		"a gzip bomb": {serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb.Bytes())
		}, fails: "The tool failed: its answer was compressed, which was not asked for.", kind: fault.Upstream},
		"endless headers": {serve: func(w http.ResponseWriter, _ *http.Request) {
			for i := range 2000 {
				w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("z", 100))
			}
		}, fails: "its answer was lost", kind: fault.Timeout},
		"a cut answer": {serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			panic(http.ErrAbortHandler)
		}, fails: "its answer was lost", kind: fault.Timeout},
		"hangs before": {serve: func(_ http.ResponseWriter, r *http.Request) { waitForEnd(r, release) }, fails: "did not answer in time", kind: fault.Timeout},
		"hangs within": {serve: func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			waitForEnd(r, release)
		}, fails: "did not answer in time", kind: fault.Timeout},
	} {
		t.Run(name, func(t *testing.T) {
			k, _ := newKit(t)
			server := httptest.NewServer(c.serve)
			defer server.Close()
			k.PrivateHosts = []string{hostPort(server)}
			out, err := callTool(t, newHTTPTool(t, k, aurora.HTTPTool{Name: "x", URL: server.URL, TimeoutMs: 300}), `{}`)
			if out.Content != c.content {
				t.Errorf("told %.100q, want %.100q", out.Content, c.content)
			}
			if c.fails == "" && err != nil || c.fails != "" && (!fault.Is(err, c.kind) || !strings.Contains(fault.From(err).Message, c.fails)) {
				t.Errorf("%v, want %q", err, c.fails)
			}
		})
	}
	close(release)
}

func respondWith(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func waitForEnd(r *http.Request, release chan struct{}) {
	_, _ = io.Copy(io.Discard, r.Body) // the server notices only then that its client went
	select {
	case <-r.Context().Done():
	case <-release:
	}
}

// A11: whatever goes wrong, neither log nor error nor answer holds a secret, and no log the caller's words.
func TestSecretsAreNotLeaked(t *testing.T) {
	const canary, words = "canary-7d1f0c2a9b", "my-own-words-44"
	log := testkit.CaptureLog(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	secure := httptest.NewTLSServer(respondWith(200, "ok"))
	defer secure.Close()
	secure.Config.ErrorLog = nil
	var said strings.Builder
	for _, serve := range []http.HandlerFunc{respondWith(200, canary), respondWith(200, ""), respondWith(302, canary), respondWith(400, canary), respondWith(500, canary),
		func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }} {
		server := httptest.NewServer(serve)
		for _, url := range []string{server.URL, server.URL + "/" + words, closed.URL, "https://" + strings.TrimPrefix(secure.URL, "https://"), "https://10.0.0.1/", "https://no.such.host.invalid/"} {
			for _, text := range []string{canary, canary + "\r\nX: y", canary + "\x00", ""} {
				k, w := newKit(t)
				w.secrets["aurora/test/tools/s"] = text
				k.PrivateHosts = []string{hostPort(server), hostPort(closed), strings.TrimPrefix(secure.URL, "https://")}
				s := testScope()
				s.CallID = ""
				s.Assistant.Tools = []aurora.HTTPTool{{Name: "x", URL: url, Secret: "s", TimeoutMs: 2000}}
				s.Assistant.MCPServers = []aurora.MCPServer{{URL: url, Secret: "s"}}
				for _, tool := range k.ForScope(t.Context(), s) {
					if tool.Name != "x" {
						continue
					}
					out, err := callTool(t, tool, `{"a":"`+words+`"}`)
					fmt.Fprintln(&said, out.Content, err)
				}
				k.guard.transport.CloseIdleConnections()
			}
		}
		server.Close()
	}
	if strings.Contains(said.String(), canary) || strings.Contains(log.String(), canary) {
		t.Error("the secret is out")
	}
	if strings.Contains(log.String(), words) || strings.Contains(log.String(), string(caller)) {
		t.Error("the log holds what a caller said, or a whole number")
	}
	if !strings.Contains(log.String(), "an MCP server does not say") {
		t.Error("nothing was logged, so this test proves nothing")
	}
}
