package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/usecase/textmessage"
)

// serve returns the handler of the messages of one group.
func serve(w *textmessage.Worker) func(context.Context, []sqs.Message) []error {
	return func(ctx context.Context, group []sqs.Message) []error {
		errs := make([]error, len(group))
		var deliveries []textmessage.Delivery
		var at []int // the place of each delivery in the group
		for i, m := range group {
			var d textmessage.Delivery
			if err := json.Unmarshal([]byte(m.Body), &d.IncomingText); err != nil {
				errs[i] = fmt.Errorf("read message: %w", err)
				continue
			}
			d.Receives, _ = strconv.Atoi(m.ReceiveCount) // 0 if SQS did not say it
			deliveries, at = append(deliveries, d), append(at, i)
		}
		for n, err := range w.Handle(ctx, deliveries) {
			errs[at[n]] = err
		}
		return errs
	}
}
