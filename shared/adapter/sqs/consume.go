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
	Group        string            // of a FIFO queue
	ReceiveCount string            // how often SQS has delivered it, including this time
}

const (
	maxParallel    = 8               // messages that are handled at the same time
	deadlineMargin = 2 * time.Second // before the context's deadline, at which Lambda kills the function
)

// Consume returns a Lambda handler that calls handle for every message of a batch, several at the same time. It reports the
// messages as failed whose handle returned an error, panicked or was not started in time, and no others.
func Consume(handle func(ctx context.Context, m Message) error) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return newConsumer(func(ctx context.Context, contexts []context.Context, messages []Message) []error {
		return safego.Each(ctx, len(messages), maxParallel, func(i int) error { return handle(contexts[i], messages[i]) })
	})
}

// ConsumeGroups returns a Lambda handler for a FIFO queue. It calls handle with the messages of each group, which are in order,
// for several groups at the same time. handle returns an error for each message that failed. If it panics or is not started in
// time, all messages of the group have failed.
func ConsumeGroups(handle func(ctx context.Context, group []Message) []error) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return newConsumer(func(ctx context.Context, contexts []context.Context, messages []Message) []error {
		var groups [][]int // the messages of each group
		at := map[string]int{}
		for i, m := range messages {
			if _, ok := at[m.Group]; !ok {
				at[m.Group], groups = len(groups), append(groups, nil)
			}
			groups[at[m.Group]] = append(groups[at[m.Group]], i)
		}
		errs := make([]error, len(messages))
		failed := safego.Each(ctx, len(groups), maxParallel, func(g int) error {
			group := make([]Message, len(groups[g]))
			for n, i := range groups[g] {
				group[n] = messages[i]
			}
			for n, err := range handle(contexts[groups[g][0]], group) {
				errs[groups[g][n]] = err
			}
			return nil
		})
		for g, err := range failed {
			for _, i := range groups[g] {
				if err != nil {
					errs[i] = err
				}
			}
		}
		return errs
	})
}

// newConsumer returns a Lambda handler that reports the messages as failed for which handle returns an error. Each message has a
// context of its own.
func newConsumer(handle func(ctx context.Context, contexts []context.Context, messages []Message) []error) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		if deadline, ok := ctx.Deadline(); ok {
			soft, cancel := context.WithDeadline(ctx, deadline.Add(-deadlineMargin))
			defer cancel()
			ctx = soft
		}
		contexts := make([]context.Context, len(batch.Records)) // each message is about a call of its own
		messages := make([]Message, len(batch.Records))
		for i, record := range batch.Records {
			contexts[i], messages[i] = logfields.New(ctx), newMessage(record)
		}
		response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		for i, err := range handle(ctx, contexts, messages) {
			if err == nil {
				continue
			}
			m := messages[i]
			metric.CountFailure(contexts[i], "MessageFailed", err)
			slog.ErrorContext(contexts[i], "message failed", "event", "message.failed", "messageId", m.ID, "receives", m.ReceiveCount, "error", err)
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.ID})
		}
		return response, nil
	}
}

// newMessage reads one record of a batch.
func newMessage(record events.SQSMessage) Message {
	m := Message{ID: record.MessageId, Body: record.Body, ReceiveCount: record.Attributes["ApproximateReceiveCount"], Group: record.Attributes["MessageGroupId"], Attributes: map[string]string{}}
	for name, attribute := range record.MessageAttributes {
		if attribute.StringValue != nil {
			m.Attributes[name] = *attribute.StringValue
		}
	}
	return m
}
