package fakesqs

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"

	"example.com/aurora/shared/dev/fakeaws"
)

func (s *Server) operations() map[string]fakeaws.Operation {
	return map[string]fakeaws.Operation{
		"CreateQueue":                  fakeaws.Typed(s.createQueue),
		"GetQueueUrl":                  fakeaws.Typed(s.getQueueURL),
		"ListQueues":                   fakeaws.Typed(s.listQueues),
		"GetQueueAttributes":           fakeaws.Typed(s.getQueueAttributes),
		"SetQueueAttributes":           fakeaws.Typed(s.setQueueAttributes),
		"PurgeQueue":                   fakeaws.Typed(s.purge),
		"SendMessage":                  fakeaws.Typed(s.send),
		"SendMessageBatch":             fakeaws.Typed(s.sendBatch),
		"ReceiveMessage":               fakeaws.Typed(s.receive),
		"DeleteMessage":                fakeaws.Typed(s.deleteMessage),
		"DeleteMessageBatch":           fakeaws.Typed(s.deleteBatch),
		"ChangeMessageVisibility":      fakeaws.Typed(s.changeVisibility),
		"ChangeMessageVisibilityBatch": fakeaws.Typed(s.changeVisibilityBatch),
		"StartMessageMoveTask":         fakeaws.Typed(s.startMove),
		"ListMessageMoveTasks":         fakeaws.Typed(s.listMoves),
		"ListDeadLetterSourceQueues":   fakeaws.Typed(s.deadLetterSources),
	}
}

type queueRequest struct {
	QueueUrl        string
	QueueName       string
	QueueNamePrefix string
	Attributes      map[string]string
	AttributeNames  []string
}

