package completions

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"runtime"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/web"
)

// wordModel returns a model that says a word n times. Its chunks are allocated before the measurement.
func wordModel(n int) scriptedModel {
	chunks := make([]agent.Chunk, n, n+1)
	for i := range chunks {
		chunks[i] = agent.Chunk{Text: " word", Model: "gpt-4o"}
	}
	return scriptedModel{chunks: append(chunks, agent.Chunk{FinishReason: "stop"})}
}

// readStream sends an event through web.Function and reads the response as Lambda's runtime does. It returns the number of
// server-sent events.
func readStream(tb testing.TB, f *web.Function, event json.RawMessage, buf []byte) (sent int) {
	v, err := f.Invoke(context.Background(), event)
	if err != nil {
		tb.Fatal(err)
	}
	body := v.(*events.APIGatewayProxyStreamingResponse).Body
	for breaks := 0; ; {
		n, err := body.Read(buf)
		breaks += bytes.Count(buf[:n], []byte("\n"))
		if err == io.EOF {
			return breaks / 2
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func newStreamingFunction(tb testing.TB, n int) (*web.Function, json.RawMessage) {
	f := &web.Function{Policy: auth.BearerPolicy, MaxBody: web.MaxCallBody, Stream: true, Routes: []web.Route{{Method: "POST", Path: "/p", Handler: newHandler(wordModel(n)).ServeGeneral}}}
	event, err := json.Marshal(map[string]any{"httpMethod": "POST", "path": "/p", "body": `{"stream":true,` + hiMessages + `}`,
		"requestContext": map[string]any{"authorizer": map[string]any{"keyId": "k"}}})
	if err != nil {
		tb.Fatal(err)
	}
	return f, event
}

func BenchmarkStreamToken(b *testing.B) {
	f, event := newStreamingFunction(b, b.N)
	buf := make([]byte, 4096)
	b.ReportAllocs()
	b.ResetTimer()
	if sent := readStream(b, f, event, buf); sent != b.N+2 {
		b.Fatalf("%d events of %d tokens, want two more", sent, b.N)
	}
}

// A token must cost no allocation on its way from the model's chunk to the reader of the response.
func TestAllocationsPerToken(t *testing.T) {
	buf := make([]byte, 4096)
	allocations := func(n int) uint64 {
		f, event := newStreamingFunction(t, n)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if sent := readStream(t, f, event, buf); sent != n+2 {
			t.Fatalf("%d events of %d tokens, want two more", sent, n)
		}
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs
	}
	allocations(100) // what is allocated once
	few, many := allocations(1000), allocations(11_000)
	if per := float64(many-few) / 10_000; many > few && per > 0.5 {
		t.Errorf("%.2f allocations per token, want 0", per)
	}
}
