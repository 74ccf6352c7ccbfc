package eventtest

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/events"
)

// Consume sends the messages of an SQS event to a function one by one, so that the result does not depend on which is
// handled first. It returns the numbers of the messages that failed, the first message being 1.
func Consume(t *testing.T, consume func(context.Context, events.SQSEvent) (events.SQSEventResponse, error), event json.RawMessage) []int {
	t.Helper()
	var batch events.SQSEvent
	if err := json.Unmarshal(event, &batch); err != nil {
		t.Fatal(err)
	}
	var failed []int
	for i := range batch.Records {
		response, err := consume(Context(t), events.SQSEvent{Records: batch.Records[i : i+1]})
		if err != nil {
			t.Fatal(err)
		}
		for _, failure := range response.BatchItemFailures {
			if failure.ItemIdentifier != batch.Records[i].MessageId {
				t.Errorf("message %d failed as %s, want its id %s", i+1, failure.ItemIdentifier, batch.Records[i].MessageId)
			}
			failed = append(failed, i+1)
		}
	}
	return failed
}