func (s *Server) createQueue(ctx context.Context, in queueRequest) (any, error) {
	if in.QueueName == "" || len(in.QueueName) > 80 {
		return nil, invalidParameter("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	if isFIFOName(in.QueueName) != (in.Attributes["FifoQueue"] == "true") {
		return nil, invalidParameter("The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queues[in.QueueName]
	if q == nil {
		q = newQueue(in.QueueName)
	}
	for name, value := range in.Attributes {
		if old, set := q.attributes[name]; set && old != value {
			return nil, queryError("QueueNameExists", "A queue of this name has another value of %s.", name)
		}
	}
	if err := s.configure(q, in.Attributes); err != nil {
		return nil, err
	}
	s.queues[q.name] = q
	return map[string]string{"QueueUrl": s.url(ctx, q)}, nil
}

// url returns a queue's URL on the host that the client used.
func (s *Server) url(ctx context.Context, q *queue) string {
	return "http://" + fakeaws.Host(ctx) + "/" + s.account + "/" + q.name
}

func (s *Server) configure(q *queue, attributes map[string]string) error {
	updated := maps.Clone(q.attributes)
	maps.Copy(updated, attributes)
	if err := checkFIFOAttributes(q.name, updated); err != nil {
		return err
	}
	value, err := json.Marshal(updated)
	if err != nil {
		return err
	}
	err = s.db.Update(func(tx *bolt.Tx) error { return tx.Bucket(queuesBucket).Put([]byte(q.name), value) })
	if err != nil {
		return err
	}
	q.attributes = updated
	q.wake()
	return nil
}

func (s *Server) getQueueURL(ctx context.Context, in queueRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueNamed(in.QueueName)
	if err != nil {
		return nil, err
	}
	return map[string]string{"QueueUrl": s.url(ctx, q)}, nil
}

func (s *Server) listQueues(ctx context.Context, in queueRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	urls := []string{}
	for _, name := range s.queueNames(in.QueueNamePrefix) {
		urls = append(urls, s.url(ctx, s.queues[name]))
	}
	return map[string]any{"QueueUrls": urls}, nil
}

func (s *Server) getQueueAttributes(_ context.Context, in queueRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	now := s.now()
	if err := s.save(s.expireAndRedrive(q, now)...); err != nil {
		return nil, err
	}
	visible, inFlight, delayed := q.counts(now)
	all := map[string]string{
		"VisibilityTimeout": "30", "MessageRetentionPeriod": "345600", "DelaySeconds": "0", "ReceiveMessageWaitTimeSeconds": "0",
		"MaximumMessageSize": strconv.Itoa(MaxMessage),
	}
	maps.Copy(all, q.attributes)
	all["QueueArn"] = s.arn(q.name)
	all["ApproximateNumberOfMessages"] = strconv.Itoa(visible)
	all["ApproximateNumberOfMessagesNotVisible"] = strconv.Itoa(inFlight)
	all["ApproximateNumberOfMessagesDelayed"] = strconv.Itoa(delayed)
	for name := range all {
		if !isRequested(name, in.AttributeNames) {
			delete(all, name)
		}
	}
	return map[string]any{"Attributes": all}, nil
}

func (s *Server) setQueueAttributes(_ context.Context, in queueRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return nil, s.configure(q, in.Attributes)
}

func (s *Server) purge(_ context.Context, in queueRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	var changes []storeChange
	for _, m := range q.messages {
		changes = append(changes, storeChange{queue: q, message: m, removed: true})
	}
	q.messages = nil
	return nil, s.save(changes...)
}

type handleRequest struct {
	QueueUrl          string
	Id                string // only in a batch
	ReceiptHandle     string
	VisibilityTimeout int
}

type handleBatchRequest struct {
	QueueUrl string
	Entries  []handleRequest
}

func (s *Server) deleteMessage(_ context.Context, in handleRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return nil, s.removeByHandle(q, in)
}

func (s *Server) deleteBatch(_ context.Context, in handleBatchRequest) (any, error) {
	return s.eachEntry(in, s.removeByHandle)
}

func (s *Server) removeByHandle(q *queue, in handleRequest) error {
	m, current, valid := q.findByHandle(in.ReceiptHandle)
	if !valid {
		return invalidHandle()
	}
	if q.isFIFO() && m != nil && (!current || !m.Visible.After(s.now())) {
		return invalidParameter("Value %s for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.", in.ReceiptHandle)
	}
	if m == nil || !current {
		return nil
	}
	q.remove(m)
	q.wake() // the other messages of its group can be received now
	return s.save(storeChange{queue: q, message: m, removed: true})
}

func (s *Server) changeVisibility(_ context.Context, in handleRequest) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	return nil, s.setVisibility(q, in)
}

func (s *Server) changeVisibilityBatch(_ context.Context, in handleBatchRequest) (any, error) {
	return s.eachEntry(in, s.setVisibility)
}

func (s *Server) setVisibility(q *queue, in handleRequest) error {
	m, current, valid := q.findByHandle(in.ReceiptHandle)
	now := s.now()
	switch {
	case !valid:
		return invalidHandle()
	case in.VisibilityTimeout < 0 || in.VisibilityTimeout > 43200:
		return invalidParameter("Value %d for parameter VisibilityTimeout is invalid.", in.VisibilityTimeout)
	case m == nil || !current || !m.Visible.After(now):
		return queryError("MessageNotInflight", "The specified message isn't in flight.")
	}
	m.Visible = now.Add(time.Duration(in.VisibilityTimeout) * time.Second)
	q.wake()
	return s.save(storeChange{queue: q, message: m})
}

// eachEntry calls do for every entry of a batch and returns the successful and the failed ones.
func (s *Server) eachEntry(in handleBatchRequest, do func(*queue, handleRequest) error) (any, error) {
	ids := make([]string, 0, len(in.Entries))
	for _, e := range in.Entries {
		ids = append(ids, e.Id)
	}
	if err := checkBatch(ids); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.queueAt(in.QueueUrl)
	if err != nil {
		return nil, err
	}
	successful, failed := []map[string]string{}, []batchError{}
	for _, e := range in.Entries {
		if err := do(q, e); err != nil {
			failed = append(failed, newBatchError(e.Id, err))
			continue
		}
		successful = append(successful, map[string]string{"Id": e.Id})
	}
	return map[string]any{"Successful": successful, "Failed": failed}, nil
}

func checkBatch(ids []string) error {
	if len(ids) == 0 {
		return queryError("EmptyBatchRequest", "There should be at least one entry in the request.")
	}
	if len(ids) > 10 {
		return queryError("TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent %d.", len(ids))
	}
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			return queryError("BatchEntryIdsNotDistinct", "Id %s repeated.", id)
		}
		seen[id] = true
	}
	return nil
}

func newBatchError(id string, err error) batchError {
	var fault *fakeaws.APIError
	if errors.As(err, &fault) {
		return batchError{Id: id, Code: fault.Code, Message: fault.Message, SenderFault: true}
	}
	return batchError{Id: id, Code: "InternalError", Message: err.Error()}
}

func invalidHandle() error {
	fault := fakeaws.Errorf("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	fault.QueryCode = "ReceiptHandleIsInvalid" // the one code without the prefix
	return fault
}

func queryError(code, format string, args ...any) error {
	fault := fakeaws.Errorf(code, format, args...)
	fault.QueryCode = "AWS.SimpleQueueService." + code
	return fault
}
