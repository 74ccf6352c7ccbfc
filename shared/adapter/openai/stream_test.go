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

// stream is a whole one, with everything in it that a server may send.
var stream = []byte(": ping\n\n" + `data: {"id":"","choices":[],"prompt_filter_results":[{"prompt_index":0}]}` + "\n\n" +
	event(`{"role":"assistant","content":""}`, "null") + event(`{"content":"Grüße \u2028\n\ndata: {\"error\":1}"}`, "null") + "event: x\r\ndata:" +
	strings.TrimPrefix(event(`{"content":" 😀"}`, "null"), "data: ") + event(`{"refusal":"no"}`, "null") +
	event(`{"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{"}},{"index":1,"id":"c2","function":{"name":"g"}}]}`, "null") +
	event(`{"tool_calls":[{"id":"c1","function":{"arguments":"}"}}]}`, "null") + event(`{}`, `"tool_calls"`) +
	`data: {"id":"c","model":"gpt-4o","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}` + "\n\ndata: [DONE]\n\n")

// FuzzStream cuts a stream into packets in any way: the chunks are the same. Where it is also cut short, they are the
// beginning of the same.
func FuzzStream(f *testing.F) {
	want, err := collect((&wire{answer: streaming(bytes.NewReader(stream))}).model(Limits{}), hello)
	if err != nil || len(want) != 9 || words(want) != "Grüße \u2028\n\ndata: {\"error\":1} 😀" || want[7].FinishReason != "tool_calls" || want[8].Usage.TotalTokens != 4 {
		f.Fatalf("%d chunks %+v, %v", len(want), want, err)
	}
	f.Add([]byte{}, uint16(len(stream)))
	f.Add(bytes.Repeat([]byte{1}, len(stream)), uint16(len(stream)))
	f.Add([]byte{13, 0, 255, 7}, uint16(500))
	f.Fuzz(func(t *testing.T, lengths []byte, end uint16) {
		part := stream[:min(int(end), len(stream))]
		got, err := collect((&wire{answer: streaming(&pieces{left: cut(bytes.Clone(part), lengths)})}).model(Limits{}), hello)
		if err != nil || len(got) > len(want) || !reflect.DeepEqual(got, want[:len(got):len(got)]) && len(got) > 0 {
			t.Fatalf("got %+v, %v", got, err)
		}
		if len(part) == len(stream) && len(got) != len(want) {
			t.Fatalf("%d chunks", len(got))
		}
	})
}

// FuzzHostileStream: whatever a server sends, there are chunks or a fault with none of its words.
func FuzzHostileStream(f *testing.F) {
	f.Add([]byte("{\"error\":{\"message\":\"CANARY\"}}\n"), []byte{3})
	f.Add([]byte("data: {\"choices\":[{\"delta\":{\"content\":5}}]}\n\n"), []byte{})
	f.Add([]byte("data: {\"choices\":[{\"finish_reason\":\"error\"}]}\n\n"), []byte{1, 2})
	f.Fuzz(func(t *testing.T, body, lengths []byte) {
		_, err := collect((&wire{answer: streaming(&pieces{left: cut(bytes.Clone(body), lengths)})}).model(Limits{}), hello)
		if err != nil && codeOf(err) != "upstream_error" {
			t.Fatal(err)
		}
		if err != nil && strings.Contains(err.Error(), "CANARY") {
			t.Fatalf("the log would hold %v", err)
		}
	})
}

// An error event ends the stream wherever the packets are cut, and nothing of it gets through.
func TestErrorEventAcrossAnySplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		space := rapid.SampledFrom([]string{"", " ", "\t", "  "})
		bad := "data:" + space.Draw(t, "before") + "{" + space.Draw(t, "inside") + `"error"` + space.Draw(t, "after") + `: {"message":"CANARY"}}`
		good := strings.Repeat(event(`{"content":"a"}`, "null"), rapid.IntRange(0, 3).Draw(t, "good"))
		end := rapid.SampledFrom([]string{"", "\n", "\n\n", "\r\n\r\n", "\n\n" + event(`{"content":"never"}`, `"stop"`)}).Draw(t, "end")
		s := []byte(good + bad + end)
		var lengths []byte
		for range rapid.IntRange(0, 40).Draw(t, "cuts") {
			lengths = append(lengths, byte(rapid.IntRange(0, 50).Draw(t, "n")))
		}
		chunks, err := collect((&wire{answer: streaming(&pieces{left: cut(s, lengths)})}).model(Limits{}), hello)
		if end == "" && len(bad) < headLength { // a line that is cut short is no event; the turn calls it broken off
			return
		}
		if codeOf(err) != "upstream_error" || strings.Contains(err.Error(), "CANARY") || words(chunks) != strings.Repeat("a", strings.Count(good, "data:")) {
			t.Fatalf("%q, %v", words(chunks), err)
		}
	})
}

