package sqs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/aurora/shared/core/aurora"
)

// PhoneTasks is the queue of work on phone calls. Use NewPhoneTasks.
type PhoneTasks struct{ queue *Queue }

// NewPhoneTasks returns the queue at this URL.
func NewPhoneTasks(config func() (aws.Config, error), url string) *PhoneTasks {
	return &PhoneTasks{queue: New(config, url)}
}

// Send sends a task that is done after a delay of at most MaxDelay. It may be done twice.
func (p *PhoneTasks) Send(ctx context.Context, task aurora.PhoneTask, delay time.Duration) error {
	body, err := json.Marshal(task)
	if err != nil {
		return fmt.Errorf("send a phone task: %w", err)
	}
	if err := p.queue.SendDelayed(ctx, string(body), delay); err != nil {
		return fmt.Errorf("send a phone task %s: %w", task.Kind, err)
	}
	return nil
}
