package sqs

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/core/safego"
)

// Message is one message of a batch.
type Message struct {
	ID           string
	Body         string
	Attributes   map[string]string // string attributes alone
	ReceiveCount string            // how often SQS has handed it out, this time included
}

const (
	maxParallel    = 8               // records at work at once
	deadlineMargin = 2 * time.Second // kept before the function is killed; the context's deadline is the kill itself
)

// Consume serves a batch: handle is called for every message, several at once, and the messages whose handle failed,
// panicked or was not begun in time are reported as failed, alone.
func Consume(handle func(ctx context.Context, m Message) error) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		if deadline, ok := ctx.Deadline(); ok {
			soft, cancel := context.WithDeadline(ctx, deadline.Add(-deadlineMargin))
			defer cancel()
			ctx = soft
		}
		errs := safego.Each(ctx, len(batch.Records), maxParallel, func(i int) error { return handle(ctx, newMessage(batch.Records[i])) })
		response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		for i, err := range errs {
			if err == nil {
				continue
			}
			m := newMessage(batch.Records[i])
			slog.ErrorContext(ctx, "message failed", "event", "message.failed", "messageId", m.ID, "receives", m.ReceiveCount, "error", err)
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.ID})
		}
		return response, nil
	}
}

// newMessage reads one record of a batch.
func newMessage(record events.SQSMessage) Message {
	m := Message{ID: record.MessageId, Body: record.Body, ReceiveCount: record.Attributes["ApproximateReceiveCount"], Attributes: map[string]string{}}
	for name, attribute := range record.MessageAttributes {
		if attribute.StringValue != nil {
			m.Attributes[name] = *attribute.StringValue
		}
	}
	return m
}
