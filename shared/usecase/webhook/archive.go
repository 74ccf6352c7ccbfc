package webhook

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/redact"
	"example.com/aurora/shared/core/text"
)

// ObjectWriter writes an object unless its key is taken. created reports whether the object that is stored now has this
// content, which the hash identifies.
type ObjectWriter interface {
	Create(ctx context.Context, key string, body []byte, hash string) (created bool, err error)
}

// ReportQueue is the raw queue, for reports that the bucket did not accept.
type ReportQueue interface {
	Send(ctx context.Context, body string, attributes map[string]string) error
}

// Archive stores messages in the bucket, without credentials, and without what their assistant does not let be stored.
type Archive struct {
	Objects ObjectWriter
	// Assistants finds the assistant of a message. If it is nil, every assistant stores everything.
	Assistants aurora.AssistantFinder
	Now        func() time.Time
	Count      func(ctx context.Context, metric string)
}

// Metrics of stored messages.
const (
	MetricReportConflict  = "EndOfCallConflict"   // another report about a call was stored beside the first
	MetricUnrecognised    = "UnrecognisedMessage" // a message of an unknown type, or a report that is not valid, was stored
	MetricReportQueued    = "EndOfCallQueued"     // the bucket did not accept a report; it is in the raw queue
	MetricReportNotStored = "EndOfCallRefused"    // neither bucket nor queue accepted a report; the answer was 503
	MetricReportWithoutID = "EndOfCallWithoutId"  // a report without a call id was stored under its hash
)

const (
	bucketTimeout = 4 * time.Second // all tries together; the raw queue is tried after it
	queueTimeout  = 3 * time.Second
	retryAfter    = 5 * time.Second // the Retry-After of a message that nothing accepted
)

// storeReport stores an end-of-call report: in the bucket, else in the raw queue.
func (r *Receiver) storeReport(ctx context.Context, report Scrubbed) error {
	protected, err := r.Archive.protect(ctx, report)
	if err == nil {
		report = protected
	} // else the worker protects it, when the assistant can be read again
	key := report.Key()
	if report.Removed > 0 {
		slog.InfoContext(ctx, "credentials removed from a report", "event", "report.scrubbed", "removed", report.Removed, "key", key)
	}
	if err == nil {
		if err = r.Archive.writeReport(ctx, key, report); err == nil {
			return nil
		}
	}
	slog.ErrorContext(ctx, "report not stored in the bucket, sending it to the raw queue", "event", "report.store_failed", "key", key, "error", err)
	limited, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	if queueErr := r.Queue.Send(limited, Pack(report.JSON), map[string]string{QueuedKeyAttribute: key}); queueErr != nil {
		r.Archive.Count(ctx, MetricReportNotStored)
		return fault.New(fault.Unavailable, "The report could not be stored. Send it again.").WithCode("store_unavailable").
			WithRetryAfter(retryAfter).Because(fmt.Errorf("bucket: %w; raw queue: %w", err, queueErr))
	}
	r.Archive.Count(ctx, MetricReportQueued)
	return nil
}

// StoreReport stores the body of an end-of-call report in the bucket, as the webhook does.
func (a Archive) StoreReport(ctx context.Context, body []byte) error {
	report, err := Scrub(body)
	if err != nil {
		return err
	}
	if report.Identity.Type == "" {
		if _, err := providermsg.ParseMessage(body); err != nil { // says what is wrong
			return err
		}
	}
	aurora.LogCall(ctx, report.Identity.CallIDs...)
	logfields.Set(ctx, logfields.AssistantID, report.Identity.AssistantID)
	if report, err = a.protect(ctx, report); err != nil {
		return err
	}
	return a.writeReport(ctx, report.Key(), report)
}

// StoreQueued stores a report from the raw queue. S3's notification about it follows, as for every stored report.
func (a Archive) StoreQueued(ctx context.Context, packed string) error {
	body, err := Unpack(packed)
	if err != nil {
		return err
	}
	return a.StoreReport(ctx, body)
}

