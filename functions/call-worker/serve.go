package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/usecase/callindex"
	"example.com/aurora/shared/usecase/webhook"
)

// serve returns the handler of one message: a report from the raw queue, which an attribute marks, or a notification of the
// bucket.
func serve(w *callindex.Worker, archive webhook.Archive) func(context.Context, sqs.Message) error {
	return func(ctx context.Context, m sqs.Message) error {
		if _, raw := m.Attributes[webhook.QueuedKeyAttribute]; raw {
			return archive.StoreQueued(ctx, m.Body)
		}
		var n struct {
			events.S3Event
			Event string // "s3:TestEvent", sent once when notifications are set up
		}
		if err := json.Unmarshal([]byte(m.Body), &n); err != nil {
			return fmt.Errorf("read notification: %w", err)
		}
		if n.Event == "s3:TestEvent" {
			return nil
		}
		if len(n.Records) == 0 {
			return errors.New("read notification: it has no records")
		}
		var errs []error
		for i, record := range n.Records {
			if i > 0 { // S3 sends one record; several have fields of their own
				ctx = logfields.New(ctx)
			}
			if strings.HasPrefix(record.EventName, "ObjectCreated:") {
				errs = append(errs, w.ObjectCreated(ctx, record.S3.Object.URLDecodedKey))
			}
		}
		return errors.Join(errs...)
	}
}
