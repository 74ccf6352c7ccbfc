package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const (
	longPoll       = 20 * time.Second
	pollErrorPause = time.Second // after a receive that failed
	settleTimeout  = 30 * time.Second
)

// poller is an event source mapping: it receives messages from a queue and invokes a function with them.
type poller struct {
	sourcePlan
	function   *function
	client     *sqs.Client
	url        string
	visibility time.Duration
	tasks      *taskGroup
	slots      chan struct{}
	printf     func(format string, args ...any)
}

// run polls until the stack stops.
func (s *poller) run(ctx context.Context) {
	s.slots = make(chan struct{}, s.concurrency)
	for {
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		messages := s.receiveBatch(ctx)
		if len(messages) == 0 {
			<-s.slots
			if ctx.Err() != nil {
				return
			}
			continue
		}
		s.tasks.run("a batch for "+s.function.folder, func() {
			defer func() { <-s.slots }()
			s.processBatch(ctx, messages)
		})
	}
}

// receiveBatch receives messages until the batch is full or the batching window has passed.
//
// An answer of the queue may be lost on its way. So a receive hides its messages only for the function's time limit, and
// confirm hides those that arrived for the queue's visibility timeout. The SDK must not repeat a receive: the messages of the
// lost answer would stay hidden, and no line would say so.
func (s *poller) receiveBatch(ctx context.Context) []types.Message {
	var batch []types.Message
	wait, until := longPoll, time.Time{}
	for len(batch) < s.batch {
		out, err := s.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: aws.String(s.url), MaxNumberOfMessages: int32(min(10, s.batch-len(batch))), WaitTimeSeconds: int32(wait / time.Second),
			VisibilityTimeout:           seconds(min(s.function.timeout, s.visibility)),
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
			MessageAttributeNames:       []string{"All"},
		}, func(o *sqs.Options) { o.RetryMaxAttempts = 1 })
		if err != nil {
			if ctx.Err() == nil {
				s.printf("receive from %s: %v; messages of a lost answer are visible again after %s", s.queue, err, min(s.function.timeout, s.visibility))
				sleepContext(ctx, pollErrorPause)
			}
			break
		}
		batch = append(batch, s.confirm(ctx, out.Messages)...)
		if len(batch) == 0 {
			break
		}
		if until.IsZero() {
			until = time.Now().Add(s.window)
		}
		wait = time.Until(until).Round(time.Second)
		if wait <= 0 && (len(out.Messages) == 0 || s.batch <= 10) {
			break
		}
		wait = max(wait, 0)
	}
	return batch
}

// confirm hides received messages for the queue's visibility timeout, and returns those that it could hide. The others
// become visible again by themselves.
func (s *poller) confirm(ctx context.Context, messages []types.Message) []types.Message {
	if len(messages) == 0 {
		return nil
	}
	entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(messages))
	for i, m := range messages {
		entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds(s.visibility)}
	}
	// Do this even if the stack is stopping: messages that are received must be released.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	out, err := s.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: aws.String(s.url), Entries: entries})
	if err != nil {
		s.printf("confirm %d messages of %s: %v; they will be received again", len(messages), s.queue, err)
		return nil
	}
	var confirmed []types.Message
	for _, e := range out.Successful {
		if i := toInt(aws.ToString(e.Id), -1); i >= 0 && i < len(messages) {
			confirmed = append(confirmed, messages[i])
		}
	}
	if n := len(messages) - len(confirmed); n > 0 {
		s.printf("confirm: %d messages of %s were visible again already; they will be received again", n, s.queue)
	}
	return confirmed
}

// seconds returns a duration in whole seconds, rounded up.
func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }

