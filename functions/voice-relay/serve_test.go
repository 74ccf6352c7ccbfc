package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/fakephone"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/phoneturn"
	"example.com/aurora/shared/transport/relayapi"
	"example.com/aurora/shared/usecase/phonecall"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const (
	sid      = "CA00000000000000000000000000000001"
	relayURL = "wss://relay.example.com/live"
)

// gateway records what the function sends to Twilio, and the tasks that it leaves.
type gateway struct {
	mu     sync.Mutex
	sent   []json.RawMessage
	tasks  []string
	reject error
}

func (g *gateway) Send(_ context.Context, _ string, message []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.reject == nil {
		g.sent = append(g.sent, message)
	}
	return g.reject
}

// tasks is the queue of phone tasks.
type tasks struct{ *gateway }

func (q tasks) Send(_ context.Context, task aurora.PhoneTask, delay time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tasks = append(q.tasks, fmt.Sprintf("%s after %s", task.Kind, delay))
	return nil
}

// relay is the function with its stores.
type relay struct {
	*relayapi.Handler
	store        *fakephone.Store
	gateway      *gateway
	conversation *phoneturn.Conversation
}

func newRelay(modelURL string) *relay {
	r := &relay{gateway: &gateway{}, store: fakephone.NewStore(aurora.RelayToken{Token: "token-1", CallSID: sid, AssistantID: "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4", Greeting: "Harbor Dental, how can I help?"})}
	client := twilio.New(twilio.Options{Credentials: func(context.Context) (string, error) {
		return `{"accountSid":"AC00000000000000000000000000000001","authToken":"0123456789abcdef0123456789abcdef"}`, nil
	}})
	n := 0
	r.conversation = &phoneturn.Conversation{Service: eventtest.NewChatHandler(modelURL).Service}
	r.Handler = &relayapi.Handler{Verifier: client, RelayURL: relayURL, Now: time.Now, Engine: &phonecall.Engine{
		Store: r.store, Sender: relayapi.Sender{Connections: r.gateway}, Tasks: tasks{r.gateway}, Account: client.AccountSID, Now: time.Now,
		Conversation: r.conversation,
		NewID:        func() string { n++; return fmt.Sprint("id-", n) },
	}}
	return r
}

// invoke sends an event to the function and returns the status.
func (r *relay) invoke(t *testing.T, event json.RawMessage) int {
	t.Helper()
	answer, err := r.Invoke(eventtest.Context(t), event)
	if err != nil || answer.Body != "" {
		t.Fatalf("%v, body %q; want neither", err, answer.Body)
	}
	return answer.StatusCode
}

// send sends a whole event, perhaps changed.
func (r *relay) send(t *testing.T, name string, change func(*events.APIGatewayWebsocketProxyRequest)) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "events", "voice-relay", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		var e events.APIGatewayWebsocketProxyRequest
		if err := json.Unmarshal(text, &e); err != nil {
			t.Fatal(err)
		}
		change(&e)
		if text, err = json.Marshal(e); err != nil {
			t.Fatal(err)
		}
	}
	return r.invoke(t, text)
}

// frames returns what was sent, as one text.
func (r *relay) frames() string {
	r.gateway.mu.Lock()
	defer r.gateway.mu.Unlock()
	var all []string
	for _, f := range r.gateway.sent {
		all = append(all, string(f))
	}
	return strings.Join(all, " ")
}

// words returns all words that were sent.
func (r *relay) words(t *testing.T) string {
	t.Helper()
	words := ""
	for _, f := range r.gateway.sent {
		var frame struct{ Token string }
		if err := json.Unmarshal(f, &frame); err != nil {
			t.Fatal(err)
		}
		words += frame.Token
	}
	return words
}

// TestCases sends the messages before, and then the case's event.
func TestCases(t *testing.T) {
	eventtest.Run(t, "voice-relay", func(t *testing.T, c *eventcase.Case, event json.RawMessage) eventtest.Observed {
		testkit.DiscardLog(t)
		var given struct {
			Before []string `yaml:"before"` // whole events
		}
		if err := c.Setup(&given); err != nil {
			t.Fatal(err)
		}
		model := fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Text("We ", "open ", "at nine.") })
		r := newRelay(model.URL)
		for _, name := range given.Before {
			r.send(t, name, nil)
		}
		r.gateway.sent, r.gateway.tasks = nil, nil
		status := r.invoke(t, event)
		call, _, err := r.store.Call(t.Context(), sid)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := r.store.Turns(t.Context(), sid)
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, turn := range call.Conversation(stored) {
			said = append(said, turn.Role+": "+turn.Text)
		}
		return eventtest.Observed{Effects: map[string]any{"answer": status, "sent": r.gateway.sent, "tasks": r.gateway.tasks, "said": said, "connection": call.ConnectionID, "keys": call.Digits}}
	})
}

func TestHandshake(t *testing.T) {
	testkit.DiscardLog(t)
	r := newRelay("http://127.0.0.1:1")
	signature := "" // the right one
	r.send(t, "connect", func(e *events.APIGatewayWebsocketProxyRequest) { signature = e.Headers["X-Twilio-Signature"] })
	headers := func(values map[string][]string) func(*events.APIGatewayWebsocketProxyRequest) {
		return func(e *events.APIGatewayWebsocketProxyRequest) {
			e.Headers, e.MultiValueHeaders = map[string]string{}, values
			for name, all := range values {
				e.Headers[name] = all[len(all)-1]
			}
		}
	}
	for name, c := range map[string]struct {
		change func(*events.APIGatewayWebsocketProxyRequest)
		want   int
	}{
		"as Twilio sends it":   {nil, 200},
		"in lower case":        {headers(map[string][]string{"x-twilio-signature": {signature}}), 200},
		"in upper case":        {headers(map[string][]string{"X-TWILIO-SIGNATURE": {signature}}), 200},
		"single headers alone": {func(e *events.APIGatewayWebsocketProxyRequest) { e.MultiValueHeaders = nil }, 200},
		"another domain and stage, as behind a domain of one's own": {func(e *events.APIGatewayWebsocketProxyRequest) {
			e.RequestContext.DomainName, e.RequestContext.Stage = "other.example.com", "x"
		}, 200},
		"no signature":     {headers(nil), 403},
		"an empty one":     {headers(map[string][]string{"X-Twilio-Signature": {""}}), 403},
		"a wrong one":      {headers(map[string][]string{"X-Twilio-Signature": {"x" + signature}}), 403},
		"two signatures":   {headers(map[string][]string{"X-Twilio-Signature": {"x", signature}}), 403},
		"in two spellings": {headers(map[string][]string{"X-Twilio-Signature": {signature}, "x-twilio-signature": {"x"}}), 403},
	} {
		if got := r.send(t, "connect", c.change); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	r.Verifier = twilio.New(twilio.Options{Credentials: func(context.Context) (string, error) {
		return "", fault.New(fault.Unavailable, "The secret cannot be read.")
	}})
	if got := r.send(t, "connect", nil); got != 503 {
		t.Errorf("without the account's token: %d, want 503", got)
	}
}
