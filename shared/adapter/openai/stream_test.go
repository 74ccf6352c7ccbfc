package openai

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/agent"
	"pgregory.net/rapid"
)

// sampleStream is a complete stream with everything that a server may send.
var sampleStream = []byte(": ping\n\n" + `data: {"id":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}` + "\n\n" +
	sseEvent(`{"role":"assistant","content":""}`, "null") + sseEvent(`{"content":"Grüße \u2028\n\ndata: {\"error\":1}"}`, "null") + "event: x\r\ndata:" +
	strings.TrimPrefix(sseEvent(`{"content":" 😀"}`, "null"), "data: ") + sseEvent(`{"refusal":"no"}`, "null") +
	sseEvent(`{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{"}},{"index":1,"id":"c2","function":{"name":"g"}}]}`, "null") +
	sseEvent(`{"tool_calls":[{"id":"c1","function":{"arguments":"}"}}]}`, "null") + sseEvent(`{}`, `"tool_calls"`) +
	`data: {"id":"c","model":"gpt-4o","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}` + "\n\ndata: [DONE]\n\n")

// FuzzStream cuts a stream into packets at any place: the chunks are the same. If the stream ends early, they are the first of
// the same chunks.
func FuzzStream(f *testing.F) {
	want, err := collect((&fakeTransport{answer: streaming(bytes.NewReader(sampleStream))}).newModel(Limits{}), helloRequest)
	if err != nil || len(want) != 10 || textOf(want) != "Grüße \u2028\n\ndata: {\"error\":1} 😀" || want[7].FinishReason != "tool_calls" || want[8].Usage.TotalTokens != 4 {
		f.Fatalf("the uncut stream gave %d chunks %+v, %v", len(want), want, err)
	}
	f.Add([]byte{}, uint16(len(sampleStream)))
	f.Add(bytes.Repeat([]byte{1}, len(sampleStream)), uint16(len(sampleStream)))
	f.Add([]byte{13, 0, 255, 7}, uint16(500))
	f.Fuzz(func(t *testing.T, lengths []byte, end uint16) {
		part := sampleStream[:min(int(end), len(sampleStream))]
		got, err := collect((&fakeTransport{answer: streaming(&packetReader{left: splitStream(bytes.Clone(part), lengths)})}).newModel(Limits{}), helloRequest)
		if err != nil || len(got) > len(want) || !reflect.DeepEqual(got, want[:len(got):len(got)]) && len(got) > 0 {
			t.Fatalf("got %+v, %v; want the first of %+v", got, err, want)
		}
		if len(part) == len(sampleStream) && len(got) != len(want) {
			t.Fatalf("%d chunks of the whole stream, want %d", len(got), len(want))
		}
	})
}

// FuzzHostileStream checks that any input leads to chunks, or to a fault that holds none of the server's text.
func FuzzHostileStream(f *testing.F) {
	f.Add([]byte("{\"error\":{\"message\":\"CANARY\"}}\n"), []byte{3})
	f.Add([]byte("data: {\"choices\":[{\"delta\":{\"content\":5}}]}\n\n"), []byte{})
	f.Add([]byte("data: {\"choices\":[{\"finish_reason\":\"error\"}]}\n\n"), []byte{1, 2})
	f.Fuzz(func(t *testing.T, body, lengths []byte) {
		_, err := collect((&fakeTransport{answer: streaming(&packetReader{left: splitStream(bytes.Clone(body), lengths)})}).newModel(Limits{}), helloRequest)
		if err != nil && codeOf(err) != "upstream_error" {
			t.Fatal(err)
		}
		if err != nil && strings.Contains(err.Error(), "CANARY") {
			t.Fatalf("the log would show the server's text: %v", err)
		}
	})
}

// An error event ends the stream, wherever the packets are cut, and no part of it is passed on.
func TestErrorEventAcrossAnySplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		space := rapid.SampledFrom([]string{"", " ", "\t", "  "})
		bad := "data:" + space.Draw(t, "before") + "{" + space.Draw(t, "inside") + `"error"` + space.Draw(t, "after") + `: {"message":"CANARY"}}`
		good := strings.Repeat(sseEvent(`{"content":"a"}`, "null"), rapid.IntRange(0, 3).Draw(t, "good"))
		end := rapid.SampledFrom([]string{"", "\n", "\n\n", "\r\n\r\n", "\n\n" + sseEvent(`{"content":"never"}`, `"stop"`)}).Draw(t, "end")
		s := []byte(good + bad + end)
		var lengths []byte
		for range rapid.IntRange(0, 40).Draw(t, "cuts") {
			lengths = append(lengths, byte(rapid.IntRange(0, 50).Draw(t, "n")))
		}
		w := &fakeTransport{answer: func(int, *http.Request) *http.Response {
			return response(200, &packetReader{left: splitStream(bytes.Clone(s), lengths)})
		}}
		chunks, err := collect(w.newModel(Limits{Backoff: time.Nanosecond}), helloRequest)
		if codeOf(err) != "upstream_error" || strings.Contains(err.Error(), "CANARY") || textOf(chunks) != strings.Repeat("a", strings.Count(good, "data:")) {
			t.Fatalf("text %q and error %v; want only the text before the error event, and upstream_error", textOf(chunks), err)
		}
	})
}

