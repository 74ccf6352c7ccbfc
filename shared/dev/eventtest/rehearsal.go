package eventtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/golden"
	"example.com/aurora/shared/dev/openapi"
	"example.com/aurora/shared/transport/completions"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/chat"
)

// The keys of the event files, and the model's, which nobody may ever see.
const (
	Key      = "aur_api_0123456789abcdef0123456789abcdef"
	modelKey = "sk-canary-0123456789abcdef"
)

// Function is what a serve.go makes.
type Function func(endpoint *completions.Handler, keys auth.KeySource) *web.Function

// Events plays every event of a function, and compares its answer, what the model was asked, and what the tools did
// with what a person looked at. in is the context of an invocation.
func Events(t *testing.T, name string, in context.Context, f Function) {
	golden.Events(t, name, func(t *testing.T, name string, event json.RawMessage) {
		seen := Play(t, in, f, event)
		golden.JSON(t, name, seen)
		openapi.CheckEvent(t, event, seen.Status, seen.header, seen.raw)
	})
}

// Seen is what came of an event.
type Seen struct {
	Status      int               `json:"status"`
	ContentType string            `json:"contentType"`
	Stream      []string          `json:"stream,omitempty"`
	Body        json.RawMessage   `json:"body,omitempty"`
	Did         []string          `json:"did,omitempty"`
	Asked       []json.RawMessage `json:"asked,omitempty"`

	header http.Header
	raw    []byte
}

// Play sends one event through a function.
func Play(t *testing.T, in context.Context, f Function, event json.RawMessage) Seen {
	t.Helper()
	double := fakeopenai.Serve(t, script)
	notes := &notes{once: map[string]string{}}
	answer, err := f(endpoint(double.URL, notes), keys()).Invoke(in, event)
	if err != nil {
		t.Fatal(err)
	}
	seen := read(t, answer)
	seen.Did = notes.did
	seen.ContentType = seen.header.Get("Content-Type")
	if strings.HasPrefix(seen.ContentType, "text/event-stream") {
		seen.Stream = strings.Split(strings.TrimSuffix(string(seen.raw), "\n\n"), "\n\n")
	} else {
		seen.Body = seen.raw
	}
	for _, asked := range double.Requests() {
		seen.Asked = append(seen.Asked, named(t, asked.Raw))
	}
	if bytes.Contains(seen.raw, []byte(modelKey)) {
		t.Error("the model's key is in the answer")
	}
	return seen
}

// named is a request to the model with its tools by name: what each says of itself is its own package's affair.
func named(t *testing.T, request []byte) json.RawMessage {
	t.Helper()
	var fields map[string]json.RawMessage
	var offered struct {
		Tools []struct{ Function struct{ Name string } }
	}
	if err := errors.Join(json.Unmarshal(request, &fields), json.Unmarshal(request, &offered)); err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(offered.Tools))
	for i, tool := range offered.Tools {
		names[i] = tool.Function.Name
	}
	if fields["tools"] != nil {
		fields["tools"] = encode(t, names)
	}
	return encode(t, fields)
}

func encode(t *testing.T, v any) json.RawMessage {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// now is Saturday evening in New York, and Sunday in UTC.
func now() time.Time { return time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC) }

// endpoint is everything behind a function.
func endpoint(model string, n *notes) *completions.Handler {
	pool := &openai.Pool{Options: openai.Options{BaseURL: model,
		Limits: openai.Limits{FirstByte: 5 * time.Second, Idle: 5 * time.Second, Backoff: time.Millisecond},
		Key:    func(context.Context) (string, error) { return modelKey, nil }}}
	return &completions.Handler{
		Service: &chat.Service{
			Assistants: assistants{},
			Chain: func(refs []aurora.ModelRef) agent.Model {
				all := make([]aurora.ModelRef, len(refs))
				for i, r := range refs {
					all[i] = aurora.ModelRef{Model: r.Model}
				}
				return pool.Chain(all)
			},
			DefaultModels: []string{"gpt-4o"},
			Tools:         n.kit(),
			Sessions:      n,
			Now:           now,
		},
		Now:   now,
		NewID: func() string { return "chatcmpl-1" },
	}
}

type secrets struct{}

func (secrets) Secret(context.Context, string) (string, error) { return `["` + Key + `"]`, nil }

func keys() auth.KeySource {
	return &auth.KeyStore{Secrets: secrets{}, SecretNames: map[auth.KeyKind]string{auth.KindAPI: "api"}}
}

// response is a function's answer as Lambda reads it: whole, or before a stream.
type response struct {
	StatusCode        int
	Headers           map[string]string
	MultiValueHeaders http.Header
	Body              string
	IsBase64Encoded   bool
}

// read reads an answer off its wire form: JSON, or where it streams JSON, eight NUL bytes and the body.
func read(t *testing.T, answer any) Seen {
	t.Helper()
	wire, err := []byte(nil), error(nil)
	if stream, ok := answer.(io.Reader); ok {
		wire, err = io.ReadAll(stream)
	} else {
		wire, err = json.Marshal(answer)
	}
	if err != nil {
		t.Fatal(err)
	}
	head, body, streamed := bytes.Cut(wire, make([]byte, 8))
	var r response
	if err := json.Unmarshal(head, &r); err != nil {
		t.Fatalf("%v in %.300q", err, wire)
	}
	if !streamed {
		body = []byte(r.Body)
		if r.IsBase64Encoded {
			if body, err = base64.StdEncoding.DecodeString(r.Body); err != nil {
				t.Fatal(err)
			}
		}
	}
	header := http.Header{}
	for name, value := range r.Headers {
		header.Set(name, value)
	}
	for name, values := range r.MultiValueHeaders {
		for _, value := range values {
			header.Set(name, value)
		}
	}
	return Seen{Status: r.StatusCode, header: header, raw: body}
}
