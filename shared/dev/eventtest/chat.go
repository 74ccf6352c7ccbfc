package eventtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"example.com/aurora/shared/adapter/openai"
	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/completions"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/chat"
)

// APIKey is the key in the cases of the chat functions.
const APIKey = "aur_api_0123456789abcdef0123456789abcdef"

// modelKey is the key of the model. No answer may contain it.
const modelKey = "sk-canary-0123456789abcdef"

// RunChat sends the cases of a chat function to it. It observes the answer, the effects of the tools, and the requests to
// the model (modelRequests), with the tools that were offered by their names.
func RunChat(t *testing.T, function string, newFunction func(endpoint *completions.Handler, keys auth.KeySource) *web.Function) {
	t.Helper()
	Run(t, function, func(t *testing.T, _ *eventcase.Case, event json.RawMessage) Observed {
		model := fakeopenai.Serve(t, script)
		b := &backend{once: map[string]string{}}
		o := Invoke(t, newFunction(newHandler(model.URL, b), chatKeys()), event)
		if bytes.Contains(o.Body, []byte(modelKey)) {
			t.Error("the answer contains the model's key")
		}
		var requests []json.RawMessage
		for _, r := range model.Requests() {
			requests = append(requests, withToolNames(t, r.Raw))
		}
		o.Effects = map[string]any{"effects": b.effects, "modelRequests": requests}
		return o
	})
}

// withToolNames returns a request to the model in which each tool is only its name: the tools' own tests compare their
// descriptions.
func withToolNames(t *testing.T, request []byte) json.RawMessage {
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

// chatTime is Saturday evening in New York, and Sunday in UTC.
func chatTime() time.Time { return time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC) }

// NewChatHandler returns the handler of the chat functions over a model at an address, with the assistants of the cases.
func NewChatHandler(modelURL string) *completions.Handler {
	return newHandler(modelURL, &backend{once: map[string]string{}})
}

// newHandler is NewChatHandler with a backend that notes effects.
func newHandler(modelURL string, b *backend) *completions.Handler {
	pool := &openai.Pool{Options: openai.Options{BaseURL: modelURL,
		Limits: openai.Limits{FirstByte: 5 * time.Second, Idle: 5 * time.Second, Backoff: time.Millisecond},
		Key:    func(context.Context) (string, error) { return modelKey, nil }}}
	return &completions.Handler{
		Service: &chat.Service{
			Assistants: testkit.NewAssistants(riley, avery),
			Chain: func(refs []aurora.ModelRef) agent.Model {
				all := make([]aurora.ModelRef, len(refs))
				for i, r := range refs {
					all[i] = aurora.ModelRef{Model: r.Model}
				}
				return pool.Chain(all)
			},
			DefaultModels: []string{"gpt-4o"},
			Tools:         b.tools(),
			Sessions:      b,
			Now:           chatTime,
		},
		Now:    chatTime,
		NewID:  func() string { return "chatcmpl-1" },
		Models: []string{"gpt-4o"},
	}
}

func chatKeys() auth.KeySource {
	return &auth.KeyStore{Now: time.Now, Secrets: testkit.EverySecret(`["` + APIKey + `"]`), SecretNames: map[auth.KeyKind]string{auth.KindAPI: "api"}}
}