// writeReport writes a report under its key. If another report is there, it writes beside it.
func (a Archive) writeReport(ctx context.Context, key string, report Scrubbed) error {
	limited, cancel := context.WithTimeout(ctx, bucketTimeout)
	defer cancel()
	for i, name := range []string{key, aurora.ConflictKey(key, report.Hash[:8]), aurora.ConflictKey(key, report.Hash)} {
		created, err := a.Objects.Create(limited, name, report.JSON, report.Hash)
		if err != nil {
			return err
		}
		if !created {
			continue // the key holds another content
		}
		if i > 0 {
			slog.WarnContext(ctx, "another report about a call stored beside the first", "event", "report.conflict", "key", name)
			a.Count(ctx, MetricReportConflict)
		}
		if aurora.IsHashNamed(key) {
			slog.WarnContext(ctx, "report without a call id stored under its hash", "event", "report.without_id", "key", name)
			a.Count(ctx, MetricReportWithoutID)
		}
		slog.InfoContext(ctx, "report stored", "event", "report.stored", "key", name, "bytes", len(report.JSON))
		return nil
	}
	return fmt.Errorf("store %s: every name is taken", key) // needs two contents with the same SHA-256
}

// StoreUnrecognised stores a message of an unknown type: a new type, or a misspelt one, must not be lost.
func (a Archive) StoreUnrecognised(ctx context.Context, messageType string, body []byte) error {
	message, err := Scrub(body)
	if err != nil {
		return err
	}
	if message, err = a.protect(ctx, message); err != nil {
		return errNotStored(err)
	}
	key := aurora.UnrecognisedKey(messageType, a.Now(), message.Hash)
	limited, cancel := context.WithTimeout(ctx, bucketTimeout)
	defer cancel()
	if _, err := a.Objects.Create(limited, key, message.JSON, message.Hash); err != nil {
		return errNotStored(err)
	}
	slog.WarnContext(ctx, "message of an unknown type stored", "event", "message.unrecognised", "type", text.Clip(messageType, 64), "key", key)
	a.Count(ctx, MetricUnrecognised)
	return nil
}

// storeInvalid stores the body of an end-of-call report that could not be read, before it is rejected: the sender may not
// send it again. A body that is not valid JSON is cleaned as text.
func (a Archive) storeInvalid(ctx context.Context, body []byte, cause error) error {
	clean, _ := redact.Credentials(credentialMember().ReplaceAllStringFunc(string(bytes.ToValidUTF8(body, []byte("\uFFFD"))), removeCredential))
	clean, err := a.protectUnreadable(ctx, clean)
	if err != nil {
		return errNotStored(err)
	}
	hash := sha256.Sum256([]byte(clean))
	hexHash := hex.EncodeToString(hash[:])
	key := aurora.InvalidKey(a.Now(), hexHash)
	limited, cancel := context.WithTimeout(ctx, bucketTimeout)
	defer cancel()
	if _, err := a.Objects.Create(limited, key, []byte(clean), hexHash); err != nil {
		return errNotStored(err)
	}
	slog.ErrorContext(ctx, "end-of-call report that cannot be read stored", "event", "report.invalid", "key", key, "error", cause)
	a.Count(ctx, MetricUnrecognised)
	return nil
}

// credentialMember matches a member of a JSON text whose value is a string, which may be cut off: 1 the name, 2 what follows it,
// 3 the value.
var credentialMember = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(\\*"[^"\\]{1,200}\\*")(\s*:\s*)(\\*"(?:[^"\\]|\\[^"])*(?:\\*"|$))`)
})

// removeCredential returns a member without its value if its name is that of a credential.
func removeCredential(member string) string {
	m := credentialMember().FindStringSubmatch(member)
	if m == nil || !redact.IsCredentialName(strings.Trim(m[1], `\"`)) {
		return member
	}
	quote := m[1][:strings.IndexByte(m[1], '"')+1]
	return m[1] + m[2] + quote + redact.Removed + quote
}
