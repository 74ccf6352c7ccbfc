package fakesqs

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that stands still until advance moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type fixture struct {
	*client.Client
	server *Server
	clock  *clock
	stop   func()
	url    string
}

func open(t *testing.T, path string) *fixture {
	t.Helper()
	c := &clock{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}
	server, err := Open(Options{Path: path, Now: c.time})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	transport := &http.Transport{}
	var once sync.Once
	b := &fixture{server: server, clock: c, url: web.URL, stop: func() {
		once.Do(func() {
			transport.CloseIdleConnections()
			if err := server.Close(); err != nil {
				t.Error(err)
			}
			web.Close()
		})
	}}
	t.Cleanup(b.stop)
	b.Client = client.New(client.Options{Region: "us-east-1", BaseEndpoint: aws.String(web.URL), HTTPClient: &http.Client{Transport: transport},
		Retryer: aws.NopRetryer{}, Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
		})})
	return b
}

func (b *fixture) queue(t *testing.T, name string, attributes map[string]string) *string {
	t.Helper()
	out, err := b.CreateQueue(t.Context(), &client.CreateQueueInput{QueueName: aws.String(name), Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	return out.QueueUrl
}

func (b *fixture) send(t *testing.T, queue *string, body string) {
	t.Helper()
	if _, err := b.SendMessage(t.Context(), &client.SendMessageInput{QueueUrl: queue, MessageBody: aws.String(body)}); err != nil {
		t.Fatal(err)
	}
}

func (b *fixture) receive(t *testing.T, queue *string) []types.Message {
	t.Helper()
	out, err := b.ReceiveMessage(t.Context(), &client.ReceiveMessageInput{QueueUrl: queue, MaxNumberOfMessages: 10,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}, MessageAttributeNames: []string{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Messages
}

func bodies(messages []types.Message) string {
	var all []string
	for _, m := range messages {
		all = append(all, *m.Body)
	}
	return strings.Join(all, " ")
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func TestSendReceiveDelete(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "sqs.db"))
	q := b.queue(t, "work", map[string]string{"VisibilityTimeout": "30"})
	out, err := b.SendMessage(t.Context(), &client.SendMessageInput{QueueUrl: q, MessageBody: aws.String("hello"),
		MessageAttributes: map[string]types.MessageAttributeValue{"Kind": {DataType: aws.String("String"), StringValue: aws.String("greeting")},
			"Raw": {DataType: aws.String("Binary"), BinaryValue: []byte{0, 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(out.MD5OfMessageBody) != "5d41402abc4b2a76b9719d911017c592" {
		t.Errorf("the MD5 of the body is %s", aws.ToString(out.MD5OfMessageBody))
	}
	first := b.receive(t, q)
	if len(first) != 1 || first[0].Attributes["ApproximateReceiveCount"] != "1" || *first[0].MessageAttributes["Kind"].StringValue != "greeting" ||
		string(first[0].MessageAttributes["Raw"].BinaryValue) != "\x00\x01" || aws.ToString(first[0].MD5OfMessageAttributes) != aws.ToString(out.MD5OfMessageAttributes) {
		t.Fatalf("received %+v; want one message with its attributes", first)
	}
	if again := b.receive(t, q); len(again) != 0 {
		t.Errorf("received again before the visibility timeout: %v", again)
	}
	b.clock.advance(30 * time.Second)
	second := b.receive(t, q)
	if len(second) != 1 || second[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Fatalf("received %+v; want the message for the second time", second)
	}
	if _, err := b.DeleteMessage(t.Context(), &client.DeleteMessageInput{QueueUrl: q, ReceiptHandle: first[0].ReceiptHandle}); err != nil {
		t.Errorf("deleting by an outdated handle: error %v, want none", err)
	}
	if _, err := b.ChangeMessageVisibility(t.Context(), &client.ChangeMessageVisibilityInput{QueueUrl: q, ReceiptHandle: second[0].ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	third := b.receive(t, q)
	if len(third) != 1 {
		t.Fatal("an outdated handle deleted the message, or a visibility timeout of 0 did not make it visible")
	}
	if _, err := b.DeleteMessage(t.Context(), &client.DeleteMessageInput{QueueUrl: q, ReceiptHandle: third[0].ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	b.clock.advance(time.Hour)
	if left := b.receive(t, q); len(left) != 0 {
		t.Errorf("a deleted message was received: %v", left)
	}
	if _, err := b.DeleteMessage(t.Context(), &client.DeleteMessageInput{QueueUrl: q, ReceiptHandle: aws.String("nonsense")}); code(err) != "ReceiptHandleIsInvalid" {
		t.Errorf("a malformed handle: error %v, want ReceiptHandleIsInvalid", err)
	}
}

func TestLongPollWakes(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "sqs.db"))
	q := b.queue(t, "work", nil)
	got := make(chan []types.Message, 1)
	started := make(chan struct{})
	go func() {
		defer func() { _ = recover() }()
		close(started)
		out, err := b.ReceiveMessage(context.WithoutCancel(t.Context()), &client.ReceiveMessageInput{QueueUrl: q, WaitTimeSeconds: 20})
		if err != nil {
			t.Error(err)
			out = &client.ReceiveMessageOutput{}
		}
		got <- out.Messages
	}()
	<-started
	b.send(t, q, "late")
	select {
	case messages := <-got:
		if bodies(messages) != "late" {
			t.Errorf("the long poll received %+v, want one message", messages)
		}
	case <-time.After(15 * time.Second):
		t.Error("the long poll did not return when a message arrived")
	}
}

func TestRedrive(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "sqs.db"))
	dead := b.queue(t, "dead", nil)
	q := b.queue(t, "work", map[string]string{"VisibilityTimeout": "10",
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":2}`})
	b.send(t, q, "poison")
	for range 2 {
		if len(b.receive(t, q)) != 1 {
			t.Fatal("the message moved to the dead-letter queue too early")
		}
		b.clock.advance(10 * time.Second)
	}
	if got := b.receive(t, q); len(got) != 0 {
		t.Errorf("received a third time: %v", got)
	}
	got := b.receive(t, dead)
	if bodies(got) != "poison" || got[0].Attributes["DeadLetterQueueSourceArn"] != "arn:aws:sqs:us-east-1:000000000000:work" {
		t.Fatalf("dead letters: %+v", got)
	}
	b.clock.advance(time.Minute)
	if _, err := b.StartMessageMoveTask(t.Context(), &client.StartMessageMoveTaskInput{SourceArn: aws.String("arn:aws:sqs:us-east-1:000000000000:dead")}); err != nil {
		t.Fatal(err)
	}
	tasks, err := b.ListMessageMoveTasks(t.Context(), &client.ListMessageMoveTasksInput{SourceArn: aws.String("arn:aws:sqs:us-east-1:000000000000:dead")})
	if err != nil || len(tasks.Results) != 1 || tasks.Results[0].ApproximateNumberOfMessagesMoved != 1 || *tasks.Results[0].Status != "COMPLETED" {
		t.Errorf("move tasks %+v, error %v; want one that moved one message", tasks, err)
	}
	if again := b.receive(t, q); bodies(again) != "poison" || again[0].Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("after the redrive: %+v", again)
	}
	if _, err := b.StartMessageMoveTask(t.Context(), &client.StartMessageMoveTaskInput{SourceArn: aws.String("arn:aws:sqs:us-east-1:000000000000:work")}); err == nil {
		t.Error("a move from a queue that is not a dead-letter queue gave no error")
	}
}

func TestQueuesSurviveRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sqs.db")
	b := open(t, path)
	q := b.queue(t, "work", map[string]string{"VisibilityTimeout": "300"})
	for _, body := range []string{"one", "two", "three"} {
		b.send(t, q, body)
	}
	taken := b.receive(t, q)
	if bodies(taken) != "one two three" {
		t.Fatalf("received %q, want one two three", bodies(taken))
	}
	if _, err := b.DeleteMessageBatch(t.Context(), &client.DeleteMessageBatchInput{QueueUrl: q, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("a"), ReceiptHandle: taken[1].ReceiptHandle}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.SendMessage(t.Context(), &client.SendMessageInput{QueueUrl: q, MessageBody: aws.String("later"), DelaySeconds: 60}); err != nil {
		t.Fatal(err)
	}
	b.stop()

	b = open(t, path)
	got, err := b.GetQueueUrl(t.Context(), &client.GetQueueUrlInput{QueueName: aws.String("work")})
	if err != nil {
		t.Fatal(err)
	}
	if *got.QueueUrl != b.url+"/000000000000/work" {
		t.Errorf("the URL %s does not have this run's port", *got.QueueUrl)
	}
	// The old run's URL works too, because only its last element counts. Messages in flight lost their receiver and are visible.
	if again := b.receive(t, q); bodies(again) != "one three" || again[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Errorf("the second run received %q, want one three", bodies(again))
	}
	b.clock.advance(time.Minute)
	if late := b.receive(t, q); bodies(late) != "later" {
		t.Errorf("after the delay received %q, want later", bodies(late))
	}
	attributes, err := b.GetQueueAttributes(t.Context(), &client.GetQueueAttributesInput{QueueUrl: q, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil || attributes.Attributes["VisibilityTimeout"] != "300" || attributes.Attributes["ApproximateNumberOfMessagesNotVisible"] != "3" {
		t.Errorf("attributes %v, error %v", attributes, err)
	}
	if _, err := b.PurgeQueue(t.Context(), &client.PurgeQueueInput{QueueUrl: q}); err != nil {
		t.Fatal(err)
	}
	b.clock.advance(time.Hour)
	if left := b.receive(t, q); len(left) != 0 {
		t.Errorf("received %q after the purge", bodies(left))
	}
}

func TestLimits(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "sqs.db"))
	q := b.queue(t, "work", nil)
	tests := map[string]struct {
		queue *string
		body  string
		want  string
	}{
		"largest":            {q, strings.Repeat("x", MaxMessage), ""},
		"too large":          {q, strings.Repeat("x", MaxMessage+1), "InvalidParameterValue"},
		"empty":              {q, "", "MissingParameter"},
		"control characters": {q, "a\x01b", "InvalidMessageContents"},
		"no queue":           {aws.String(b.url + "/000000000000/none"), "x", "QueueDoesNotExist"},
		"no address":         {aws.String(""), "x", "QueueDoesNotExist"},
	}
	for name, test := range tests {
		_, err := b.SendMessage(t.Context(), &client.SendMessageInput{QueueUrl: test.queue, MessageBody: aws.String(test.body)})
		if got := code(err); got != test.want && got != "AWS.SimpleQueueService."+map[string]string{"QueueDoesNotExist": "NonExistentQueue"}[test.want] {
			t.Errorf("%s: code %q (%v), want %q", name, got, err, test.want)
		}
	}
	var missing *types.QueueDoesNotExist
	if _, err := b.GetQueueUrl(t.Context(), &client.GetQueueUrlInput{QueueName: aws.String("none")}); !errors.As(err, &missing) {
		t.Errorf("the error %v is not the SDK's QueueDoesNotExist", err)
	}
	var entries []types.SendMessageBatchRequestEntry
	for _, id := range strings.Split("a b c d e f g h i j k", " ") {
		entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String(id), MessageBody: aws.String(id)})
	}
	if _, err := b.SendMessageBatch(t.Context(), &client.SendMessageBatchInput{QueueUrl: q, Entries: entries}); !strings.Contains(code(err), "TooManyEntriesInBatchRequest") {
		t.Errorf("a batch of eleven: error %v", err)
	}
	entries[3].MessageBody = aws.String("\x00")
	out, err := b.SendMessageBatch(t.Context(), &client.SendMessageBatchInput{QueueUrl: q, Entries: entries[:10]})
	if err != nil || len(out.Successful) != 9 || len(out.Failed) != 1 || *out.Failed[0].Id != "d" || !out.Failed[0].SenderFault {
		t.Errorf("a batch with one invalid entry: %+v, error %v", out, err)
	}
	b.clock.advance(5 * 24 * time.Hour)
	if got := b.receive(t, q); len(got) != 0 {
		t.Errorf("%d messages outlived the retention period", len(got))
	}
}

// A receiver that went away before the answer was sent must not hide the messages from the next one.
func TestUndeliveredMessagesAreVisibleAgain(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "queues"))
	queue := b.queue(t, "a", map[string]string{"VisibilityTimeout": "43200"})
	if _, err := b.SendMessage(t.Context(), &client.SendMessageInput{QueueUrl: queue, MessageBody: aws.String("one")}); err != nil {
		t.Fatal(err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	body := strings.NewReader(`{"QueueUrl":"` + *queue + `"}`)
	r := httptest.NewRequestWithContext(gone, http.MethodPost, "/", body)
	r.Header.Set("X-Amz-Target", "AmazonSQS.ReceiveMessage")
	b.server.ServeHTTP(httptest.NewRecorder(), r)
	out, err := b.ReceiveMessage(t.Context(), &client.ReceiveMessageInput{QueueUrl: queue})
	if err != nil || len(out.Messages) != 1 {
		t.Errorf("received %+v, %v; want the message", out, err)
	}
}
