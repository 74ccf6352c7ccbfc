package fakesqs

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"example.com/aurora/shared/dev/fakeaws"
)

type receiveIn struct {
	QueueUrl                    string
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
}

type received struct {
	MessageId              string
	ReceiptHandle          string
	MD5OfBody              string
	Body                   string
	Attributes             map[string]string    `json:",omitempty"`
	MD5OfMessageAttributes string               `json:",omitempty"`
	MessageAttributes      map[string]attribute `json:",omitempty"`
}

func (s *Server) receive(ctx context.Context, in receiveIn) (any, error) {
	limit := 1
	if in.MaxNumberOfMessages != nil {
		limit = *in.MaxNumberOfMessages
	}
	if limit < 1 || limit > 10 {
		return nil, invalid("Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", limit)
	}
	if in.WaitTimeSeconds != nil && (*in.WaitTimeSeconds < 0 || *in.WaitTimeSeconds > 20) {
		return nil, invalid("Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.", *in.WaitTimeSeconds)
	}
	if in.VisibilityTimeout != nil && (*in.VisibilityTimeout < 0 || *in.VisibilityTimeout > 43200) {
		return nil, invalid("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided.", *in.VisibilityTimeout)
	}
	var deadline time.Time
	for {
		taken, wait, changed, err := s.take(in, limit, &deadline)
		if err != nil || len(taken) > 0 || wait <= 0 {
			return map[string]any{"Messages": taken}, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return map[string]any{"Messages": nil}, nil
		case <-s.closed:
			timer.Stop()
			return map[string]any{"Messages": nil}, nil
		}
		timer.Stop()
	}
}

// take receives what is visible now; where that is nothing it says how long to wait before another look.
func (s *Server) take(in receiveIn, limit int, deadline *time.Time) (taken []received, wait time.Duration, changed <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.at(in.QueueUrl)
	if err != nil {
		return nil, 0, nil, err
	}
	now := s.now()
	if deadline.IsZero() {
		patience := q.seconds("ReceiveMessageWaitTimeSeconds", 0)
		if in.WaitTimeSeconds != nil {
			patience = time.Duration(*in.WaitTimeSeconds) * time.Second
		}
		*deadline = now.Add(patience)
	}
	visibility := q.seconds("VisibilityTimeout", 30)
	if in.VisibilityTimeout != nil {
		visibility = time.Duration(*in.VisibilityTimeout) * time.Second
	}
	changes := s.settle(q, now)
	for _, m := range q.messages {
		if len(taken) == limit {
			break
		}
		if m.Visible.After(now) {
			continue
		}
		m.receive(q.name, now, visibility)
		changes = append(changes, change{queue: q, message: m})
		taken = append(taken, m.shown(in, s.account))
	}
	if err := s.keep(changes...); err != nil {
		return nil, 0, nil, err
	}
	wait = deadline.Sub(now)
	for _, m := range q.messages {
		if left := m.Visible.Sub(now); left > 0 {
			wait = min(wait, left)
		}
	}
	return taken, wait, q.changed, nil
}

// settle drops the messages that are too old, and moves those received too often to the dead-letter queue.
func (s *Server) settle(q *queue, now time.Time) []change {
	var changes []change
	oldest := now.Add(-q.seconds("MessageRetentionPeriod", 4*24*3600))
	most, arn := q.redrive()
	for _, m := range append([]*message(nil), q.messages...) {
		switch dead := s.queues[nameOf(arn)]; {
		case m.Sent.Before(oldest):
			q.remove(m)
			changes = append(changes, change{queue: q, message: m, gone: true})
		case most > 0 && dead != nil && m.Receives >= most && !m.Visible.After(now):
			changes = append(changes, s.shift(q, dead, m, now)...)
		}
	}
	return changes
}

// shift moves a message to another queue, where its receives are counted anew.
func (s *Server) shift(from, to *queue, m *message, now time.Time) []change {
	moved := *m
	moved.Sequence, moved.Receives, moved.Handle, moved.First, moved.Visible = 0, 0, "", time.Time{}, now
	moved.Source = s.arn(from.name)
	from.remove(m)
	to.add(&moved)
	return []change{{queue: from, message: m, gone: true}, {queue: to, message: &moved}}
}

func (m *message) receive(queue string, now time.Time, visibility time.Duration) {
	m.Receives++
	if m.First.IsZero() {
		m.First = now
	}
	m.Visible = now.Add(visibility)
	m.Handle = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s/%d/%d/%s", queue, m.Sequence, m.Receives, m.ID))
}

// shown is a message as a receiver sees it.
func (m *message) shown(in receiveIn, account string) received {
	out := received{MessageId: m.ID, ReceiptHandle: m.Handle, Body: m.Body, MD5OfBody: sum([]byte(m.Body))}
	system := map[string]string{
		"ApproximateReceiveCount":          strconv.Itoa(m.Receives),
		"SentTimestamp":                    strconv.FormatInt(m.Sent.UnixMilli(), 10),
		"SenderId":                         account,
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.First.UnixMilli(), 10),
	}
	if m.Trace != "" {
		system["AWSTraceHeader"] = m.Trace
	}
	if m.Source != "" {
		system["DeadLetterQueueSourceArn"] = m.Source
	}
	for name, value := range system {
		if wanted(name, in.AttributeNames) || wanted(name, in.MessageSystemAttributeNames) {
			if out.Attributes == nil {
				out.Attributes = map[string]string{}
			}
			out.Attributes[name] = value
		}
	}
	for name, value := range m.Attributes {
		if wanted(name, in.MessageAttributeNames) {
			if out.MessageAttributes == nil {
				out.MessageAttributes = map[string]attribute{}
			}
			out.MessageAttributes[name] = value
		}
	}
	if len(out.MessageAttributes) > 0 {
		out.MD5OfMessageAttributes = sumAttributes(out.MessageAttributes)
	}
	return out
}

// wanted says whether a list of names asks for one: by name, by "All", or by a prefix ending in ".*".
func wanted(name string, names []string) bool {
	for _, n := range names {
		prefix, wild := strings.CutSuffix(n, ".*")
		if n == "All" || n == name || wild && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func invalid(format string, args ...any) error {
	fault := fakeaws.Refuse("InvalidParameterValue", format, args...)
	fault.Query = "InvalidParameterValue"
	return fault
}