// The reader sees exactly the bytes before the event.
func TestBodyPassesEverythingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.SampledFrom([]string{"data: {\"error", "data: {\"errors\":1}", "data: {}", "", ": {\"error\"", "data:{ \"e", "xdata: {\"error\"", "data: [\"error\"]", strings.Repeat("y", 100)})
		var s []byte
		for range rapid.IntRange(0, 6).Draw(t, "lines") {
			s = append(append(s, line.Draw(t, "line")...), '\n')
		}
		b := newBody(io.NopCloser(&pieces{left: cut(bytes.Clone(s), []byte(rapid.StringN(0, 20, -1).Draw(t, "cuts")))}), func(error) {}, time.Hour)
		got, err := io.ReadAll(b)
		if err != nil || !bytes.Equal(got, s) {
			t.Fatalf("got %q, %v, want %q", got, err, s)
		}
		_ = b.Close()
	})
}

// Row 27: the timer runs while the server is waited for, and not while the reader takes its time.
func TestASlowReaderIsNoStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &wire{answer: streaming(&pieces{left: [][]byte{[]byte(event(`{"content":"a"}`, "null")), []byte(event(`{"content":"b"}`, "null")), []byte(event(`{}`, `"stop"`))}})}
		n := 0
		for _, err := range w.model(Limits{}).Stream(t.Context(), hello) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			<-time.After(time.Hour)
		}
		if n != 3 {
			t.Errorf("%d chunks", n)
		}
	})
}

// Row 9 and 10, to the second.
func TestTimes(t *testing.T) {
	first, word := event(`{"role":"assistant","content":""}`, "null"), event(`{"content":"a"}`, "null")
	for name, c := range map[string]struct {
		body  func(ctx context.Context) io.Reader // nil is no headers
		text  string
		after time.Duration
	}{
		"no headers": {after: 10 * time.Second},
		"a role and no word": {after: 10 * time.Second, body: func(ctx context.Context) io.Reader {
			return &pieces{left: [][]byte{[]byte(first)}, hold: ctx}
		}},
		"comments and no word": {after: 10 * time.Second, body: func(ctx context.Context) io.Reader {
			return &pieces{left: cut(bytes.Repeat([]byte(": ping\n\n"), 100), bytes.Repeat([]byte{8}, 99)), wait: 3 * time.Second, hold: ctx}
		}},
		"a word and no more": {text: "a", after: 15 * time.Second, body: func(ctx context.Context) io.Reader {
			return &pieces{left: [][]byte{[]byte(first), []byte(word)}, hold: ctx}
		}},
		"words each 9 seconds": {text: "aaa", after: 42 * time.Second, body: func(ctx context.Context) io.Reader {
			return &pieces{left: [][]byte{[]byte(word), []byte(word), []byte(word)}, wait: 9 * time.Second, hold: ctx}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &wire{answer: func(_ int, r *http.Request) *http.Response {
					if c.body == nil {
						return nil
					}
					return response(200, c.body(r.Context()))
				}}
				start := time.Now()
				chunks, err := collectIn(t.Context(), w.model(Limits{}), hello)
				if codeOf(err) != "upstream_timeout" || words(chunks) != c.text || time.Since(start) != c.after {
					t.Errorf("%q, %v after %v", words(chunks), err, time.Since(start))
				}
			})
		})
	}
}

func TestTheCallersDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		w := &wire{answer: func(_ int, r *http.Request) *http.Response {
			return response(200, &pieces{left: [][]byte{[]byte(event(`{"content":"a"}`, "null"))}, hold: r.Context()})
		}}
		chunks, err := collectIn(ctx, w.model(Limits{}), hello)
		if codeOf(err) != "upstream_timeout" || words(chunks) != "a" {
			t.Errorf("%q, %v", words(chunks), err)
		}
	})
}

// Servers send comments while a model thinks; they are no words and no reason to give up.
func TestManyComments(t *testing.T) {
	s := strings.Repeat(": thinking\n\n", 1000) + event(`{"content":"a"}`, `"stop"`)
	chunks, err := collect((&wire{answer: streaming(strings.NewReader(s))}).model(Limits{}), hello)
	if err != nil || words(chunks) != "a" {
		t.Errorf("%q, %v", words(chunks), err)
	}
}

func TestABrokenConnection(t *testing.T) {
	w := &wire{answer: streaming(&pieces{left: [][]byte{[]byte(event(`{"content":"a"}`, "null"))}, err: errors.New("read tcp 10.0.0.1: connection reset by peer")})}
	chunks, err := collect(w.model(Limits{}), hello)
	if codeOf(err) != "upstream_error" || words(chunks) != "a" {
		t.Errorf("%q, %v", words(chunks), err)
	}
}

func TestAConsumerWhoStops(t *testing.T) {
	closed := make(chan struct{})
	w := &wire{answer: func(_ int, r *http.Request) *http.Response {
		resp := response(200, &pieces{left: [][]byte{[]byte(event(`{"content":"a"}`, "null"))}, hold: r.Context()})
		context.AfterFunc(r.Context(), func() { close(closed) })
		return resp
	}}
	for range w.model(Limits{}).Stream(context.Background(), hello) {
		break
	}
	<-closed // the request's context ends with the stream
}

func TestTheKeyIsAway(t *testing.T) {
	m := New(Options{Transport: &wire{}, Key: func(context.Context) (string, error) { return "", errors.New("arn:aws:secret") }})
	_, err := collect(m, hello)
	if codeOf(err) != "upstream_auth" {
		t.Errorf("error = %v", err)
	}
}
