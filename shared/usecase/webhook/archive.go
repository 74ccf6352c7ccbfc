package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/text"
)

// ObjectWriter writes each object once. created reports whether what is there now is this content, told by the hash.
type ObjectWriter interface {
	Create(ctx context.Context, key string, body []byte, hash string) (created bool, err error)
}

// ReportQueue takes reports that the bucket refused.
type ReportQueue interface {
	Send(ctx context.Context, body string, attributes map[string]string) error
}

// Archive keeps messages in the bucket, without credentials.
type Archive struct {
	Objects ObjectWriter
	Now     func() time.Time
	// Count counts an event for the operators.
	Count func(ctx context.Context, metric string)
}

// The metrics of this package.
const (
	MetricReportConflict  = "EndOfCallConflict"   // another report about a call was kept beside the first
	MetricUnrecognised    = "UnrecognisedMessage" // a message of an unknown type was kept
	MetricReportQueued    = "EndOfCallQueued"     // the bucket refused a report; it is in the raw queue
	MetricReportNotStored = "EndOfCallRefused"    // a report could be kept nowhere, and was answered 503
	MetricReportWithoutID = "EndOfCallWithoutId"  // a report was kept under its hash
)

const (
	bucketTimeout = 4 * time.Second // for the bucket, all tries together (fault row 37)
	queueTimeout  = 3 * time.Second // for the raw queue after that
)

// storeReport keeps an end-of-call report: in the bucket, or else in the raw queue.
func (r *Receiver) storeReport(ctx context.Context, m providermsg.Message, body []byte) error {
	clean, err := Scrub(body)
	if err != nil {
		return err
	}
	key := ReportKey(m.EndOfCall(), clean.Hash)
	if clean.Removed > 0 {
		slog.InfoContext(ctx, "credentials removed", "key", key, "removed", clean.Removed)
	}
	err = r.Archive.writeReport(ctx, key, clean)
	if err == nil {
		return nil
	}
	slog.ErrorContext(ctx, "the bucket refused a report; it goes to the raw queue", "key", key, "error", err)
	qctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	if qerr := r.Queue.Send(qctx, pack(clean.JSON), map[string]string{QueuedKeyAttribute: key}); qerr != nil {
		r.Archive.Count(ctx, MetricReportNotStored)
		return fault.New(fault.Unavailable, "The report could not be stored. Send it again.").WithCode("store_unavailable").
			WithRetryAfter(5 * time.Second).Because(fmt.Errorf("bucket: %w; raw queue: %w", err, qerr))
	}
	r.Archive.Count(ctx, MetricReportQueued)
	return nil
}

// StoreReport keeps an end-of-call report in the bucket, as the webhook would.
func (k Archive) StoreReport(ctx context.Context, body []byte) error {
	report, err := providermsg.ParseEndOfCall(body)
	if err != nil {
		return err
	}
	clean, err := Scrub(body)
	if err != nil {
		return err
	}
	return k.writeReport(ctx, ReportKey(report, clean.Hash), clean)
}

// StoreQueued stores a report from the raw queue. S3's notification about it follows, as for every stored report.
func (k Archive) StoreQueued(ctx context.Context, packed string) error {
	body, err := unpack(packed)
	if err != nil {
		return err
	}
	return k.StoreReport(ctx, body)
}

// writeReport writes a report under its key, or beside another report that is there.
func (k Archive) writeReport(ctx context.Context, key string, clean Scrubbed) error {
	short, cancel := context.WithTimeout(ctx, bucketTimeout)
	defer cancel()
	for i, name := range []string{key, aurora.ConflictKey(key, clean.Hash[:8]), aurora.ConflictKey(key, clean.Hash)} {
		created, err := k.Objects.Create(short, name, clean.JSON, clean.Hash)
		if err != nil {
			return err
		}
		if !created {
			continue // another content is there
		}
		if i > 0 {
			slog.WarnContext(ctx, "another report about a call was kept beside the first", "key", name)
			k.Count(ctx, MetricReportConflict)
		}
		if aurora.IsHashNamed(key) {
			slog.WarnContext(ctx, "a report without a call id was kept under its hash", "key", name)
			k.Count(ctx, MetricReportWithoutID)
		}
		return nil
	}
	return fmt.Errorf("store %s: every name is taken", key) // needs two contents of one SHA-256
}

// ReportKey is where a report is kept. Nothing in the report can lead out of eoc/.
func ReportKey(r providermsg.EndOfCall, hash string) string {
	id := ""
	if len(r.IDs) > 0 {
		id = r.IDs[0]
	}
	return aurora.EndOfCallKey(r.AssistantID, id, r.Day(), hash)
}

// StoreUnrecognised keeps a message of a type that nobody knows, so that nothing misspelt or new is lost.
func (k Archive) StoreUnrecognised(ctx context.Context, kind string, body []byte) error {
	clean, err := Scrub(body)
	if err != nil {
		return err
	}
	key := aurora.UnrecognisedKey(kind, k.Now(), clean.Hash)
	short, cancel := context.WithTimeout(ctx, bucketTimeout)
	defer cancel()
	if _, err := k.Objects.Create(short, key, clean.JSON, clean.Hash); err != nil {
		return fault.New(fault.Unavailable, "The message could not be stored. Send it again.").WithCode("store_unavailable").
			WithRetryAfter(5 * time.Second).Because(err)
	}
	slog.WarnContext(ctx, "a message of an unknown type was kept", "type", text.Clip(kind, 64), "key", key)
	k.Count(ctx, MetricUnrecognised)
	return nil
}
