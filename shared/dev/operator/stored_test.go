package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"example.com/aurora/shared/usecase/webhook"
)

// contents is what is stored, by its place: an object's version, an item, a queue, a log file.
type contents map[string]string

// namesErased finds the number as this test writes it.
var namesErased = regexp.MustCompile(`4155550100|\(?415\)?[- ]555[- ]0100`)

// naming counts the places that name the number. The entry of the do-not-call list stays.
func (c contents) naming(t *testing.T) (n int) {
	t.Helper()
	for place, text := range c {
		if namesErased.MatchString(place+text) && !strings.HasPrefix(place, "item dnc#") {
			n++
		}
	}
	return n
}

// everything reads all that is stored and logged, but messages that a function has at the moment.
func (b *testStack) everything(t *testing.T) contents {
	t.Helper()
	all := contents{}
	client := b.s3(t)
	pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: &b.info.Bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			object, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &b.info.Bucket, Key: v.Key, VersionId: v.VersionId})
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(object.Body)
			if err != nil {
				t.Fatal(err)
			}
			all["object "+*v.Key+" "+*v.VersionId] = string(body)
		}
		for _, m := range page.DeleteMarkers {
			all["delete marker "+*m.Key+" "+*m.VersionId] = ""
		}
	}
	for _, table := range []string{"assistants", "calls", "ledger"} {
		b.scan(t, table, func(item string) {
			var key struct{ Key, CallId, AssistantId struct{ Value string } }
			if err := json.Unmarshal([]byte(item), &key); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(key.Key.Value, "erased#") {
				all["item "+key.Key.Value+" "+key.AssistantId.Value+key.CallId.Value] = item
			}
		})
	}
	for _, queue := range []string{"calls", "raw"} {
		all["queue "+queue] = b.messages(t, queue)
	}
	logs, _ := filepath.Glob(filepath.Join(b.data, "logs", "*.log"))
	for _, file := range logs {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if namesErased.Match(text) {
			all["log "+file] = string(text)
		}
	}
	return all
}

// messages returns the bodies of the messages that wait in a queue and among its dead letters, unpacked.
func (b *testStack) messages(t *testing.T, name string) string {
	t.Helper()
	cfg, err := localStack(b.info).awsConfig("sqs")()
	if err != nil {
		t.Fatal(err)
	}
	client := awssqs.NewFromConfig(cfg)
	name = "aurora-" + localStack(b.info).stage + "-" + name
	main, err := client.GetQueueUrl(t.Context(), &awssqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		t.Fatal(err)
	}
	dead, _, err := deadLetterURL(t.Context(), client, name)
	if err != nil {
		t.Fatal(err)
	}
	var bodies []string
	counts, err := client.GetQueueAttributes(t.Context(), &awssqs.GetQueueAttributesInput{QueueUrl: main.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	if counts.Attributes["ApproximateNumberOfMessages"] != "0" || counts.Attributes["ApproximateNumberOfMessagesNotVisible"] != "0" {
		bodies = append(bodies, "messages are being worked on")
	}
	for {
		batch, err := client.ReceiveMessage(t.Context(), &awssqs.ReceiveMessageInput{QueueUrl: &dead, MaxNumberOfMessages: 10, VisibilityTimeout: 5})
		if err != nil {
			t.Fatal(err)
		}
		if len(batch.Messages) == 0 {
			break
		}
		for _, m := range batch.Messages {
			body, err := webhook.Unpack(*m.Body)
			if err != nil {
				body = []byte(*m.Body)
			}
			bodies = append(bodies, string(body))
			defer func() {
				_, _ = client.ChangeMessageVisibility(context.Background(), &awssqs.ChangeMessageVisibilityInput{QueueUrl: &dead, ReceiptHandle: m.ReceiptHandle})
			}()
		}
	}
	slices.Sort(bodies)
	return strings.Join(bodies, "\n")
}

// find returns the content of the place that begins and goes on in a way.
func (c contents) find(begin, part string) string {
	for place, text := range c {
		if strings.HasPrefix(place, begin) && strings.Contains(place, part) {
			return text
		}
	}
	return ""
}
