package sqs

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
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

// Send puts a message into the queue. A message larger than MaxSize is an error, without a request.
func (q *Queue) Send(ctx context.Context, body string, attributes map[string]string) error {
	size := len(body)
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
	if _, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body, MessageAttributes: typed}); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}
