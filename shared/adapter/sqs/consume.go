package sqs

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
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
		failed := make([]bool, len(batch.Records))
		slots := make(chan struct{}, maxParallel)
		var wg sync.WaitGroup
		for i, record := range batch.Records {
			select {
			case slots <- struct{}{}:
			case <-ctx.Done():
			}
			if ctx.Err() != nil {
				failed[i] = true
				slog.WarnContext(ctx, "no time left for a message", "messageId", record.MessageId)
				continue
			}
			wg.Go(func() {
				defer func() { <-slots }()
				failed[i] = !handleRecord(ctx, handle, record)
			})
		}
		wg.Wait()
		response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		for i, record := range batch.Records {
			if failed[i] {
				response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
			}
		}
		return response, nil
	}
}

// handleRecord handles one record and reports whether it is done with.
func handleRecord(ctx context.Context, handle func(context.Context, Message) error, record events.SQSMessage) (ok bool) {
	m := Message{ID: record.MessageId, Body: record.Body, ReceiveCount: record.Attributes["ApproximateReceiveCount"], Attributes: map[string]string{}}
	for name, attribute := range record.MessageAttributes {
		if attribute.StringValue != nil {
			m.Attributes[name] = *attribute.StringValue
		}
	}
	defer func() {
		if p := recover(); p != nil { // in a goroutine it would end the process, and fail the whole batch
			slog.ErrorContext(ctx, "a message panicked", "messageId", m.ID, "receives", m.ReceiveCount, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			ok = false
		}
	}()
	if err := handle(ctx, m); err != nil {
		slog.ErrorContext(ctx, "a message failed", "messageId", m.ID, "receives", m.ReceiveCount, "error", err)
		return false
	}
	return true
}
