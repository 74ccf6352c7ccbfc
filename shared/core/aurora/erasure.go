package aurora

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// ObjectVersion is one version of an object of the bucket, or a delete marker.
type ObjectVersion struct {
	Key, ID      string
	ETag         string
	Current      bool
	DeleteMarker bool
	Written      time.Time
}

// StoredItem is an item of a table in its JSON form: numbers are json.Number.
type StoredItem map[string]any

// Text returns a field that is a text, and "" for any other.
func (i StoredItem) Text(name string) string {
	s, _ := i[name].(string)
	return s
}

// QueuedMessage is a message that waits in a queue.
type QueuedMessage struct {
	ID         string    // of SQS; a message that a dead-letter queue gets keeps it
	SentAt     time.Time // to the first of its queues
	Body       string
	Attributes map[string]string // only those of type string
	Group      string            // of a FIFO queue
}

// MessageVerdict says what happens to a message that waits in a queue. The zero value leaves it there.
type MessageVerdict struct {
	Remove bool
	// Replace, if it is not empty, is the body of a message that takes the place of the one that is removed.
	Replace string
}

// ErasedCall returns the name under which it is remembered that the data of a call of an assistant was erased: a hash of the
// assistant and of one of the call's ids, in SafeKey's form. The hash says nothing about the person who called.
func ErasedCall(assistantID, name string) string {
	sum := sha256.Sum256([]byte(assistantID + "#" + name))
	return hex.EncodeToString(sum[:])
}
