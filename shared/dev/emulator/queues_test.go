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
