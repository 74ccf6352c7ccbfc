package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/textmessage"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// backends are the model, the guard, Twilio and the store of one case.
type backends struct {
	mu   sync.Mutex
	sent []string
}

func (b *backends) LoadTexts(context.Context, *aurora.TextConversation) error { return nil }
func (b *backends) SaveTexts(context.Context, *aurora.TextConversation) error { return nil }
func (b *backends) RememberText(context.Context, string, string) error        { return nil }
func (b *backends) AddDoNotCall(context.Context, aurora.Phone, string) error  { return nil }
func (b *backends) RemoveDoNotCall(context.Context, aurora.Phone) (bool, error) {
	return false, nil
}

func (b *backends) TakeTurn(_ context.Context, turn textmessage.Turn) (textmessage.Answer, error) {
	if strings.Contains(turn.Text, "poison") {
		return textmessage.Answer{}, fault.New(fault.Upstream, "The model failed.")
	}
	return textmessage.Answer{Text: "You said: " + strings.ReplaceAll(turn.Text, "\n", " / "), Messages: json.RawMessage(`[]`)}, nil
}

func (b *backends) CheckNumber(context.Context, contact.Channel, aurora.Phone, aurora.Assistant) error {
	return nil
}
func (b *backends) CheckDoNotCall(context.Context, contact.Channel, aurora.Phone) error { return nil }
func (b *backends) SendText(ctx context.Context, _ contact.Text, send func(context.Context) error) error {
	return send(ctx)
}

// provider is Twilio.
type provider struct{ *backends }

func (p provider) SendText(_ context.Context, m aurora.OutgoingText) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, fmt.Sprintf("%s to %s: %s", m.From, m.To, m.Body))
	return "SM00000000000000000000000000000099", nil
}

func (p provider) FindSentText(context.Context, aurora.OutgoingText, time.Time, []string) (string, error) {
	return "", nil
}

func TestCases(t *testing.T) {
	eventtest.Run(t, "message-worker", func(t *testing.T, _ *eventcase.Case, raw json.RawMessage) eventtest.Observed {
		testkit.DiscardLog(t)
		var batch events.SQSEvent
		if err := json.Unmarshal(raw, &batch); err != nil {
			t.Fatal(err)
		}
		b := &backends{}
		w := &textmessage.Worker{Assistants: testkit.NewAssistants(aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "riley", AssistantName: "Riley"}}),
			Conversations: b, Engine: b, Contacts: b, Provider: provider{b}, DoNotCallList: b, Now: time.Now, Wait: func(context.Context, time.Duration) bool { return false }}
		response, err := sqs.ConsumeGroups(serve(w))(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(b.sent) // people are answered at the same time
		var failed []int
		for i, m := range batch.Records {
			if slices.ContainsFunc(response.BatchItemFailures, func(f events.SQSBatchItemFailure) bool { return f.ItemIdentifier == m.MessageId }) {
				failed = append(failed, i+1)
			}
		}
		return eventtest.Observed{Effects: map[string]any{"sent": b.sent, "failed": failed}}
	})
}
