package openai

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
	if err != nil || len(want) != 9 || textOf(want) != "Grüße \u2028\n\ndata: {\"error\":1} 😀" || want[7].FinishReason != "tool_calls" || want[8].Usage.TotalTokens != 4 {
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
		chunks, err := collect((&fakeTransport{answer: streaming(&packetReader{left: splitStream(s, lengths)})}).newModel(Limits{}), helloRequest)
		if end == "" && len(bad) < sniffLength { // an incomplete line is not an event: the stream just ends
			return
		}
		if codeOf(err) != "upstream_error" || strings.Contains(err.Error(), "CANARY") || textOf(chunks) != strings.Repeat("a", strings.Count(good, "data:")) {
			t.Fatalf("text %q and error %v; want only the text before the error event, and upstream_error", textOf(chunks), err)
		}
	})
}

// Everything that is not an error event passes unchanged.
func TestBodyPassesOtherBytesUnchanged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SampledFrom([]string{"data: {\"error", "data: {\"errors\":1}", "data: {}", "", ": {\"error\"", "data:{ \"e", "xdata: {\"error\"", "data: [\"error\"]", strings.Repeat("y", 100)})
		var s []byte
		for range rapid.IntRange(0, 6).Draw(t, "lines") {
			s = append(append(s, line.Draw(t, "line")...), '\n')
		}
		b := newErrorSniffingBody(io.NopCloser(&packetReader{left: splitStream(bytes.Clone(s), []byte(rapid.StringN(0, 20, -1).Draw(t, "cuts")))}), func(error) {}, time.Hour)
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, s) {
			t.Fatalf("read %q, %v; want %q", got, err, s)
		}
		_ = b.Close()
	})
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
