// Package textwiring builds the worker that answers text messages, and lets the chat use case answer them.
package textwiring

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/transport/chatwiring"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/modelwiring"
	"example.com/aurora/shared/transport/smstext"
	"example.com/aurora/shared/usecase/chat"
	"example.com/aurora/shared/usecase/textmessage"
)

// ReadWorker reads the settings of the function that answers text messages. It also returns the connections that the first
// answer needs.
func ReadWorker(s *lambdaapp.Settings) (*textmessage.Worker, []lambdaapp.Connection) {
	settings := chatwiring.ReadServiceSettings(s)
	perMinute, perDay := s.PositiveInt("LIMIT_SMS_REPLIES_PER_MINUTE", 20), s.PositiveInt("LIMIT_SMS_REPLIES_PER_DAY", 200)
	contacts := settings.Tools().Contacts()
	if contacts == nil { // without the rules nothing may be sent, so there is no use in starting
		s.Reject("the limits of text messages", errors.New("one of them is invalid; the log line before says which one"))
		return nil, nil
	}
	contacts.Limits.RepliesToNumberPerMinute, contacts.Limits.RepliesToNumberPerDay = int64(perMinute), int64(perDay)
	service, connections := settings.NewService(modelwiring.Timing{})
	service.DoNotCallList, service.Sessions = nil, nil // opt-outs are read when a message comes in; the worker stores the conversation
	ledger := settings.Tools().LedgerTable
	phone, _ := settings.Tools().Twilio()
	return &textmessage.Worker{
		Assistants:    settings.Tools().Assistants,
		Conversations: dynamo.NewTexts(lambdaapp.AWSConfig, ledger, time.Now),
		Engine:        &Engine{Service: service},
		Contacts:      contacts,
		Provider:      phone,
		DoNotCallList: dynamo.NewLedger(lambdaapp.AWSConfig, ledger, time.Now),
		Now:           time.Now,
		Wait:          wait,
	}, connections
}

// wait waits, and reports whether the context lasted that long.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Engine answers with the chat use case, in the form of a text message.
type Engine struct {
	Service interface {
		Turn(ctx context.Context, r chat.Request) (*chat.Turn, error)
	}
}

// principal is the caller of turns that Twilio leads to, for limits.
var principal = auth.Principal{ID: "twilio", Name: "twilio"}

const (
	// turnTimeout leaves the rest of the function's time to the sending of the answer.
	turnTimeout = 40 * time.Second
	// maxUnits is Twilio's limit for one message: https://www.twilio.com/docs/api/errors/21617
	maxUnits = 1600
)

// errEmptyAnswer is why a fallback message is sent if the model has said nothing.
var errEmptyAnswer = fault.New(fault.Upstream, "The model gave no answer.").WithCode("empty_answer")

// TakeTurn implements textmessage.Engine.
func (e *Engine) TakeTurn(ctx context.Context, t textmessage.Turn) (a textmessage.Answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	history, err := decodeHistory(t.History)
	if err != nil {
		return a, err
	}
	user := agent.Message{Role: agent.RoleUser, Content: t.Text}
	turn, err := e.Service.Turn(ctx, chat.Request{
		Channel:           chat.SMS,
		TargetAssistantID: t.AssistantID,
		Messages:          []agent.Message{user},
		Session: &chat.Session{ID: t.ID, CallerPhoneNumber: string(t.Person), AssistantID: t.AssistantID, ActiveAgent: t.ActiveAgent,
			ContextVariables: t.Variables, ClientManaged: true, Messages: history},
		Principal: principal,
		Hash:      t.ID,
	})
	if err != nil {
		return a, err
	}
	defer turn.Settle(ctx)
	var fallback error
	defer func() {
		turn.RecordEnd(ctx, chat.Delivery{CompletionID: t.ID, Fallback: fallback, Err: err})
	}()
	end, err := chat.Collect(turn.Events)
	if err != nil {
		return a, err
	}
	messages := append([]agent.Message{user}, end.End.Messages...)
	limit := min(turn.SMSLimit(), maxUnits)
	a.Text = smstext.Format(end.End.Text, limit)
	if a.Text == "" {
		fallback = errEmptyAnswer
		metric.CountFailure(ctx, "TurnGivenUp", errEmptyAnswer)
		a.Text = smstext.Format(turn.FallbackMessage(textmessage.DefaultFallback), limit)
		messages = append(messages, agent.Message{Role: agent.RoleAssistant, Content: a.Text, Sender: end.Session.ActiveAgent})
	}
	a.ActiveAgent, a.Variables = end.Session.ActiveAgent, end.Session.ContextVariables
	if a.Messages, err = json.Marshal(messages); err != nil {
		return a, fmt.Errorf("write turn: %w", err)
	}
	return a, nil
}

// decodeHistory reads the messages of earlier turns.
func decodeHistory(turns []json.RawMessage) (history []agent.Message, err error) {
	for _, turn := range turns {
		messages, err := chat.DecodeMessages(turn, "history", func(_ string, err error) error { return err })
		if err != nil {
			return nil, fmt.Errorf("read history: %w", err)
		}
		history = append(history, messages...)
	}
	return history, nil
}
