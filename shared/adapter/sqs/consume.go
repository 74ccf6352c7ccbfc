package sqs

import (
	"context"
	"errors"
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
	return newConsumer(handle, func(ctx context.Context, messages []Message, run func(i int) error) []error {
		return safego.Each(ctx, len(messages), maxParallel, run)
	})
}

// errNotHandled is the error of a message whose turn did not come: an earlier one of its group failed, or the time was over.
var errNotHandled = errors.New("not handled: an earlier message of its group failed, or the time was over")

// ConsumeInOrder returns a Lambda handler for a FIFO queue. It calls handle for the messages of a group one after the other, in
// order, and for several groups at the same time. After a message that failed it handles no more of its group, and reports
// them as failed too.
func ConsumeInOrder(handle func(ctx context.Context, m Message) error) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return newConsumer(handle, func(ctx context.Context, messages []Message, run func(i int) error) []error {
		errs := make([]error, len(messages))
		var groups [][]int // the messages of each group
		at := map[string]int{}
		for i, m := range messages {
			errs[i] = errNotHandled
			if _, ok := at[m.Group]; !ok {
				at[m.Group], groups = len(groups), append(groups, nil)
			}
			groups[at[m.Group]] = append(groups[at[m.Group]], i)
		}
		safego.Each(ctx, len(groups), maxParallel, func(g int) error {
			for _, i := range groups[g] {
				if ctx.Err() != nil {
					break
				}
				errs[i] = safego.Call(func() error { return run(i) })
				safego.LogPanic(ctx, errs[i])
				if errs[i] != nil {
					break
				}
			}
			return nil
		})
		return errs
	})
}

// newConsumer returns a Lambda handler that reports the messages as failed for which each returns an error.
func newConsumer(handle func(ctx context.Context, m Message) error,
	each func(ctx context.Context, messages []Message, run func(i int) error) []error,
) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
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
		errs := each(ctx, messages, func(i int) error { return handle(contexts[i], messages[i]) })
		response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		for i, err := range errs {
			if err == nil {
				continue
			}
			m := messages[i]
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.ID})
			if errors.Is(err, errNotHandled) {
				slog.InfoContext(contexts[i], "message left for later", "event", "message.postponed", "messageId", m.ID, "reason", err)
				continue
			}
			metric.CountFailure(contexts[i], "MessageFailed", err)
			slog.ErrorContext(contexts[i], "message failed", "event", "message.failed", "messageId", m.ID, "receives", m.ReceiveCount, "error", err)
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
