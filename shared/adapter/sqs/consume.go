package sqs

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/safego"
)

// Message is one message of a batch.
type Message struct {
	ID           string
	Body         string
	Attributes   map[string]string // only those of type string
	ReceiveCount string            // how often SQS has delivered it, including this time
}

const (
	maxParallel    = 8               // messages that are handled at the same time
	deadlineMargin = 2 * time.Second // before the context's deadline, at which Lambda kills the function
)

// Consume returns a Lambda handler that calls handle for every message of a batch, several at the same time. It reports the
// messages as failed whose handle returned an error, panicked or was not started in time, and no others.
func Consume(handle func(ctx context.Context, m Message) error) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		if deadline, ok := ctx.Deadline(); ok {
			soft, cancel := context.WithDeadline(ctx, deadline.Add(-deadlineMargin))
			defer cancel()
			ctx = soft
		}
		contexts := make([]context.Context, len(batch.Records)) // each message is about a call of its own
		for i := range contexts {
			contexts[i] = logfields.New(ctx)
		}
		errs := safego.Each(ctx, len(batch.Records), maxParallel, func(i int) error { return handle(contexts[i], newMessage(batch.Records[i])) })
		response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		for i, err := range errs {
			if err == nil {
				continue
			}
			m := newMessage(batch.Records[i])
			metric.CountFailure(contexts[i], "MessageFailed", err)
			slog.ErrorContext(contexts[i], "message failed", "event", "message.failed", "messageId", m.ID, "receives", m.ReceiveCount, "error", err)
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
