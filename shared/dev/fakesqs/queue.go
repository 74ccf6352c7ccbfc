package fakesqs

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// message is a stored message.
type message struct {
	Sequence   uint64               `json:"sequence"`
	ID         string               `json:"id"`
	Body       string               `json:"body"`
	Attributes map[string]attribute `json:"attributes,omitempty"`
	Trace      string               `json:"trace,omitempty"`
	Sent       time.Time            `json:"sent"`
	First      time.Time            `json:"first"` // when it was first received; zero before
	Visible    time.Time            `json:"visible"`
	Receives   int                  `json:"receives"`
	Handle     string               `json:"handle,omitempty"`
	Source     string               `json:"source,omitempty"` // ARN of the queue that moved it to its dead-letter queue
	Group      string               `json:"group,omitempty"`
	DedupID    string               `json:"dedupId,omitempty"`
	Number     uint64               `json:"number,omitempty"` // SequenceNumber of a FIFO queue
}

func (m *message) key() []byte { return binary.BigEndian.AppendUint64(nil, m.Sequence) }

// attribute is a message attribute in its wire format.
type attribute struct {
	DataType    string  `json:"DataType"`
	StringValue *string `json:"StringValue,omitempty"`
	BinaryValue []byte  `json:"BinaryValue,omitempty"`
}

// storeChange is a message to store, or to delete if removed.
type storeChange struct {
	queue   *queue
	message *message
	removed bool
}

// queue holds messages in the order of their arrival.
type queue struct {
	name       string
	attributes map[string]string
	messages   []*message
	seen       map[string]seenMessage // of a FIFO queue, by deduplication id
	next       uint64
	changed    chan struct{} // closed and replaced whenever a message may have become visible
}

func newQueue(name string) *queue {
	return &queue{name: name, attributes: map[string]string{}, seen: map[string]seenMessage{}, next: 1, changed: make(chan struct{})}
}

func (q *queue) add(m *message) {
	if m.Sequence == 0 {
		m.Sequence = q.next
	}
	if m.Number == 0 && q.isFIFO() {
		m.Number = m.Sequence
	}
	q.next = max(q.next, m.Sequence+1)
	q.messages = append(q.messages, m)
	q.wake()
}

func (q *queue) wake() {
	close(q.changed)
	q.changed = make(chan struct{})
}

func (q *queue) remove(gone *message) {
	for i, m := range q.messages {
		if m == gone {
			q.messages = append(q.messages[:i], q.messages[i+1:]...)
			return
		}
	}
}

// findByHandle returns the message of a receipt handle, nil if it was deleted. current means that no later receive replaced
// the handle, and valid that the handle is one of this queue.
func (q *queue) findByHandle(handle string) (m *message, current, valid bool) {
	raw, err := base64.RawURLEncoding.DecodeString(handle)
	if err != nil {
		return nil, false, false
	}
	name, rest, found := strings.Cut(string(raw), "/")
	digits, _, _ := strings.Cut(rest, "/")
	sequence, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || !found || name != q.name {
		return nil, false, false
	}
	for _, m := range q.messages {
		if m.Sequence == sequence {
			return m, m.Handle == handle, true
		}
	}
	return nil, false, true
}

// seconds returns an attribute that is a number of seconds.
func (q *queue) seconds(name string, otherwise int) time.Duration {
	if n, err := strconv.Atoi(q.attributes[name]); err == nil {
		otherwise = n
	}
	return time.Duration(otherwise) * time.Second
}

// redrivePolicy returns the number of receives after which a message moves, and the ARN of the dead-letter queue. 0 means
// never.
func (q *queue) redrivePolicy() (receives int, arn string) {
	var policy struct {
		DeadLetterTargetArn string          `json:"deadLetterTargetArn"`
		MaxReceiveCount     json.RawMessage `json:"maxReceiveCount"` // CloudFormation sends a number, other clients a string
	}
	if json.Unmarshal([]byte(q.attributes["RedrivePolicy"]), &policy) != nil {
		return 0, ""
	}
	n, err := strconv.Atoi(strings.Trim(string(policy.MaxReceiveCount), `"`))
	if err != nil {
		return 0, ""
	}
	return n, policy.DeadLetterTargetArn
}

// counts returns the numbers of messages that can be received now, that are in flight, and that are delayed.
func (q *queue) counts(now time.Time) (visible, inFlight, delayed int) {
	for _, m := range q.messages {
		switch {
		case !m.Visible.After(now):
			visible++
		case m.Receives > 0:
			inFlight++
		default:
			delayed++
		}
	}
	return visible, inFlight, delayed
}
