package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// redrive moves the messages of each dead-letter queue back to their queue.
func (p *program) redrive(ctx context.Context) error {
	f := p.flags("redrive")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	s, err := p.stack(ctx, *stage)
	if err != nil {
		return err
	}
	cfg, err := s.awsConfig("sqs")()
	if err != nil {
		return err
	}
	client := sqs.NewFromConfig(cfg)
	var failed []error
	for _, queue := range []string{"calls", "raw", "reports"} {
		moved, err := redriveQueue(ctx, client, "aurora-"+s.stage+"-"+queue)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", queue, err))
			continue
		}
		p.printLine("%-7s %s message(s) moved back", queue, moved)
	}
	return errors.Join(failed...)
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