// processBatch invokes the function with a batch. Messages that it did not handle return to the queue.
func (s *poller) processBatch(ctx context.Context, messages []types.Message) {
	event := events.SQSEvent{}
	for _, m := range messages {
		event.Records = append(event.Records, s.eventRecord(m))
	}
	failed := map[string]bool{}
	payload, err := json.Marshal(event)
	if err == nil && len(payload) > maxPayload && len(messages) > 1 {
		half := len(messages) / 2 // Lambda keeps batches below its payload limit
		s.processBatch(ctx, messages[:half])
		s.processBatch(ctx, messages[half:])
		return
	}
	if err == nil {
		failed, err = s.invoke(ctx, payload)
	}
	if err != nil {
		s.printf("a batch of %d messages of %s failed: %v; they will be received again", len(messages), s.queue, err)
		failed = map[string]bool{}
		for _, m := range messages {
			failed[aws.ToString(m.MessageId)] = true
		}
	}
	// Do this even if the stack is stopping: handled messages must be deleted, and the others must return.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	s.deleteOrRelease(ctx, messages, failed)
}

// invoke invokes the function, and tries again while it is throttled.
func (s *poller) invoke(ctx context.Context, payload []byte) (map[string]bool, error) {
	for {
		answer, err := s.function.invoke(ctx, newID(), newTrace(), payload)
		switch {
		case errors.Is(err, errThrottled):
			if !sleepContext(ctx, throttlePause) {
				return nil, ctx.Err()
			}
			continue
		case err != nil:
			return nil, err
		case answer.failure != nil:
			return nil, answer.failure
		case answer.stream != nil:
			return nil, answer.stream.body.Close()
		}
		return s.failedMessages(answer.payload)
	}
}

// failedMessages reads the ids of failed messages from a partial batch response. As in Lambda, an empty or null response
// means success, and a failure without an id fails the whole batch.
func (s *poller) failedMessages(payload []byte) (map[string]bool, error) {
	failed := map[string]bool{}
	if !s.partial || len(payload) == 0 {
		return failed, nil
	}
	var answer events.SQSEventResponse
	if err := json.Unmarshal(payload, &answer); err != nil {
		return nil, err
	}
	for _, f := range answer.BatchItemFailures {
		if f.ItemIdentifier == "" {
			return nil, errors.New("a failure without an id")
		}
		failed[f.ItemIdentifier] = true
	}
	return failed, nil
}

// deleteOrRelease deletes the handled messages and makes the failed ones visible again.
//
// Lambda leaves a failed message invisible until its visibility timeout, which is six of the function's time limits or more.
// Here it is visible again after one second, then two, four, … up to that timeout. So a developer sees the retries and the
// dead-letter queue within minutes. Order and number of attempts are the same.
func (s *poller) deleteOrRelease(ctx context.Context, messages []types.Message, failed map[string]bool) {
	for _, m := range messages {
		var err error
		if failed[aws.ToString(m.MessageId)] {
			back := min(s.visibility, time.Second<<min(16, max(0, toInt(m.Attributes["ApproximateReceiveCount"], 1)-1)))
			_, err = s.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: aws.String(s.url),
				ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds(back)})
		} else {
			_, err = s.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: aws.String(s.url), ReceiptHandle: m.ReceiptHandle})
		}
		if err != nil {
			s.printf("delete or release a message of %s: %v; it will be received again", s.queue, err)
		}
	}
}

func (s *poller) eventRecord(m types.Message) events.SQSMessage {
	r := events.SQSMessage{MessageId: aws.ToString(m.MessageId), ReceiptHandle: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body),
		Md5OfBody: aws.ToString(m.MD5OfBody), Md5OfMessageAttributes: aws.ToString(m.MD5OfMessageAttributes), Attributes: m.Attributes,
		MessageAttributes: map[string]events.SQSMessageAttribute{}, EventSourceARN: s.arn, EventSource: "aws:sqs", AWSRegion: region}
	for name, a := range m.MessageAttributes {
		r.MessageAttributes[name] = events.SQSMessageAttribute{StringValue: a.StringValue, BinaryValue: a.BinaryValue,
			StringListValues: []string{}, BinaryListValues: [][]byte{}, DataType: aws.ToString(a.DataType)}
	}
	return r
}
