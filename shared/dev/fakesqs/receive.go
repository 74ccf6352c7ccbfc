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

type receiveRequest struct {
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

// receivedMessages is the answer of a receive.
type receivedMessages struct {
	Messages []received
	server   *Server
	queue    string
}

// Undo makes the messages visible again, because their receiver went away before it had them. In SQS they stay invisible
// until the visibility timeout.
func (r receivedMessages) Undo() {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueAt(r.queue)
	if err != nil {
		return // the queue was deleted
	}
	for _, m := range r.Messages {
		_ = s.setVisibility(q, handleRequest{ReceiptHandle: m.ReceiptHandle}) // received again or deleted: nothing to undo
	}
}

func (s *Server) receive(ctx context.Context, in receiveRequest) (any, error) {
	limit := 1
	if in.MaxNumberOfMessages != nil {
		limit = *in.MaxNumberOfMessages
	}
	if limit < 1 || limit > 10 {
		return nil, invalidParameter("Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.", limit)
	}
	if in.WaitTimeSeconds != nil && (*in.WaitTimeSeconds < 0 || *in.WaitTimeSeconds > 20) {
		return nil, invalidParameter("Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.", *in.WaitTimeSeconds)
	}
	if in.VisibilityTimeout != nil && (*in.VisibilityTimeout < 0 || *in.VisibilityTimeout > 43200) {
		return nil, invalidParameter("Value %d for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided.", *in.VisibilityTimeout)
	}
	var deadline time.Time
	for {
		taken, wait, changed, err := s.receiveVisible(in, limit, &deadline)
		if err != nil || len(taken) > 0 || wait <= 0 {
			return receivedMessages{Messages: taken, server: s, queue: in.QueueUrl}, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return receivedMessages{server: s}, nil
		case <-s.closed:
			timer.Stop()
			return receivedMessages{server: s}, nil
		}
		timer.Stop()
	}
}

// receiveVisible receives the messages that are visible now. If there are none, it returns how long to wait, and a channel
// that is closed earlier if a message may have become visible.
func (s *Server) receiveVisible(in receiveRequest, limit int, deadline *time.Time) (taken []received, wait time.Duration, changed <-chan struct{}, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return nil, 0, nil, err
	}
	now := s.now()
	if deadline.IsZero() {
		wait := q.seconds("ReceiveMessageWaitTimeSeconds", 0)
		if in.WaitTimeSeconds != nil {
			wait = time.Duration(*in.WaitTimeSeconds) * time.Second
		}
		*deadline = now.Add(wait)
	}
	visibility := q.seconds("VisibilityTimeout", 30)
	if in.VisibilityTimeout != nil {
		visibility = time.Duration(*in.VisibilityTimeout) * time.Second
	}
	changes := s.expireAndRedrive(q, now)
	var receivedNow []*message
	for _, m := range q.receivable(now, limit) {
		m.markReceived(q.name, now, visibility)
		changes = append(changes, storeChange{queue: q, message: m})
		receivedNow = append(receivedNow, m)
		taken = append(taken, m.forReceiver(in, s.account))
	}
	if err := s.save(changes...); err != nil {
		for _, m := range receivedNow {
			m.Visible = now // no receiver has it
		}
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

// expireAndRedrive deletes messages that are older than the retention period, and moves those that were received too often
// to the dead-letter queue.
func (s *Server) expireAndRedrive(q *queue, now time.Time) []storeChange {
	var changes []storeChange
	oldest := now.Add(-q.seconds("MessageRetentionPeriod", 4*24*3600))
	most, arn := q.redrivePolicy()
	for _, m := range append([]*message(nil), q.messages...) {
		switch dead := s.queues[queueNameOf(arn)]; {
		case m.Sent.Before(oldest):
			q.remove(m)
			changes = append(changes, storeChange{queue: q, message: m, removed: true})
		case most > 0 && dead != nil && m.Receives >= most && !m.Visible.After(now):
			changes = append(changes, s.moveMessage(q, dead, m, now)...)
		}
	}
	return changes
}

// moveMessage moves a message to another queue, and sets its receive count to 0.
func (s *Server) moveMessage(from, to *queue, m *message, now time.Time) []storeChange {
	moved := *m
	moved.Sequence, moved.Receives, moved.Handle, moved.First, moved.Visible = 0, 0, "", time.Time{}, now
	moved.Source = s.arn(from.name)
	from.remove(m)
	to.add(&moved)
	return []storeChange{{queue: from, message: m, removed: true}, {queue: to, message: &moved}}
}

func (m *message) markReceived(queue string, now time.Time, visibility time.Duration) {
	m.Receives++
	if m.First.IsZero() {
		m.First = now
	}
	m.Visible = now.Add(visibility)
	m.Handle = base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s/%d/%d/%s", queue, m.Sequence, m.Receives, m.ID))
}

// forReceiver returns a message with the attributes that a receiver asked for.
func (m *message) forReceiver(in receiveRequest, account string) received {
	out := received{MessageId: m.ID, ReceiptHandle: m.Handle, Body: m.Body, MD5OfBody: md5Hex([]byte(m.Body))}
	system := map[string]string{
		"ApproximateReceiveCount":          strconv.Itoa(m.Receives),
		"SentTimestamp":                    strconv.FormatInt(m.Sent.UnixMilli(), 10),
		"SenderId":                         account,
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.First.UnixMilli(), 10),
	}
	if m.Trace != "" {
		system["AWSTraceHeader"] = m.Trace
	}
	for name, value := range map[string]string{"MessageGroupId": m.Group, "MessageDeduplicationId": m.DedupID} {
		if value != "" {
			system[name] = value
		}
	}
	if m.Number > 0 {
		system["SequenceNumber"] = sequenceNumber(m.Number)
	}
	if m.Source != "" {
		system["DeadLetterQueueSourceArn"] = m.Source
	}
	for name, value := range system {
		if isRequested(name, in.AttributeNames) || isRequested(name, in.MessageSystemAttributeNames) {
			if out.Attributes == nil {
				out.Attributes = map[string]string{}
			}
			out.Attributes[name] = value
		}
	}
	for name, value := range m.Attributes {
		if isRequested(name, in.MessageAttributeNames) {
			if out.MessageAttributes == nil {
				out.MessageAttributes = map[string]attribute{}
			}
			out.MessageAttributes[name] = value
		}
	}
	if len(out.MessageAttributes) > 0 {
		out.MD5OfMessageAttributes = md5OfAttributes(out.MessageAttributes)
	}
	return out
}

// isRequested reports whether a list requests this name: by the name, by "All", or by a prefix that ends in ".*".
func isRequested(name string, names []string) bool {
	for _, n := range names {
		prefix, wild := strings.CutSuffix(n, ".*")
		if n == "All" || n == name || wild && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func invalidParameter(format string, args ...any) error {
	fault := fakeaws.Errorf("InvalidParameterValue", format, args...)
	fault.QueryCode = "InvalidParameterValue"
	return fault
}
