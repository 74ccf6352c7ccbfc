package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// redrivenQueues are the queues with a dead-letter queue that redrive works on.
var redrivenQueues = []string{"calls", "raw", "reports", "phone-tasks", "messages"}

// queueName returns the full name of a queue in this stack.
func (s *stack) queueName(name string) string {
	full := "aurora-" + s.stage + "-" + name
	if name == "messages" {
		full += ".fifo" // as SQS demands for a FIFO queue
	}
	return full
}

// redrive shows, drops, or moves back the messages of the dead-letter queues. Without options it moves all of them.
func (p *program) redrive(ctx context.Context) error {
	f := p.flags("redrive")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	only := f.String("queue", "", "only this queue: calls, raw, reports, phone-tasks or messages")
	show := f.String("show", "", "1 shows the messages and moves none")
	limit := f.String("limit", "", "the most messages of each queue to move or to show")
	drop := f.String("drop", "", "ids of messages, separated by commas, that are deleted and not moved")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	most, err := parseLimit(*limit)
	if err != nil {
		return err
	}
	if *drop != "" && (*show != "" || *limit != "") {
		return errors.New("DROP names the messages that it deletes: leave SHOW and LIMIT out")
	}
	queues := redrivenQueues
	if *only != "" {
		if queues = []string{*only}; !slices.Contains(redrivenQueues, *only) {
			return fmt.Errorf("QUEUE must be one of %s, not %q", strings.Join(redrivenQueues, ", "), *only)
		}
	}
	s, err := p.stack(ctx, *stage)
	if err != nil {
		return err
	}
	switch {
	case *drop != "":
		return p.dropDeadLetters(ctx, s, queues, strings.FieldsFunc(*drop, func(r rune) bool { return r == ',' || r == ' ' }))
	case *show != "":
		return p.eachDeadLetterQueue(ctx, s, queues, func(queue deadLetters) error { return p.showDeadLetters(ctx, queue, most) })
	case most > 0:
		return p.eachDeadLetterQueue(ctx, s, queues, func(queue deadLetters) error { return p.moveDeadLetters(ctx, queue, most) })
	}
	cfg, err := s.awsConfig("sqs")()
	if err != nil {
		return err
	}
	client := sqs.NewFromConfig(cfg)
	var failed []error
	for _, queue := range queues {
		moved, err := redriveQueue(ctx, client, s.queueName(queue))
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", queue, err))
			continue
		}
		p.printLine("%-11s %s message(s) moved back", queue, moved)
	}
	return errors.Join(failed...)
}

// parseLimit reads LIMIT. It is 0 if there is none.
func parseLimit(given string) (int, error) {
	if given == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("LIMIT must be a whole number of at least 1, not %q", given)
	}
	return n, nil
}

// redriveQueue starts moving the messages of a queue's dead-letter queue back, and returns about how many these are.
func redriveQueue(ctx context.Context, client *sqs.Client, name string) (waiting string, err error) {
	deadURL, target, err := deadLetterURL(ctx, client, name)
	if err != nil {
		return "", err
	}
	count, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &deadURL,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages}})
	if err != nil {
		return "", err
	}
	waiting = count.Attributes["ApproximateNumberOfMessages"]
	if waiting == "0" {
		return waiting, nil
	}
	_, err = client.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &target})
	return waiting, err
}

// deadLetterURL returns the URL and the ARN of a queue's dead-letter queue.
func deadLetterURL(ctx context.Context, client *sqs.Client, name string) (url, arn string, err error) {
	queue, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		return "", "", err
	}
	source, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: queue.QueueUrl,
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameRedrivePolicy}})
	if err != nil {
		return "", "", err
	}
	var policy struct {
		Target string `json:"deadLetterTargetArn"`
	}
	if err := json.Unmarshal([]byte(source.Attributes["RedrivePolicy"]), &policy); err != nil {
		return "", "", fmt.Errorf("it has no dead-letter queue: %w", err)
	}
	dead := policy.Target[strings.LastIndex(policy.Target, ":")+1:] // an ARN ends in the queue's name
	deadQueue, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &dead})
	if err != nil {
		return "", "", err
	}
	return *deadQueue.QueueUrl, policy.Target, nil
}
