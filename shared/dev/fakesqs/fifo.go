package fakesqs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/dev/fakeaws"
)

// deduplicationTime is how long a FIFO queue remembers a message
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html).
const deduplicationTime = 5 * time.Minute

// seenMessage is a message that a FIFO queue has accepted.
type seenMessage struct {
	id     string
	number uint64
	at     time.Time
}

func isFIFOName(name string) bool { return strings.HasSuffix(name, ".fifo") }

func (q *queue) isFIFO() bool { return isFIFOName(q.name) }

// checkFIFOAttributes checks a queue's attributes as SQS does, where they concern FIFO queues.
func checkFIFOAttributes(name string, attributes map[string]string) error {
	scope, limit := attributes["DeduplicationScope"], attributes["FifoThroughputLimit"]
	if !isFIFOName(name) {
		for _, only := range []string{"FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"} {
			if _, set := attributes[only]; set {
				return fakeaws.Errorf("InvalidAttributeName", "Unknown Attribute %s.", only)
			}
		}
	}
	if limit == "perMessageGroupId" && scope != "messageGroup" {
		return fakeaws.Errorf("InvalidAttributeValue", "Invalid value for the parameter FifoThroughputLimit. Reason: perMessageGroupId can be set only if DeduplicationScope is messageGroup.")
	}
	q := &queue{name: name, attributes: attributes}
	if most, dead := q.redrivePolicy(); most > 0 && isFIFOName(queueNameOf(dead)) != isFIFOName(name) {
		return invalidParameter("Value %s for parameter RedrivePolicy is invalid. Reason: Dead-letter queue must be same type of queue as the source.", attributes["RedrivePolicy"])
	}
	return nil
}

// checkFIFO checks what a message needs for its kind of queue. It fills in the deduplication id that the content gives.
func (q *queue) checkFIFO(in *sendRequest) error {
	switch {
	case !q.isFIFO() && in.MessageDeduplicationId != "":
		return invalidParameter("Value %s for parameter MessageDeduplicationId is invalid. Reason: The request includes a parameter that is not valid for this queue type.", in.MessageDeduplicationId)
	case !q.isFIFO():
		return nil // a standard queue takes a group, for fairness
	case in.MessageGroupId == "":
		return fakeaws.Errorf("MissingParameter", "The request must contain the parameter MessageGroupId.")
	case in.DelaySeconds != nil && *in.DelaySeconds != 0:
		return invalidParameter("Value %d for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.", *in.DelaySeconds)
	}
	if in.MessageDeduplicationId == "" {
		if q.attributes["ContentBasedDeduplication"] != "true" {
			return invalidParameter("The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
		}
		digest := sha256.Sum256([]byte(in.MessageBody))
		in.MessageDeduplicationId = hex.EncodeToString(digest[:])
	}
	for name, value := range map[string]string{"MessageGroupId": in.MessageGroupId, "MessageDeduplicationId": in.MessageDeduplicationId} {
		if len(value) > 128 || strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return invalidParameter("Value %s for parameter %s is invalid. Reason: %s can only include alphanumeric and punctuation characters. 1 to 128 in length.", value, name, name)
		}
	}
	return nil
}

// dedupKey returns the key of a message in seen.
func (q *queue) dedupKey(group, id string) string {
	if q.attributes["DeduplicationScope"] == "messageGroup" {
		return group + "\x00" + id
	}
	return id
}

// duplicateOf returns the message of a FIFO queue that a new one repeats. SQS accepts the new one and does not deliver it.
func (q *queue) duplicateOf(in sendRequest, now time.Time) (seenMessage, bool) {
	for key, m := range q.seen {
		if now.Sub(m.at) >= deduplicationTime {
			delete(q.seen, key)
		}
	}
	first, ok := q.seen[q.dedupKey(in.MessageGroupId, in.MessageDeduplicationId)]
	return first, ok && q.isFIFO()
}

// remember records a message of a FIFO queue, for duplicateOf.
func (q *queue) remember(m *message) {
	if q.isFIFO() {
		q.seen[q.dedupKey(m.Group, m.DedupID)] = seenMessage{id: m.ID, number: m.Number, at: m.Sent}
	}
}

// sequenceNumber writes a number as SQS does: with 20 digits.
func sequenceNumber(n uint64) string { return fmt.Sprintf("%020d", n) }

// receivable returns the messages that a receive gets now. In a FIFO queue a group with a message in flight waits, so that its
// messages keep their order; as many messages as possible are of one group
// (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/FIFO-queues-understanding-logic.html).
func (q *queue) receivable(now time.Time, limit int) []*message {
	visible := slices.DeleteFunc(slices.Clone(q.messages), func(m *message) bool { return m.Visible.After(now) })
	if q.isFIFO() {
		waits, first := map[string]bool{}, map[string]int{}
		for i, m := range q.messages {
			waits[m.Group] = waits[m.Group] || m.Visible.After(now)
			if _, ok := first[m.Group]; !ok {
				first[m.Group] = i
			}
		}
		visible = slices.DeleteFunc(visible, func(m *message) bool { return waits[m.Group] })
		slices.SortStableFunc(visible, func(a, b *message) int { return first[a.Group] - first[b.Group] })
	}
	return visible[:min(limit, len(visible))]
}
