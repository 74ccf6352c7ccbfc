package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Objects writes each object once. created reports whether what is there now is this content, told by the hash.
type Objects interface {
	Create(ctx context.Context, key string, body []byte, hash string) (created bool, err error)
}

// RawQueue takes reports that the bucket refused.
type RawQueue interface {
	Send(ctx context.Context, body string, attributes map[string]string) error
}

// Keeper keeps messages in the bucket, without credentials.
type Keeper struct {
	Objects Objects
	Now     func() time.Time
	// Count counts an event for the operators.
	Count func(ctx context.Context, metric string)
}

// The metrics of this package.
const (
	MetricConflict     = "EndOfCallConflict"   // another report about a call was kept beside the first
	MetricUnrecognised = "UnrecognisedMessage" // a message of an unknown type was kept
	MetricRaw          = "EndOfCallQueued"     // the bucket refused a report; it is in the raw queue
	MetricLost         = "EndOfCallRefused"    // a report could be kept nowhere, and was answered 503
	MetricNoID         = "EndOfCallWithoutId"  // a report was kept under its hash
)

const (
	bucketTime = 4 * time.Second // for the bucket, all tries together (fault row 37)
	queueTime  = 3 * time.Second // for the raw queue after that
)

// report keeps an end-of-call report: in the bucket, or else in the raw queue.
func (r *Receiver) report(ctx context.Context, m aurora.Message, body []byte) error {
	clean, err := Scrub(body)
	if err != nil {
		return err
	}
	key := Key(m.EndOfCall(), clean.Hash)
	if clean.Removed > 0 {
		slog.InfoContext(ctx, "credentials removed", "key", key, "removed", clean.Removed)
	}
	err = r.Keeper.store(ctx, key, clean)
	if err == nil {
		return nil
	}
	slog.ErrorContext(ctx, "the bucket refused a report; it goes to the raw queue", "key", key, "error", err)
	qctx, cancel := context.WithTimeout(ctx, queueTime)
	defer cancel()
	if qerr := r.Queue.Send(qctx, pack(clean.JSON), map[string]string{RawAttribute: key}); qerr != nil {
		r.Keeper.Count(ctx, MetricLost)
		return fault.New(fault.Unavailable, "The report could not be stored. Send it again.").Coded("store_unavailable").
			After(5 * time.Second).Because(fmt.Errorf("bucket: %w; raw queue: %w", err, qerr))
	}
	r.Keeper.Count(ctx, MetricRaw)
	return nil
}

// Report keeps an end-of-call report in the bucket, as the webhook would.
func (k Keeper) Report(ctx context.Context, body []byte) error {
	report, err := aurora.ParseEndOfCall(body)
	if err != nil {
		return err
	}
	clean, err := Scrub(body)
	if err != nil {
		return err
	}
	return k.store(ctx, Key(report, clean.Hash), clean)
}

// store writes a report under its key, or beside another report that is there.
func (k Keeper) store(ctx context.Context, key string, clean Clean) error {
	short, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	stem := strings.TrimSuffix(key, ".json")
	for i, name := range []string{key, stem + "~" + clean.Hash[:8] + ".json", stem + "~" + clean.Hash + ".json"} {
		created, err := k.Objects.Create(short, name, clean.JSON, clean.Hash)
		if err != nil {
			return err
		}
		if !created {
			continue // another content is there
		}
		if i > 0 {
			slog.WarnContext(ctx, "another report about a call was kept beside the first", "key", name)
			k.Count(ctx, MetricConflict)
		}
		if strings.Contains(key, "/g-") {
			slog.WarnContext(ctx, "a report without a call id was kept under its hash", "key", name)
			k.Count(ctx, MetricNoID)
		}
		return nil
	}
	return fmt.Errorf("store %s: every name is taken", key) // needs two contents of one SHA-256
}

// Key is where a report is kept. Nothing in the report can lead out of eoc/.
func Key(r aurora.EndOfCall, hash string) string {
	name := "g-" + hash[:32]
	if len(r.IDs) > 0 {
		name = aurora.SafeName(r.IDs[0])
	}
	day := "undated"
	if t, ok := r.Date(); ok {
		day = t.Format("2006/01/02")
	}
	return "eoc/" + aurora.AssistantName(r.AssistantID) + "/" + day + "/" + name + ".json"
}

// Unrecognised keeps a message of a type that nobody knows, so that nothing misspelt or new is lost.
func (k Keeper) Unrecognised(ctx context.Context, kind string, body []byte) error {
	clean, err := Scrub(body)
	if err != nil {
		return err
	}
	key := "unrecognised/" + aurora.SafeName(kind) + "/" + k.Now().UTC().Format("2006/01/02") + "/" + clean.Hash[:32] + ".json"
	short, cancel := context.WithTimeout(ctx, bucketTime)
	defer cancel()
	if _, err := k.Objects.Create(short, key, clean.JSON, clean.Hash); err != nil {
		return fault.New(fault.Unavailable, "The message could not be stored. Send it again.").Coded("store_unavailable").
			After(5 * time.Second).Because(err)
	}
	slog.WarnContext(ctx, "a message of an unknown type was kept", "type", clip(kind, 64), "key", key)
	k.Count(ctx, MetricUnrecognised)
	return nil
}
