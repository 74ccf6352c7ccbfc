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
	check(t, "timeout", tool.Timeout, 1500*time.Millisecond)
	check(t, "filler", tool.Filler, "One moment.")
	check(t, "description", tool.Description, "Books.")
	if err := tool.Validate(json.RawMessage(`{"day":"x"}`)); !fault.Is(err, fault.Invalid) || fault.From(err).Param != "day" {
		t.Errorf("error of invalid arguments = %v, want invalid for day", err)
	}
	in := agent.Invocation{ID: "t1", Arguments: json.RawMessage(`{"day":12345678901234567890}`)}
	out, err := tool.Run(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	check(t, "content", out.Content, `{"ok":true,"said":"[redacted]"}`)
	check(t, "body", string(body), `{"arguments":{"day":12345678901234567890},"assistantId":"a1","call":{"id":"call-1"},"name":"book","toolCallId":"t1"}`)
	for name, want := range map[string]string{"Authorization": "Bearer the-bearer-secret", "Content-Type": "application/json", "Accept-Encoding": "",
		"Idempotency-Key": idempotencyKey(s, "book", in)} {
		check(t, name, header.Get(name), want)
	}
}

// TestFault24HTTPToolFailures: everything that a server may do wrong.
func TestFault24HTTPToolFailures(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 10 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	release := make(chan struct{})
	for name, c := range map[string]struct {
		serve        http.HandlerFunc
		content      string
		errorMessage string     // a part of the error's message; "" for success
		kind         fault.Kind // of the error
	}{
		"text":               {serve: respondWith(200, "Nine o'clock."), content: "Nine o'clock."},
		"no content":         {serve: respondWith(204, ""), content: "Done."},
		"500":                {serve: respondWith(500, "stack trace"), errorMessage: "The tool failed (status 500).", kind: fault.Upstream},
		"a 4xx message":      {serve: respondWith(422, "The day is in the past."), content: "Error: The tool failed (status 422). The day is in the past."},
		"a long 4xx message": {serve: respondWith(400, strings.Repeat("x", 9000)), content: "Error: The tool failed (status 400). " + strings.Repeat("x", 500)},
		"not UTF-8":          {serve: respondWith(200, "a\xff\xfeb"), content: "ab"},
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
		}, errorMessage: "The tool failed: its answer was compressed, which was not asked for.", kind: fault.Upstream},
		"endless headers": {serve: func(w http.ResponseWriter, _ *http.Request) {
			for i := range 2000 {
				w.Header().Set(fmt.Sprintf("X-%d", i), strings.Repeat("z", 100))
			}
		}, errorMessage: "its answer was lost", kind: fault.Timeout},
		"a cut response": {serve: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
			panic(http.ErrAbortHandler)
		}, errorMessage: "its answer was lost", kind: fault.Timeout},
		"hangs before the response": {serve: func(_ http.ResponseWriter, r *http.Request) { waitForEnd(r, release) }, errorMessage: "did not answer in time", kind: fault.Timeout},
		"hangs within the response": {serve: func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			waitForEnd(r, release)
		}, errorMessage: "did not answer in time", kind: fault.Timeout},
	} {
		t.Run(name, func(t *testing.T) {
			k, _ := newKit(t)
			server := httptest.NewServer(c.serve)
			defer server.Close()
			k.PrivateHosts = []string{hostPort(server)}
			out, err := callTool(t, newHTTPTool(t, k, aurora.HTTPTool{Name: "x", URL: server.URL, TimeoutMs: 300}), `{}`)
			if out.Content != c.content {
				t.Errorf("content = %.100q, want %.100q", out.Content, c.content)
			}
			if c.errorMessage == "" && err != nil || c.errorMessage != "" && (!fault.Is(err, c.kind) || !strings.Contains(fault.From(err).Message, c.errorMessage)) {
				t.Errorf("error = %v, want %q of kind %v", err, c.errorMessage, c.kind)
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
	_, _ = io.Copy(io.Discard, r.Body) // until then the server does not notice that its client has gone
	select {
	case <-r.Context().Done():
	case <-release:
	}
}

// TestSecretsAreNotLeaked: whatever goes wrong, neither log nor error nor result holds a secret, and the log does not hold
// the caller's words (security.md A11).
func TestSecretsAreNotLeaked(t *testing.T) {
	const canary, words = "canary-7d1f0c2a9b", "my-own-words-44"
	log := testkit.CaptureLog(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	secure := httptest.NewTLSServer(respondWith(200, "ok"))
	defer secure.Close()
	secure.Config.ErrorLog = nil
	var results strings.Builder
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
					fmt.Fprintln(&results, out.Content, err)
				}
				k.guard.transport.CloseIdleConnections()
			}
		}
		server.Close()
	}
	if strings.Contains(results.String(), canary) {
		t.Error("a result or an error holds the secret")
	}
	for what, text := range map[string]string{"the secret": canary, "the caller's words": words, "the caller's number": string(caller)} {
		if strings.Contains(log.String(), text) {
			t.Errorf("the log holds %s", what)
		}
	}
	if !strings.Contains(log.String(), "mcp.list_failed") {
		t.Error("nothing was logged, so this test proves nothing")
	}
}
