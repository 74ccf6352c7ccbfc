package main

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/usecase/webhook"
)

// deadQueue is a dead-letter queue of a running stack.
type deadQueue struct {
	client *sqs.Client
	url    string
}

func (b *testStack) deadQueue(t *testing.T, name string) deadQueue {
	t.Helper()
	s := localStack(b.info)
	cfg, err := s.awsConfig("sqs")()
	if err != nil {
		t.Fatal(err)
	}
	client := sqs.NewFromConfig(cfg)
	url, _, err := deadLetterURL(t.Context(), client, s.queueName(name))
	if err != nil {
		t.Fatal(err)
	}
	return deadQueue{client, url}
}

func (q deadQueue) send(t *testing.T, body string, attributes map[string]types.MessageAttributeValue) {
	t.Helper()
	in := &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body, MessageAttributes: attributes}
	if strings.HasSuffix(q.url, ".fifo") {
		in.MessageGroupId, in.MessageDeduplicationId = aws.String("a-pair"), aws.String("SM1")
	}
	if _, err := q.client.SendMessage(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

// waiting returns how many messages the queue has.
func (q deadQueue) waiting(t *testing.T) string {
	t.Helper()
	out, err := q.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{"ApproximateNumberOfMessages"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Attributes["ApproximateNumberOfMessages"]
}

var shownMessage = regexp.MustCompile(`(?m)^(calls|raw|reports|phone-tasks|messages) +(\S+)  sent 20\S+Z  (.*)$`)

// TestRedrive shows, drops and moves the messages of dead-letter queues. What was said in a call is never printed.
func TestRedrive(t *testing.T) {
	b := &testStack{data: t.TempDir()}
	b.model = fakeopenai.Serve(t, func(int, fakeopenai.Request) fakeopenai.Answer { return fakeopenai.Text("one") })
	b.start(t, "OPENAI_BASE_URL="+b.model.URL)
	for name, url := range b.info.Queues { // those of the template that have a dead-letter queue
		if !slices.ContainsFunc(redrivenQueues, func(known string) bool { return path.Base(url) == localStack(b.info).queueName(known) }) {
			t.Errorf("redrive does not know the queue %s, %s", name, url)
		}
	}
	calls, raw, reports := b.deadQueue(t, "calls"), b.deadQueue(t, "raw"), b.deadQueue(t, "reports")
	const said = "canary: what the caller said, +14155550123"
	for _, call := range []string{"c1", "c2", "c3"} {
		calls.send(t, `{"Records":[{"s3":{"bucket":{"name":"b"},"object":{"key":"eoc/harbor/2026/11/20/`+call+`%2B1.json"}}}]}`, nil)
	}
	raw.send(t, webhook.Pack([]byte(`{"message":{"transcript":"`+said+`"}}`)), map[string]types.MessageAttributeValue{
		webhook.QueuedKeyAttribute: {DataType: aws.String("String"), StringValue: aws.String("eoc/harbor/2026/11/20/c9.json")}})
	reports.send(t, `{"assistantId":"harbor","period":"weekly","until":"2026-11-23T00:00:00Z"}`, nil)
	reports.send(t, said, nil)
	tasks, messages := b.deadQueue(t, "phone-tasks"), b.deadQueue(t, "messages")
	tasks.send(t, `{"kind":"finish","callSid":"CA9"}`, nil)
	messages.send(t, `{"body":"`+said+`"}`, nil)
	command := func(t *testing.T, args ...string) (string, error) {
		t.Helper()
		out, err := commandIn(t, b.data, nil, append([]string{"redrive"}, args...)...)
		if strings.Contains(out, "canary") || strings.Contains(out, "5550123") {
			t.Errorf("redrive %v prints what was said:\n%s", args, out)
		}
		return out, err
	}
	subjects := func(t *testing.T, args ...string) (all []string, ids map[string]string) {
		t.Helper()
		out, err := command(t, append([]string{"-show", "1"}, args...)...)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		ids = map[string]string{}
		for _, m := range shownMessage.FindAllStringSubmatch(out, -1) {
			all, ids[m[3]] = append(all, m[1]+" "+m[3]), m[2]
		}
		slices.Sort(all)
		return all, ids
	}

	t.Run("show", func(t *testing.T) {
		want := []string{"calls eoc/harbor/2026/11/20/c1+1.json", "calls eoc/harbor/2026/11/20/c2+1.json", "calls eoc/harbor/2026/11/20/c3+1.json",
			"messages a text message, 53 bytes", "phone-tasks finish of CA9", "raw eoc/harbor/2026/11/20/c9.json", "reports 42 bytes that are no message of this queue", "reports weekly report of harbor until 2026-11-23"}
		for range 2 { // showing changes nothing
			if got, _ := subjects(t); !slices.Equal(got, want) {
				t.Errorf("shown %q, want %q", got, want)
			}
		}
		if got, _ := subjects(t, "-queue", "calls", "-limit", "2"); len(got) != 2 {
			t.Errorf("shown %q, want two of the queue calls", got)
		}
	})
	t.Run("drop", func(t *testing.T) {
		_, ids := subjects(t)
		out, err := command(t, "-drop", ids["42 bytes that are no message of this queue"]+",no-such-message")
		if err == nil || !strings.Contains(err.Error(), "no-such-message") || strings.Count(out, "dropped") != 1 {
			t.Errorf("%v\n%s", err, out)
		}
		if calls.waiting(t) != "3" || raw.waiting(t) != "1" || reports.waiting(t) != "1" {
			t.Errorf("%s, %s and %s messages are left, want 3, 1 and 1", calls.waiting(t), raw.waiting(t), reports.waiting(t))
		}
	})
	t.Run("a limit", func(t *testing.T) {
		if out, err := command(t, "-limit", "2", "-queue", "calls"); err != nil || strings.Count(out, "moved back  eoc/") != 2 || calls.waiting(t) != "1" || reports.waiting(t) != "1" {
			t.Errorf("%v, %s left\n%s", err, calls.waiting(t), out)
		}
	})
	t.Run("all that are left", func(t *testing.T) {
		out, err := command(t, "-limit", "10")
		if err != nil || calls.waiting(t) != "0" || raw.waiting(t) != "0" || reports.waiting(t) != "0" || tasks.waiting(t) != "0" || messages.waiting(t) != "0" {
			t.Errorf("%v\n%s", err, out)
		}
	})
	for name, args := range map[string][]string{"a limit that is no number": {"-limit", "many"}, "a limit of nothing": {"-limit", "0"},
		"an unknown queue": {"-queue", "calls-dead"}, "drop with show": {"-drop", "a", "-show", "1"}, "drop with a limit": {"-drop", "a", "-limit", "1"}} {
		t.Run(name, func(t *testing.T) {
			if out, err := command(t, args...); err == nil {
				t.Errorf("no error:\n%s", out)
			}
		})
	}
}
