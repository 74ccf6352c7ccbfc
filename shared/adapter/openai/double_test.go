package openai

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// fakeTransport answers requests without a network, so that a test decides what each read of a body returns, and when.
type fakeTransport struct {
	answer func(n int, r *http.Request) *http.Response
	bodies [][]byte
	heads  []http.Header
	at     []time.Time
}

func (w *fakeTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	w.bodies, w.heads, w.at = append(w.bodies, b), append(w.heads, r.Header), append(w.at, time.Now())
	if resp := w.answer(len(w.at)-1, r); resp != nil {
		return resp, nil
	}
	<-r.Context().Done() // nil from answer: the server never answers
	return nil, r.Context().Err()
}

func (w *fakeTransport) newModel(limits Limits) *Model {
	return New(Options{BaseURL: "http://model.invalid/v1", Transport: w, Limits: limits, Key: func(context.Context) (string, error) { return "sk-canary", nil }})
}

func response(status int, body io.Reader, header ...string) *http.Response {
	h := http.Header{"Content-Type": {"text/event-stream"}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(body)}
}

func streaming(body io.Reader) func(int, *http.Request) *http.Response {
	return func(int, *http.Request) *http.Response { return response(200, body) }
}

// packetReader is a body whose reads return one piece each, like the packets of a connection.
type packetReader struct {
	left [][]byte
	wait time.Duration   // before each piece
	hold context.Context // after the last piece the body stays open until this ends; nil means that it ends at once
	err  error           // returned at the end instead of io.EOF
}

func (p *packetReader) Read(b []byte) (int, error) {
	for len(p.left) > 0 && len(p.left[0]) == 0 {
		p.left = p.left[1:]
	}
	if len(p.left) == 0 {
		if p.hold != nil {
			<-p.hold.Done()
			return 0, p.hold.Err()
		}
		if p.err != nil {
			return 0, p.err
		}
		return 0, io.EOF
	}
	if p.wait > 0 {
		select {
		case <-time.After(p.wait):
		case <-p.hold.Done():
			return 0, p.hold.Err()
		}
	}
	n := copy(b, p.left[0])
	p.left[0] = p.left[0][n:]
	return n, nil
}

// splitStream splits a stream into pieces of these lengths and the rest.
func splitStream(s []byte, lengths []byte) [][]byte {
	var out [][]byte
	for _, n := range lengths {
		n := min(int(n), len(s))
		out, s = append(out, s[:n]), s[n:]
	}
	return append(out, s)
}

func sseEvent(delta, finish string) string {
	return `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finish + "}]}\n\n"
}

func collect(m *Model, r agent.ModelRequest) (chunks []agent.Chunk, err error) {
	return collectWithContext(context.Background(), m, r)
}

func collectWithContext(ctx context.Context, m *Model, r agent.ModelRequest) (chunks []agent.Chunk, err error) {
	for c, streamErr := range m.Stream(ctx, r) {
		if streamErr != nil {
			return chunks, streamErr
		}
		chunks = append(chunks, c)
	}
	return chunks, nil
}

func textOf(chunks []agent.Chunk) string {
	var b strings.Builder
	for _, c := range chunks {
		b.WriteString(c.Text)
	}
	return b.String()
}

func codeOf(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Code
	}
	return ""
}

var helloRequest = agent.ModelRequest{Model: "gpt-4o", Messages: []agent.Message{{Role: agent.RoleUser, Content: "Hi"}}}

func BenchmarkStream(b *testing.B) {
	const tokens = 200
	stream := []byte(sseEvent(`{"role":"assistant","content":""}`, "null") + strings.Repeat(sseEvent(`{"content":" word"}`, "null"), tokens) + sseEvent(`{}`, `"stop"`) + "data: [DONE]\n\n")
	m := (&fakeTransport{answer: func(int, *http.Request) *http.Response { return response(200, bytes.NewReader(stream)) }}).newModel(Limits{})
	b.ReportAllocs()
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		n := 0
		for c, err := range m.Stream(context.Background(), helloRequest) {
			if err != nil {
				b.Fatal(err)
			}
			if c.Text != "" {
				n++
			}
		}
		if n != tokens {
			b.Fatalf("%d pieces of text, want %d", n, tokens)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tokens), "ns/token")
}
