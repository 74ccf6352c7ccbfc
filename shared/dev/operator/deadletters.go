package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/usecase/webhook"
)

// deadLetters is a dead-letter queue and the queue that its messages come from.
type deadLetters struct {
	name         string // of the source
	dead, source *sqs.Queue
}

// eachDeadLetterQueue calls do for the dead-letter queue of each queue. An error of one does not keep the others from it.
func (p *program) eachDeadLetterQueue(ctx context.Context, s *stack, names []string, do func(deadLetters) error) error {
	cfg, err := s.awsConfig("sqs")()
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range names {
		source, err := s.queueURL(ctx, name)
		var dead string
		if err == nil {
			dead, _, err = deadLetterURL(ctx, awssqs.NewFromConfig(cfg), s.queueName(name))
		}
		if err == nil {
			err = do(deadLetters{name: name, dead: sqs.New(s.awsConfig("sqs"), dead), source: sqs.New(s.awsConfig("sqs"), source)})
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(failed...)
}

// errLimit ends the reading of a queue after as many messages as were asked for.
var errLimit = errors.New("enough messages")

// sweep shows the messages of a dead-letter queue to visit, at most limit; 0 is all. It returns how many it showed.
func (q deadLetters) sweep(ctx context.Context, limit int, visit func(context.Context, aurora.QueuedMessage) (aurora.MessageVerdict, error)) (seen int, err error) {
	_, err = q.dead.Sweep(ctx, func(ctx context.Context, m aurora.QueuedMessage) (aurora.MessageVerdict, error) {
		if limit > 0 && seen == limit {
			return aurora.MessageVerdict{}, errLimit
		}
		seen++
		return visit(ctx, m)
	})
	if errors.Is(err, errLimit) {
		err = nil
	}
	return seen, err
}

// showDeadLetters prints a line for each message: its id, when it was sent, and what it is about, never what was said.
func (p *program) showDeadLetters(ctx context.Context, q deadLetters, limit int) error {
	seen, err := q.sweep(ctx, limit, func(_ context.Context, m aurora.QueuedMessage) (aurora.MessageVerdict, error) {
		p.printLine("%-11s %s  sent %s  %s", q.name, m.ID, m.SentAt.UTC().Format(time.RFC3339), q.subject(m))
		return aurora.MessageVerdict{}, nil
	})
	p.printLine("%-11s %d message(s) shown", q.name, seen)
	return err
}

// moveDeadLetters moves at most limit messages back. Each is sent before it is deleted, so that none is lost; one that is sent
// twice changes nothing.
func (p *program) moveDeadLetters(ctx context.Context, q deadLetters, limit int) error {
	moved := 0
	_, err := q.sweep(ctx, limit, func(ctx context.Context, m aurora.QueuedMessage) (aurora.MessageVerdict, error) {
		if err := q.source.SendAgain(ctx, m); err != nil {
			return aurora.MessageVerdict{}, err
		}
		moved++
		p.printLine("%-11s %s  moved back  %s", q.name, m.ID, q.subject(m))
		return aurora.MessageVerdict{Remove: true}, nil
	})
	p.printLine("%-11s %d message(s) moved back", q.name, moved)
	return err
}

// dropDeadLetters deletes the messages with these ids. It returns an error that names the ids that no queue has.
func (p *program) dropDeadLetters(ctx context.Context, s *stack, queues, ids []string) error {
	missing := slices.Clone(ids)
	err := p.eachDeadLetterQueue(ctx, s, queues, func(q deadLetters) error {
		_, err := q.sweep(ctx, 0, func(_ context.Context, m aurora.QueuedMessage) (aurora.MessageVerdict, error) {
			if !slices.Contains(ids, m.ID) {
				return aurora.MessageVerdict{}, nil
			}
			missing = slices.DeleteFunc(missing, func(id string) bool { return id == m.ID })
			p.printLine("%-11s %s  dropped  %s", q.name, m.ID, q.subject(m))
			return aurora.MessageVerdict{Remove: true}, nil
		})
		return err
	})
	if len(missing) > 0 {
		err = errors.Join(err, fmt.Errorf("no dead-letter queue has the message(s) %s: make redrive SHOW=1 shows the ids", strings.Join(missing, ", ")))
	}
	return err
}

// subject says what a message is about: the keys of objects, the report that is to be made, or the call.
func (q deadLetters) subject(m aurora.QueuedMessage) string {
	switch q.name {
	case "raw":
		if key := m.Attributes[webhook.QueuedKeyAttribute]; key != "" {
			return key
		}
	case "calls":
		var event struct {
			Records []struct {
				S3 struct{ Object struct{ Key string } }
			}
		}
		if err := json.Unmarshal([]byte(m.Body), &event); err == nil && len(event.Records) > 0 {
			var keys []string
			for _, record := range event.Records {
				key, err := url.QueryUnescape(record.S3.Object.Key)
				if err != nil {
					key = record.S3.Object.Key
				}
				keys = append(keys, key)
			}
			return strings.Join(keys, " ")
		}
	case "reports":
		var job aurora.ReportJob
		if err := json.Unmarshal([]byte(m.Body), &job); err == nil && job.AssistantID != "" {
			return fmt.Sprintf("%s report of %s until %s", job.Period, job.AssistantID, job.Until.UTC().Format(time.DateOnly))
		}
	case "phone-tasks":
		var task aurora.PhoneTask
		if err := json.Unmarshal([]byte(m.Body), &task); err == nil && task.CallSID != "" {
			return fmt.Sprintf("%s of %s", task.Kind, task.CallSID)
		}
	case "messages":
		return fmt.Sprintf("a text message, %d bytes", len(m.Body)) // its group and its body name the sender
	}
	return fmt.Sprintf("%d bytes that are no message of this queue", len(m.Body))
}
