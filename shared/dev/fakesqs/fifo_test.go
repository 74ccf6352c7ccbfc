package fakesqs

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func (b *fixture) fifo(t *testing.T, name string, more map[string]string) *string {
	t.Helper()
	attributes := map[string]string{"FifoQueue": "true"}
	for name, value := range more {
		attributes[name] = value
	}
	return b.queue(t, name, attributes)
}

func (b *fixture) sendTo(t *testing.T, queue *string, group, id, body string) *client.SendMessageOutput {
	t.Helper()
	out, err := b.SendMessage(t.Context(), &client.SendMessageInput{QueueUrl: queue, MessageBody: &body, MessageGroupId: &group, MessageDeduplicationId: &id})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (b *fixture) show(t *testing.T, queue *string, m types.Message, seconds int32) {
	t.Helper()
	if _, err := b.ChangeMessageVisibility(t.Context(), &client.ChangeMessageVisibilityInput{QueueUrl: queue, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds}); err != nil {
		t.Fatal(err)
	}
}

func (b *fixture) delete(t *testing.T, queue *string, m types.Message) error {
	t.Helper()
	_, err := b.DeleteMessage(t.Context(), &client.DeleteMessageInput{QueueUrl: queue, ReceiptHandle: m.ReceiptHandle})
	return err
}

func TestGroupsKeepTheirOrder(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "sqs.db"))
	q := b.fifo(t, "work.fifo", nil)
	for _, m := range []struct{ group, body string }{{"a", "a1"}, {"b", "b1"}, {"a", "a2"}, {"b", "b2"}} {
		b.sendTo(t, q, m.group, m.body, m.body)
	}
	out, err := b.ReceiveMessage(t.Context(), &client.ReceiveMessageInput{QueueUrl: q, MaxNumberOfMessages: 3, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	first := out.Messages
	if got := bodies(first); got != "a1 a2 b1" {
		t.Fatalf("received %s, want as many of one group as possible: a1 a2 b1", got)
	}
	if a := first[1].Attributes; a["MessageGroupId"] != "a" || a["MessageDeduplicationId"] != "a2" || len(a["SequenceNumber"]) != 20 || a["SequenceNumber"] <= first[0].Attributes["SequenceNumber"] {
		t.Errorf("the attributes of a2 are %v", a)
	}
	b.sendTo(t, q, "a", "a3", "a3")
	if got := bodies(b.receive(t, q)); got != "" {
		t.Errorf("received %s while each group has a message in flight, want none", got)
	}
	if err := b.delete(t, q, first[2]); err != nil {
		t.Fatal(err)
	}
	if got := bodies(b.receive(t, q)); got != "b2" {
		t.Errorf("received %s after b1 was deleted, want b2", got)
	}
	if err := b.delete(t, q, first[0]); err != nil {
		t.Fatal(err)
	}
	b.show(t, q, first[1], 5) // a2 failed
	if got := bodies(b.receive(t, q)); got != "" {
		t.Errorf("received %s before a2 is visible again, want none: a3 must not overtake it", got)
	}
	b.clock.advance(5 * time.Second)
	if got := bodies(b.receive(t, q)); got != "a2 a3" {
		t.Errorf("received %s, want a2 a3", got)
	}
}

func TestDeduplication(t *testing.T) {
	for name, c := range map[string]struct {
		attributes map[string]string
		want       string
	}{
		"in the whole queue": {nil, "1"},
		"in a group":         {map[string]string{"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}, "1 3"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "sqs.db")
			b := open(t, path)
			q := b.fifo(t, "work.fifo", c.attributes)
			first := b.sendTo(t, q, "a", "SM1", "1")
			if again := b.sendTo(t, q, "a", "SM1", "2"); *again.MessageId != *first.MessageId || *again.SequenceNumber != *first.SequenceNumber {
				t.Errorf("a repeated message has the id %s and the number %s, want those of the first", *again.MessageId, *again.SequenceNumber)
			}
			b.sendTo(t, q, "b", "SM1", "3")
			b.stop()
			b = open(t, path)
			b.sendTo(t, q, "a", "SM1", "4") // the first message is still stored, so the restart has not forgotten it
			received := b.receive(t, q)
			if got := bodies(received); got != c.want {
				t.Errorf("received %s, want %s", got, c.want)
			}
			for _, m := range received {
				if err := b.delete(t, q, m); err != nil {
					t.Fatal(err)
				}
			}
			b.sendTo(t, q, "a", "SM1", "5")
			b.clock.advance(deduplicationTime)
			b.sendTo(t, q, "a", "SM1", "6")
			if got := bodies(b.receive(t, q)); got != "6" {
				t.Errorf("received %s, want 6: a deleted message is remembered for five minutes, and no longer", got)
			}
		})
	}
	t.Run("by the content", func(t *testing.T) {
		b := open(t, filepath.Join(t.TempDir(), "sqs.db"))
		q := b.fifo(t, "work.fifo", map[string]string{"ContentBasedDeduplication": "true"})
		for range 2 {
			if _, err := b.SendMessage(t.Context(), &client.SendMessageInput{QueueUrl: q, MessageBody: aws.String("same"), MessageGroupId: aws.String("a")}); err != nil {
				t.Fatal(err)
			}
		}
		if got := bodies(b.receive(t, q)); got != "same" {
			t.Errorf("received %s, want one message", got)
		}
	})
}

func TestFIFORules(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "sqs.db"))
	q, standard := b.fifo(t, "work.fifo", nil), b.queue(t, "work", nil)
	text, group, id := aws.String("x"), aws.String("a"), aws.String("1")
	for name, c := range map[string]struct {
		in   client.SendMessageInput
		want string
	}{
		"no group":                      {client.SendMessageInput{QueueUrl: q, MessageDeduplicationId: id}, "MissingParameter"},
		"no deduplication id":           {client.SendMessageInput{QueueUrl: q, MessageGroupId: group}, "InvalidParameterValue"},
		"a delay":                       {client.SendMessageInput{QueueUrl: q, MessageGroupId: group, MessageDeduplicationId: id, DelaySeconds: 5}, "InvalidParameterValue"},
		"a group with a space":          {client.SendMessageInput{QueueUrl: q, MessageGroupId: aws.String("a b"), MessageDeduplicationId: id}, "InvalidParameterValue"},
		"an id, on a standard queue":    {client.SendMessageInput{QueueUrl: standard, MessageDeduplicationId: id}, "InvalidParameterValue"},
		"a group, on a standard queue":  {client.SendMessageInput{QueueUrl: standard, MessageGroupId: group}, ""},
		"all that a FIFO queue demands": {client.SendMessageInput{QueueUrl: q, MessageGroupId: group, MessageDeduplicationId: id}, ""},
	} {
		c.in.MessageBody = text
		if _, err := b.SendMessage(t.Context(), &c.in); code(err) != c.want {
			t.Errorf("%s: %v, want the code %q", name, err, c.want)
		}
	}
	for name, in := range map[string]*client.CreateQueueInput{
		"a FIFO queue without the suffix": {QueueName: aws.String("other"), Attributes: map[string]string{"FifoQueue": "true"}},
		"the suffix without FIFO":         {QueueName: aws.String("other.fifo")},
		"a limit without its scope":       {QueueName: aws.String("other.fifo"), Attributes: map[string]string{"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId"}},
		"a dead-letter queue of the other kind": {QueueName: aws.String("other.fifo"), Attributes: map[string]string{"FifoQueue": "true",
			"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:work","maxReceiveCount":5}`}},
		"a FIFO setting of a standard queue": {QueueName: aws.String("other"), Attributes: map[string]string{"ContentBasedDeduplication": "true"}},
	} {
		if _, err := b.CreateQueue(t.Context(), in); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestExpiredHandleOfAFIFOQueue(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "sqs.db"))
	q := b.fifo(t, "work.fifo", map[string]string{"VisibilityTimeout": "10"})
	b.sendTo(t, q, "a", "1", "x")
	m := b.receive(t, q)[0]
	b.clock.advance(11 * time.Second)
	if err := b.delete(t, q, m); code(err) != "InvalidParameterValue" {
		t.Errorf("%v, want InvalidParameterValue: a FIFO queue does not delete by an expired handle", err)
	}
}

func TestDeadLettersOfAFIFOQueue(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "sqs.db"))
	dead := b.fifo(t, "dead.fifo", nil)
	q := b.fifo(t, "work.fifo", map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead.fifo","maxReceiveCount":1}`})
	b.sendTo(t, q, "a", "1", "fails")
	b.sendTo(t, q, "a", "2", "follows")
	failed := b.receive(t, q)
	b.show(t, q, failed[0], 0)
	if err := b.delete(t, q, failed[1]); err != nil {
		t.Fatal(err)
	}
	if got := bodies(b.receive(t, q)); got != "" {
		t.Errorf("received %s, want none: the message was received as often as the policy allows", got)
	}
	there := b.receive(t, dead)
	if bodies(there) != "fails" || there[0].Attributes["MessageGroupId"] != "a" {
		t.Fatalf("the dead letters are %s of the group %v, want the failed message of group a", bodies(there), there)
	}
	b.show(t, dead, there[0], 0)
	if _, err := b.StartMessageMoveTask(t.Context(), &client.StartMessageMoveTaskInput{SourceArn: aws.String("arn:aws:sqs:us-east-1:000000000000:dead.fifo")}); err != nil {
		t.Fatal(err)
	}
	if got := bodies(b.receive(t, q)); got != "fails" {
		t.Errorf("received %s after the dead letters were moved back, want the failed message", got)
	}
}
