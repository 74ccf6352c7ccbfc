package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/dev/dynalite"
	"example.com/aurora/shared/usecase/callindex"
	"example.com/aurora/shared/usecase/webhook"
)

// lossyTransport loses the reply of every so many writes to DynamoDB, once it has done them, and every so many outright.
type lossyTransport struct {
	every, n atomic.Int64
}

func (l *lossyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	n, every := l.n.Add(1), l.every.Load()
	if every > 0 && n%every == 1 {
		return nil, io.ErrUnexpectedEOF
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && every > 0 && n%every == 0 && !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".GetItem") {
		_ = response.Body.Close()
		return nil, io.ErrUnexpectedEOF
	}
	return response, err
}

// startTables starts DynamoDB with the tables of template.yaml. Requests go through the returned transport.
func startTables(t *testing.T) (func() (aws.Config, error), *lossyTransport) {
	t.Helper()
	l := &lossyTransport{}
	return dynalite.Tables(t, l), l
}

// TestFault36And43 indexes one call by three names from twelve reports, each delivered twice, several at once, through
// the real adapters, while replies are lost and calls fail. What failed is delivered again, as SQS does.
func TestFault36And43(t *testing.T) {
	config, network := startTables(t)
	b := fakeBucket{}
	var notices []events.SQSMessage
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
			notices = append(notices, events.SQSMessage{MessageId: fmt.Sprint(i, "-", d), Body: string(body)})
		}
	}
	now := func() time.Time { return arrivalTime }
	retention := 400 * 24 * time.Hour
	calls := dynamo.NewCalls(config, "calls", retention)
	consume := sqs.Consume(serve(&callindex.Worker{Reader: b, Assistants: newAssistants(),
		Index: &callindex.Index{Aliases: dynamo.NewLedger(config, "ledger", now), Rows: calls, Now: now, Retention: retention}}, webhook.Archive{}))

	network.every.Store(7)
	var wg sync.WaitGroup
	for batch := range 3 { // three processes
		wg.Go(func() {
			mine := events.SQSEvent{Records: notices[batch*8 : batch*8+8]}
			for receives := 0; len(mine.Records) > 0; receives++ {
				if receives > 20 {
					t.Errorf("%d messages never succeed", len(mine.Records))
					return
				}
				response, err := consume(t.Context(), mine)
				if err != nil {
					t.Error(err)
				}
				again := events.SQSEvent{}
				for _, failure := range response.BatchItemFailures {
					for _, record := range mine.Records {
						if record.MessageId == failure.ItemIdentifier {
							again.Records = append(again.Records, record)
						}
					}
				}
				mine = again
			}
		})
	}
	wg.Wait()
	network.every.Store(0)
	cfg, _ := config()
	scan, err := dynamodb.NewFromConfig(cfg).Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String("calls")})
	if err != nil || len(scan.Items) != 1 {
		t.Fatalf("%d rows, %v: %v", len(scan.Items), err, scan.Items)
	}
	item := scan.Items[0]
	if id := item["assistantId"].(*types.AttributeValueMemberS).Value; id != "riley" {
		t.Errorf("the row is %s's", id)
	}
	if cost := item["cost"].(*types.AttributeValueMemberN).Value; cost != "11" {
		t.Errorf("the row says what report %s said", cost)
	}
}
