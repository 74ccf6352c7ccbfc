package sqs

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"example.com/aurora/shared/core/aurora"
)

// MaxSize is the limit of SQS for one message, body and attributes together, in bytes
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html).
const MaxSize = 1 << 20

// Queue is one SQS queue to send to. Use New.
type Queue struct {
	url    string
	client func() (*sqs.Client, error)
}

// New returns the queue at this URL. The client is created on first use.
func New(config func() (aws.Config, error), url string) *Queue {
	return &Queue{url: url, client: sync.OnceValues(func() (*sqs.Client, error) {
		cfg, err := config()
		if err != nil {
			return nil, fmt.Errorf("configure SQS: %w", err)
		}
		return sqs.NewFromConfig(cfg), nil
	})}
}

// MaxDelay is the longest delay of a message
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-timers.html).
const MaxDelay = 15 * time.Minute

// Send puts a message into the queue. A message larger than MaxSize is an error, without a request.
func (q *Queue) Send(ctx context.Context, body string, attributes map[string]string) error {
	return q.send(ctx, sqs.SendMessageInput{MessageBody: &body}, attributes)
}

// SendDelayed puts a message into a standard queue, which delivers it after a delay of at most MaxDelay, in whole seconds
// rounded up.
func (q *Queue) SendDelayed(ctx context.Context, body string, delay time.Duration) error {
	if delay < 0 || delay > MaxDelay {
		return fmt.Errorf("send: a message is delayed by at most %s, not %s", MaxDelay, delay)
	}
	return q.send(ctx, sqs.SendMessageInput{MessageBody: &body, DelaySeconds: int32((delay + time.Second - 1) / time.Second)}, nil)
}

// SendToGroup puts a message into a FIFO queue, which delivers the messages of a group in order. A message that has the
// deduplication id of another one of the last five minutes is accepted and not delivered. Both ids have 1 to 128 letters, digits
// and punctuation characters of ASCII.
func (q *Queue) SendToGroup(ctx context.Context, body, group, deduplicationID string) error {
	return q.send(ctx, sqs.SendMessageInput{MessageBody: &body, MessageGroupId: &group, MessageDeduplicationId: &deduplicationID}, nil)
}

// SendAgain puts a message that Sweep has shown into the queue once more. Its id becomes the deduplication id: that of its sender
// may have been seen in the last five minutes.
func (q *Queue) SendAgain(ctx context.Context, m aurora.QueuedMessage) error {
	in := sqs.SendMessageInput{MessageBody: &m.Body}
	if m.Group != "" {
		in.MessageGroupId, in.MessageDeduplicationId = &m.Group, &m.ID
	}
	return q.send(ctx, in, m.Attributes)
}

// send puts a message with these attributes into the queue.
func (q *Queue) send(ctx context.Context, in sqs.SendMessageInput, attributes map[string]string) error {
	size := len(*in.MessageBody)
	typed := make(map[string]types.MessageAttributeValue, len(attributes))
	for name, value := range attributes {
		size += len(name) + len("String") + len(value)
		typed[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
	}
	if size > MaxSize {
		return fmt.Errorf("send: the message has %d bytes, and SQS takes at most %d", size, MaxSize)
	}
	client, err := q.client()
	if err != nil {
		return err
	}
	in.QueueUrl, in.MessageAttributes = &q.url, typed
	if _, err := client.SendMessage(ctx, &in); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}