// TestEventForms writes the same answer in every form that the standard of server-sent events allows, and cuts it into
// packets anywhere. The text is always the same.
func TestEventForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		newline := rapid.SampledFrom([]string{"\n", "\r", "\r\n"}).Draw(t, "newline")
		noise := rapid.SampledFrom([]string{"", "", ": ping", "event: message", "id: 7", "retry: 10", "unknown", "unknown: {\"error\":1}", "data"})
		breaks := []string{`,`, `[`, `{`, `:`}
		var b strings.Builder
		if rapid.Bool().Draw(t, "mark") {
			b.WriteString("\ufeff")
		}
		want := ""
		for i := range rapid.IntRange(1, 5).Draw(t, "events") {
			word := rapid.SampledFrom([]string{"a", " b", "data: {", "ü", "\\n"}).Draw(t, "word")
			want += strings.ReplaceAll(word, "\\n", "\n")
			event := fmt.Sprintf(`{"error":null,"id":"c","choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}`, word)
			if rapid.Bool().Draw(t, "lines") { // several data lines: a line break between two tokens
				at := rapid.SampledFrom(breaks).Draw(t, "break")
				if !strings.Contains(word, at) {
					event = strings.ReplaceAll(event, at, at+newline+"data:")
				}
			}
			for range rapid.IntRange(0, 2).Draw(t, "noise") {
				b.WriteString(noise.Draw(t, "line") + newline)
			}
			b.WriteString("data:" + rapid.SampledFrom([]string{"", " "}).Draw(t, "space") + event + newline)
			if i > 0 || rapid.Bool().Draw(t, "blank") { // some servers end an event with one line break only
				b.WriteString(newline)
			}
		}
		b.WriteString("data: [DONE]" + rapid.SampledFrom([]string{"", newline, newline + newline}).Draw(t, "end"))
		var lengths []byte
		for range rapid.IntRange(0, 40).Draw(t, "cuts") {
			lengths = append(lengths, byte(rapid.IntRange(0, 50).Draw(t, "n")))
		}
		chunks, err := collect((&fakeTransport{answer: streaming(&packetReader{left: splitStream([]byte(b.String()), lengths)})}).newModel(Limits{}), helloRequest)
		if err != nil || textOf(chunks) != want || !slices.ContainsFunc(chunks, func(c agent.Chunk) bool { return c.Ended }) {
			t.Fatalf("%q: text %q, error %v; want %q and the end", b.String(), textOf(chunks), err, want)
		}
	})
}

