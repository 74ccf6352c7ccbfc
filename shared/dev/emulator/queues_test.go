package emulator

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"example.com/aurora/shared/dev/fakesqs"
)

// strictSQS is an SQS of another account that accepts a redrive policy only if its dead-letter queue exists, as AWS and moto do.
type strictSQS struct {
	fake    http.Handler
	account string

	mu     sync.Mutex
	queues map[string]bool // the ARNs
}

func (s *strictSQS) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var asked struct {
		QueueName  string
		Attributes map[string]string
	}
	_ = json.Unmarshal(body, &asked)
	s.mu.Lock()
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".CreateQueue") {
		s.queues["arn:aws:sqs:us-east-1:"+s.account+":"+asked.QueueName] = true
	}
	var policy struct{ DeadLetterTargetArn string }
	text, isSet := asked.Attributes["RedrivePolicy"]
	known := !isSet || json.Unmarshal([]byte(text), &policy) == nil && s.queues[policy.DeadLetterTargetArn]
	s.mu.Unlock()
	if !known {
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"com.amazonaws.sqs#InvalidParameterValue","message":"Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist."}`)
		return
	}
	s.fake.ServeHTTP(w, r)
}

// TestAnotherSQS runs a stack with an SQS that is not the emulator's and has another account.
func TestAnotherSQS(t *testing.T) {
	const account = "123456789012"
	fake, err := fakesqs.Open(fakesqs.Options{Path: filepath.Join(t.TempDir(), "sqs.db"), Account: account})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&strictSQS{fake: fake, account: account, queues: map[string]bool{}})
	t.Cleanup(func() { server.Close(); _ = fake.Close() })
	sinkURL, got := newSink(t, nil)
	s := startStack(t, Options{Environ: []string{"SINK_BASE_URL=" + sinkURL, "AWS_ENDPOINT_URL_SQS=" + server.URL}})
	if !strings.Contains(sqsBody(t, receiveWithin(t, got, "the test event")), `"Event":"s3:TestEvent"`) {
		t.Error("the first message is not S3's test notification")
	}
	if _, err := s.sqs.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(s.Info().Queues["work"]), MessageBody: aws.String("hello")}); err != nil {
		t.Fatal(err)
	}
	var batch events.SQSEvent
	if err := json.Unmarshal([]byte(receiveWithin(t, got, "the message")), &batch); err != nil || len(batch.Records) != 1 {
		t.Fatal(err, batch)
	}
	if arn := batch.Records[0].EventSourceARN; arn != "arn:aws:sqs:us-east-1:"+account+":work-test" {
		t.Errorf("the message came from %s, want the queue's own ARN", arn)
	}
}

// TestOrderedQueue fails a message of a FIFO queue: it is received again before the later ones of its group, and other groups go on.
func TestOrderedQueue(t *testing.T) {
	failed := false
	sinkURL, got := newSink(t, func(event string) string {
		var batch events.SQSEvent
		if err := json.Unmarshal([]byte(event), &batch); err != nil {
			return "fail"
		}
		var answer events.SQSEventResponse
		rest := false
		for _, m := range batch.Records { // as a function must: stop a group at its first failure
			if m.Attributes["MessageGroupId"] == "a" && (rest || m.Body == "a1" && !failed) {
				failed, rest = true, true
				answer.BatchItemFailures = append(answer.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
			}
		}
		b, _ := json.Marshal(answer)
		return string(b)
	})
	s := startStack(t, Options{Environ: []string{"SINK_BASE_URL=" + sinkURL}})
	var entries []types.SendMessageBatchRequestEntry
	for _, body := range []string{"a1", "a2", "b1", "a3"} {
		entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String(body), MessageBody: aws.String(body), MessageGroupId: aws.String(body[:1]), MessageDeduplicationId: aws.String(body)})
	}
	if _, err := s.sqs.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: aws.String(s.Info().Queues["ordered"]), Entries: entries}); err != nil {
		t.Fatal(err)
	}
	orders := map[string]string{}
	for !strings.HasSuffix(orders["a"], "a1 a2 a3 ") || orders["b"] == "" {
		var batch events.SQSEvent
		if err := json.Unmarshal([]byte(receiveWithin(t, got, "a batch")), &batch); err != nil {
			t.Fatal(err)
		}
		for _, m := range batch.Records {
			if group := m.Attributes["MessageGroupId"]; group != "" { // not S3's test event
				orders[group] += m.Body + " "
			}
		}
	}
	if !strings.HasPrefix(orders["a"], "a1 ") || orders["b"] != "b1 " {
		t.Errorf("received %v, want group a in order, and again from its failed message on; b1 once", orders)
	}
}
