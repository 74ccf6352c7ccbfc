package main

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/dev/dynalite"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/callindex"
	"example.com/aurora/shared/usecase/webhook"
)

// startTables starts DynamoDB with the tables of template.yaml. Requests go through the returned transport.
func startTables(t *testing.T) (func() (aws.Config, error), *testkit.LossyTransport) {
	t.Helper()
	l := &testkit.LossyTransport{}
	return dynalite.Tables(t, l), l
}

// TestFault36And43 indexes twelve reports about one call that has three ids. Each report is delivered twice, several at the
// same time, through the real adapters, while requests and replies are lost. A message that failed is delivered again, as
// SQS does.
func TestFault36And43(t *testing.T) {
	config, network := startTables(t)
	b := fakeBucket{}
	var messages []events.SQSMessage
	for i := range 12 {
		id := []string{"v1", "CA1", "MZ1"}[i%3]
		assistant := map[bool]string{true: `,"assistantId":"riley"`}[i%2 == 0]
		key := fmt.Sprintf("eoc/_/2026/11/18/%s~%08d.json", id, i)
		b[key] = storedObject{body: fmt.Sprintf(`{"message":{"type":"end-of-call-report","timestamp":%d,"call":{"id":%q%s},"callId":"v1","session":{"callSid":"CA1"},
			"streamSid":"MZ1","endedAt":"2026-11-18T15:04:%02dZ","cost":%d}}`, 1795014286704+i, id, assistant, i, i)}
		body, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"eventName": "ObjectCreated:Put", "s3": map[string]any{"object": map[string]any{"key": key}}}}})
		if err != nil {
			t.Fatal(err)
		}
		for d := range 2 {
			messages = append(messages, events.SQSMessage{MessageId: fmt.Sprint(i, "-", d), Body: string(body)})
		}
	}
	now := func() time.Time { return arrivalTime }
	retention := 400 * 24 * time.Hour
	calls := dynamo.NewCalls(config, "calls", retention)
	consume := sqs.Consume(serve(&callindex.Worker{Reader: b, Assistants: newAssistants(),
		Index: &callindex.Index{Aliases: dynamo.NewLedger(config, "ledger", now), Rows: calls, Now: now, Retention: retention}}, webhook.Archive{}))

	network.Every.Store(7)
	var wg sync.WaitGroup
	for process := range 3 {
		wg.Go(func() {
			batch := events.SQSEvent{Records: messages[process*8 : process*8+8]}
			for receives := 0; len(batch.Records) > 0; receives++ {
				if receives > 20 {
					t.Errorf("%d messages still fail after 20 deliveries", len(batch.Records))
					return
				}
				response, err := consume(t.Context(), batch)
				if err != nil {
					t.Error(err)
				}
				again := events.SQSEvent{}
				for _, failure := range response.BatchItemFailures {
					for _, record := range batch.Records {
						if record.MessageId == failure.ItemIdentifier {
							again.Records = append(again.Records, record)
						}
					}
				}
				batch = again
			}
		})
	}
	wg.Wait()
	network.Every.Store(0)
	cfg, _ := config()
	scan, err := dynamodb.NewFromConfig(cfg).Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("calls")})
	if err != nil || len(scan.Items) != 1 {
		t.Fatalf("there are %d rows, %v; want 1: %v", len(scan.Items), err, scan.Items)
	}
	item := scan.Items[0]
	if id := item["assistantId"].(*types.AttributeValueMemberS).Value; id != "riley" {
		t.Errorf("the row belongs to %s, want riley", id)
	}
	if cost := item["cost"].(*types.AttributeValueMemberN).Value; cost != "11" {
		t.Errorf("the row has the cost of report %s, want the newest report's, 11", cost)
	}
}
