package fakesqs

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"sort"
	"strings"
	"time"
	"unicode/utf8"

	"example.com/aurora/shared/dev/fakeaws"
)

type sendRequest struct {
	QueueUrl                string
	Id                      string // only in a batch
	MessageBody             string
	DelaySeconds            *int
	MessageGroupId          string
	MessageDeduplicationId  string
	MessageAttributes       map[string]attribute
	MessageSystemAttributes map[string]attribute
}

type sentEntry struct {
	Id                     string `json:",omitempty"`
	MessageId              string
	MD5OfMessageBody       string
	MD5OfMessageAttributes string `json:",omitempty"`
	SequenceNumber         string `json:",omitempty"`
}

type batchError struct {
	Id, Code, Message string
	SenderFault       bool
}

func (s *Server) send(_ context.Context, in sendRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return s.enqueue(q, in)
}

type sendBatchRequest struct {
	QueueUrl string
	Entries  []sendRequest
}

func (s *Server) sendBatch(_ context.Context, in sendBatchRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	total := 0
	ids := make([]string, 0, len(in.Entries))
	for _, e := range in.Entries {
		total += e.size()
		ids = append(ids, e.Id)
	}
	if err := checkBatch(ids); err != nil {
		return nil, err
	}
	if total > MaxMessage {
		return nil, queryError("BatchRequestTooLong", "Batch requests cannot be longer than %d bytes. You have sent %d bytes.", MaxMessage, total)
	}
	successful, failed := []sentEntry{}, []batchError{}
	for _, e := range in.Entries {
		out, err := s.enqueue(q, e)
		if err != nil {
			failed = append(failed, newBatchError(e.Id, err))
			continue
		}
		out.Id = e.Id
		successful = append(successful, out)
	}
	return map[string]any{"Successful": successful, "Failed": failed}, nil
}

// enqueue adds a message to a queue. The caller holds the lock.
func (s *Server) enqueue(q *queue, in sendRequest) (sentEntry, error) {
	if in.MessageBody == "" {
		return sentEntry{}, fakeaws.Errorf("MissingParameter", "The request must contain the parameter MessageBody.")
	}
	if size := in.size(); size > MaxMessage {
		return sentEntry{}, invalidParameter("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", MaxMessage)
	}
	if at := strings.IndexFunc(in.MessageBody, isForbiddenRune); at >= 0 || !utf8.ValidString(in.MessageBody) {
		return sentEntry{}, fakeaws.Errorf("InvalidMessageContents", "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF")
	}
	if err := q.checkFIFO(&in); err != nil {
		return sentEntry{}, err
	}
	now := s.now()
	if first, ok := q.duplicateOf(in, now); ok {
		return newSentEntry(&message{ID: first.id, Number: first.number, Body: in.MessageBody, Attributes: in.MessageAttributes}), nil
	}
	delay := q.seconds("DelaySeconds", 0)
	if in.DelaySeconds != nil {
		if *in.DelaySeconds < 0 || *in.DelaySeconds > 900 {
			return sentEntry{}, invalidParameter("Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.", *in.DelaySeconds)
		}
		delay = time.Duration(*in.DelaySeconds) * time.Second
	}
	m := &message{ID: newID(), Body: in.MessageBody, Attributes: in.MessageAttributes, Sent: now, Visible: now.Add(delay), Group: in.MessageGroupId, DedupID: in.MessageDeduplicationId}
	if trace := in.MessageSystemAttributes["AWSTraceHeader"].StringValue; trace != nil {
		m.Trace = *trace
	}
	q.add(m)
	if err := s.save(storeChange{queue: q, message: m}); err != nil {
		q.remove(m)
		return sentEntry{}, err
	}
	q.remember(m)
	return newSentEntry(m), nil
}

func newSentEntry(m *message) sentEntry {
	out := sentEntry{MessageId: m.ID, MD5OfMessageBody: md5Hex([]byte(m.Body))}
	if len(m.Attributes) > 0 {
		out.MD5OfMessageAttributes = md5OfAttributes(m.Attributes)
	}
	if m.Number > 0 {
		out.SequenceNumber = sequenceNumber(m.Number)
	}
	return out
}

func (in sendRequest) size() int {
	n := len(in.MessageBody)
	for name, a := range in.MessageAttributes {
		n += len(name) + len(a.DataType) + len(a.BinaryValue)
		if a.StringValue != nil {
			n += len(*a.StringValue)
		}
	}
	return n
}

// isForbiddenRune reports whether a message must not contain this character. SQS accepts the characters of XML 1.0.
func isForbiddenRune(r rune) bool {
	return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF
}

func md5Hex(b []byte) string {
	digest := md5.Sum(b)
	return hex.EncodeToString(digest[:])
}

// md5OfAttributes returns the digest that the SQS developer guide describes under "Calculating the MD5 message digest for
// message attributes": the attributes sorted by name, each part preceded by its length.
func md5OfAttributes(attributes map[string]attribute) string {
	names := make([]string, 0, len(attributes))
	for name := range attributes {
		names = append(names, name)
	}
	sort.Strings(names)
	var b []byte
	part := func(p []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	for _, name := range names {
		a := attributes[name]
		part([]byte(name))
		part([]byte(a.DataType))
		if a.StringValue != nil {
			b = append(b, 1)
			part([]byte(*a.StringValue))
			continue
		}
		b = append(b, 2)
		part(a.BinaryValue)
	}
	return md5Hex(b)
}