// TestWholeAnswers has servers that answer a request for a stream in one piece, under any content type.
func TestWholeAnswers(t *testing.T) {
	whole := `{"id":"x","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Whole."},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(whole))
	_ = z.Close()
	for name, c := range map[string]struct {
		body   string
		header []string
	}{
		"JSON": {whole, []string{"Content-Type", "application/json"}}, "in lines": {"\r\n" + strings.ReplaceAll(whole, ",", ",\n  "), []string{"Content-Type", "TEXT/Event-Stream"}},
		"with a byte order mark": {"\ufeff" + whole, []string{"Content-Type", ""}}, "compressed": {zipped.String(), []string{"Content-Encoding", "gzip"}},
		"a stream in lower-case JSON": {sseEvent(`{"content":"Whole."}`, `"stop"`) + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2,\"total_tokens\":3}}\n\n", []string{"Content-Type", "application/json"}},
	} {
		w := &fakeTransport{answer: func(int, *http.Request) *http.Response { return response(200, strings.NewReader(c.body), c.header...) }}
		got, err := agent.Complete(t.Context(), w.newModel(Limits{}), helloRequest)
		if err != nil || got.Text != "Whole." || got.FinishReason != "stop" || got.Usage.TotalTokens != 3 {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, body := range map[string]string{"a page": "<html>Welcome</html>", "nothing": "", "half": whole[:80], "a list": `[]`, "no choices": `{"ok":true}`} {
		w := &fakeTransport{answer: func(int, *http.Request) *http.Response { return response(200, strings.NewReader(body)) }}
		if got, err := agent.Complete(t.Context(), w.newModel(Limits{Backoff: time.Nanosecond}), helloRequest); codeOf(err) != "upstream_error" && got.Text != "" {
			t.Errorf("%s: %+v, %v; want upstream_error", name, got, err)
		}
	}
}

// TestErrorsInsideStreams has servers that answer 200 and report an error in the stream. Before the first word it means what
// the same error means as a status.
func TestErrorsInsideStreams(t *testing.T) {
	for event, want := range map[string]struct {
		code  string
		tries int
	}{
		`{"error":{"code":429,"message":"slow down"},"user_id":"u"}`:                       {"rate_limit_exceeded", 3},
		`{"error":{"code":"429","message":"slow down"}}`:                                   {"rate_limit_exceeded", 3},
		`{"id":"x","choices":[],"error":{"type":"rate_limit_error"}}`:                      {"rate_limit_exceeded", 3},
		`{"error":{"code":402,"message":"Insufficient credits"}}`:                          {"upstream_quota", 1},
		`{"error":{"code":"insufficient_quota"}}`:                                          {"upstream_quota", 1},
		`{"error":{"code":401}}`:                                                           {"upstream_auth", 1},
		`{"error":{"status":"UNAVAILABLE","code":503}}`:                                    {"upstream_error", 3},
		`{"type":"error","error":{"type":"overloaded_error"}}`:                             {"upstream_error", 3},
		`{"error":{"code":"context_length_exceeded","type":"invalid_request_error"}}`:      {"context_length_exceeded", 1},
		`{"error":"the model crashed"}`:                                                    {"upstream_error", 2},
		`{"object":"error","message":"x","code":400,"error":{"code":400,"message":"bad"}}`: {"upstream_refused", 1},
	} {
		for name, before := range map[string]string{"at once": ": ping\n\n", "after the role": sseEvent(`{"role":"assistant","content":""}`, "null")} {
			stream := before + "data: " + event + "\n\ndata: [DONE]\n\n"
			w := &fakeTransport{answer: func(int, *http.Request) *http.Response { return response(200, strings.NewReader(stream)) }}
			if _, err := collect(w.newModel(Limits{Backoff: time.Nanosecond}), helloRequest); codeOf(err) != want.code || len(w.at) != want.tries {
				t.Errorf("%s, %s: code %q after %d tries; want %q after %d", event, name, codeOf(err), len(w.at), want.code, want.tries)
			}
		}
		w := &fakeTransport{answer: streaming(strings.NewReader(sseEvent(`{"content":"Half"}`, "null") + "data: " + event + "\n\n"))}
		if chunks, err := collect(w.newModel(Limits{}), helloRequest); textOf(chunks) != "Half" || codeOf(err) != want.code || len(w.at) != 1 {
			t.Errorf("%s after a word: text %q, code %q after %d tries; want %q and no other try", event, textOf(chunks), codeOf(err), len(w.at), want.code)
		}
	}
}

// TestThinking checks that a model which thinks for longer than the first word may take is waited for where the request says
// so, and that the request's own limit counts.
func TestThinking(t *testing.T) {
	thought := []byte(sseEvent(`{"content":null,"reasoning_content":"Hm."}`, "null"))
	for name, c := range map[string]struct {
		wait  bool
		limit time.Duration
		code  string
		after time.Duration
	}{
		"waited for":               {wait: true, after: 24 * time.Second},
		"not waited for":           {code: "upstream_timeout", after: 10 * time.Second},
		"limit of the request":     {limit: 5 * time.Second, code: "upstream_timeout", after: 5 * time.Second},
		"longer limit, no waiting": {limit: 30 * time.Second, after: 24 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &fakeTransport{answer: func(_ int, r *http.Request) *http.Response {
					return response(200, &packetReader{left: [][]byte{thought, thought, []byte(sseEvent(`{"content":"Yes."}`, `"stop"`))}, wait: 8 * time.Second, hold: r.Context()})
				}}
				request := helloRequest
				request.WaitWhileThinking, request.FirstTokenTimeout = c.wait, c.limit
				start := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), 24*time.Second)
				defer cancel()
				chunks, err := collectWithContext(ctx, w.newModel(Limits{}), request)
				if c.code == "" && textOf(chunks) != "Yes." || c.code != "" && codeOf(err) != c.code || time.Since(start) != c.after {
					t.Errorf("text %q, error %v after %v; want code %q after %v", textOf(chunks), err, time.Since(start), c.code, c.after)
				}
			})
		})
	}
}

// Fault 27: the idle timer runs while we wait for the server, and not while the reader is slow.
func TestSlowReaderDoesNotTimeOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &fakeTransport{answer: streaming(&packetReader{left: [][]byte{[]byte(sseEvent(`{"content":"a"}`, "null")), []byte(sseEvent(`{"content":"b"}`, "null")), []byte(sseEvent(`{}`, `"stop"`))}})}
		n := 0
		for _, err := range w.newModel(Limits{}).Stream(t.Context(), helloRequest) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			<-time.After(time.Hour)
		}
		if n != 3 {
			t.Errorf("%d chunks, want 3", n)
		}
	})
}

// Faults 9 and 10, to the second.
func TestTimeouts(t *testing.T) {
	first, word := sseEvent(`{"role":"assistant","content":""}`, "null"), sseEvent(`{"content":"a"}`, "null")
	for name, c := range map[string]struct {
		body  func(ctx context.Context) io.Reader // nil is no headers
		text  string
		after time.Duration
	}{
		"no headers": {after: 10 * time.Second},
		"a role and no word": {after: 10 * time.Second, body: func(ctx context.Context) io.Reader {
			return &packetReader{left: [][]byte{[]byte(first)}, hold: ctx}
		}},
		"comments and no word": {after: 10 * time.Second, body: func(ctx context.Context) io.Reader {
			return &packetReader{left: splitStream(bytes.Repeat([]byte(": ping\n\n"), 100), bytes.Repeat([]byte{8}, 99)), wait: 3 * time.Second, hold: ctx}
		}},
		"a word and no more": {text: "a", after: 15 * time.Second, body: func(ctx context.Context) io.Reader {
			return &packetReader{left: [][]byte{[]byte(first), []byte(word)}, hold: ctx}
		}},
		"words each 9 seconds": {text: "aaa", after: 42 * time.Second, body: func(ctx context.Context) io.Reader {
			return &packetReader{left: [][]byte{[]byte(word), []byte(word), []byte(word)}, wait: 9 * time.Second, hold: ctx}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &fakeTransport{answer: func(_ int, r *http.Request) *http.Response {
					if c.body == nil {
						return nil
					}
					return response(200, c.body(r.Context()))
				}}
				start := time.Now()
				chunks, err := collectWithContext(t.Context(), w.newModel(Limits{}), helloRequest)
				if codeOf(err) != "upstream_timeout" || textOf(chunks) != c.text || time.Since(start) != c.after {
					t.Errorf("text %q, error %v after %v; want %q, upstream_timeout after %v", textOf(chunks), err, time.Since(start), c.text, c.after)
				}
			})
		})
	}
}

func TestCallerDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		w := &fakeTransport{answer: func(_ int, r *http.Request) *http.Response {
			return response(200, &packetReader{left: [][]byte{[]byte(sseEvent(`{"content":"a"}`, "null"))}, hold: r.Context()})
		}}
		chunks, err := collectWithContext(ctx, w.newModel(Limits{}), helloRequest)
		if codeOf(err) != "upstream_timeout" || textOf(chunks) != "a" {
			t.Errorf("text %q, error %v; want a, upstream_timeout", textOf(chunks), err)
		}
	})
}

// Servers send comments while a model thinks. They are not text, and many of them are not an error.
func TestManyComments(t *testing.T) {
	s := strings.Repeat(": thinking\n\n", 1000) + sseEvent(`{"content":"a"}`, `"stop"`)
	chunks, err := collect((&fakeTransport{answer: streaming(strings.NewReader(s))}).newModel(Limits{}), helloRequest)
	if err != nil || textOf(chunks) != "a" {
		t.Errorf("text %q, error %v; want a, no error", textOf(chunks), err)
	}
}

func TestBrokenConnection(t *testing.T) {
	w := &fakeTransport{answer: streaming(&packetReader{left: [][]byte{[]byte(sseEvent(`{"content":"a"}`, "null"))}, err: errors.New("read tcp 10.0.0.1: connection reset by peer")})}
	chunks, err := collect(w.newModel(Limits{}), helloRequest)
	if codeOf(err) != "upstream_error" || textOf(chunks) != "a" {
		t.Errorf("text %q, error %v; want a, upstream_error", textOf(chunks), err)
	}
}

func TestConsumerThatStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requestContext context.Context
		w := &fakeTransport{answer: func(_ int, r *http.Request) *http.Response {
			requestContext = r.Context()
			return response(200, &packetReader{left: [][]byte{[]byte(sseEvent(`{"content":"a"}`, "null"))}, hold: r.Context()})
		}}
		for range w.newModel(Limits{}).Stream(t.Context(), helloRequest) {
			break
		}
		synctest.Wait()
		if requestContext.Err() == nil {
			t.Error("the request goes on after its consumer stopped; want its context canceled")
		}
	})
}

func TestKeyUnavailable(t *testing.T) {
	m := New(Options{Transport: &fakeTransport{}, Key: func(context.Context) (string, error) { return "", errors.New("arn:aws:secret") }})
	_, err := collect(m, helloRequest)
	if codeOf(err) != "upstream_auth" {
		t.Errorf("error = %v, want upstream_auth", err)
	}
}
