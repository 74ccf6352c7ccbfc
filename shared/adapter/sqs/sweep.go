package sqs

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"example.com/aurora/shared/core/aurora"
)

const (
	sweepVisibility = 10 * time.Minute // other receivers do not get the messages meanwhile
	sweepWait       = 1 * time.Second  // a long poll asks all of SQS's servers, a short one only some
	releaseTimeout  = time.Minute
)

// Sweep shows each message that waits in the queue to visit, and does what it says. The other messages are visible again at
// the end; SQS counts one more receive of each. inFlight is about how many messages another receiver has now, so that they
// could not be looked at. Of a FIFO queue it shows at most ten messages of a group that stay in the queue: SQS gives no more of
// them while those are in flight.
func (q *Queue) Sweep(ctx context.Context, visit func(context.Context, aurora.QueuedMessage) (aurora.MessageVerdict, error)) (inFlight string, err error) {
	client, err := q.client()
	if err != nil {
		return "", err
	}
	counts, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.url,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessagesNotVisible}})
	if err != nil {
		return "", fmt.Errorf("sweep: %w", err)
	}
	inFlight = counts.Attributes["ApproximateNumberOfMessagesNotVisible"]
	var left []string // receipt handles
	defer func() { q.release(ctx, client, left) }()
	for {
		batch, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &q.url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameMessageGroupId},
			VisibilityTimeout:           int32(sweepVisibility.Seconds()), WaitTimeSeconds: int32(sweepWait.Seconds())})
		if err != nil {
			return inFlight, fmt.Errorf("sweep: %w", err)
		}
		if len(batch.Messages) == 0 {
			return inFlight, nil
		}
		for i, m := range batch.Messages {
			done, err := q.visit(ctx, client, m, visit)
			if err != nil || !done {
				left = append(left, aws.ToString(m.ReceiptHandle))
			}
			if err != nil {
				for _, rest := range batch.Messages[i+1:] {
					left = append(left, aws.ToString(rest.ReceiptHandle))
				}
				return inFlight, fmt.Errorf("sweep: %w", err)
			}
		}
	}
}

// visit shows one message, and reports whether it was removed. A replacement is sent before the message is deleted, so that
// it cannot be lost.
func (q *Queue) visit(ctx context.Context, client *sqs.Client, m types.Message, visit func(context.Context, aurora.QueuedMessage) (aurora.MessageVerdict, error)) (done bool, err error) {
	shown := aurora.QueuedMessage{ID: aws.ToString(m.MessageId), Body: aws.ToString(m.Body), Attributes: map[string]string{},
		Group: m.Attributes[string(types.MessageSystemAttributeNameMessageGroupId)]}
	if sent, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64); err == nil {
		shown.SentAt = time.UnixMilli(sent)
	}
	for name, a := range m.MessageAttributes {
		if a.StringValue != nil {
			shown.Attributes[name] = *a.StringValue
		}
	}
	verdict, err := visit(ctx, shown)
	if err != nil || !verdict.Remove {
		return false, err
	}
	if verdict.Replace != "" {
		shown.Body = verdict.Replace
		if err := q.SendAgain(ctx, shown); err != nil {
			return false, err
		}
	}
	_, err = client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: m.ReceiptHandle})
	return err == nil, err
}

// release makes messages visible again, also after the sweep was interrupted. One that is not released is visible after
// sweepVisibility.
func (q *Queue) release(ctx context.Context, client *sqs.Client, handles []string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	for _, handle := range handles {
		_, _ = client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &q.url, ReceiptHandle: &handle})
	}
}
