package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/textapi"
	"example.com/aurora/shared/usecase/textmessage"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// backends are the stores of one case.
type backends struct {
	*testkit.Assistants
	listed  map[aurora.Phone]bool
	queued  []json.RawMessage
	reports []string
	// what does not answer
	listDown, queueDown bool
}

func (b *backends) ByTextKey(context.Context, string) (aurora.Assistant, error) {
	return aurora.Assistant{}, fault.New(fault.NotFound, "There is no such assistant.").WithCode("assistant_not_found")
}

func (b *backends) AddDoNotCall(_ context.Context, n aurora.Phone, _ string) error {
	if b.listDown {
		return errors.New("the table does not answer")
	}
	b.listed[n] = true
	return nil
}

func (b *backends) RemoveDoNotCall(_ context.Context, n aurora.Phone) (bool, error) {
	was := b.listed[n]
	delete(b.listed, n)
	return was, nil
}

func (b *backends) SendToGroup(_ context.Context, body, _, _ string) error {
	if b.queueDown {
		return errors.New("the queue does not answer")
	}
	b.queued = append(b.queued, json.RawMessage(body))
	return nil
}

func (b *backends) RecordTextReport(_ context.Context, r aurora.TextReport) (string, bool, error) {
	b.reports = append(b.reports, fmt.Sprintf("%s is %s (%d)", r.SID, r.Status, r.ErrorCode))
	return "riley", true, nil
}

func TestCases(t *testing.T) {
	eventtest.Run(t, "message-incoming", func(t *testing.T, c *eventcase.Case, event json.RawMessage) eventtest.Observed {
		testkit.DiscardLog(t)
		var given struct {
			PublicURL string   `yaml:"publicURL"` // the setting PUBLIC_URL
			Listed    []string `yaml:"listed"`    // on the do-not-call list before
			Down      string   `yaml:"down"`      // what does not answer: list, queue or assistants
		}
		if err := c.Setup(&given); err != nil {
			t.Fatal(err)
		}
		b := &backends{Assistants: testkit.NewAssistants(aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "riley", AssistantPhoneNumber: "+15551230100"}}),
			listed: map[aurora.Phone]bool{}, listDown: given.Down == "list", queueDown: given.Down == "queue"}
		if given.Down == "assistants" {
			b.Err = fault.New(fault.Unavailable, "The assistants cannot be read now.").WithCode("store_unavailable")
		}
		for _, n := range given.Listed {
			b.listed[aurora.Phone(n)] = true
		}
		client := twilio.New(twilio.Options{Credentials: func(context.Context) (string, error) {
			return `{"accountSid":"AC00000000000000000000000000000001","authToken":"0123456789abcdef0123456789abcdef"}`, nil
		}})
		f := serve(textapi.MessageHandler(client, &textmessage.Receiver{Assistants: b, DoNotCallList: b, Queue: b}, given.PublicURL),
			textapi.StatusHandler(client, &textmessage.StatusReceiver{Reports: b, DoNotCallList: b}, given.PublicURL))
		o := eventtest.Invoke(t, f, event)
		var listed []string
		for n := range b.listed {
			listed = append(listed, string(n))
		}
		slices.Sort(listed)
		o.Effects = map[string]any{"queued": b.queued, "listed": listed, "reports": b.reports}
		return o
	})
}
