package outbound

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const (
	keyTTL            = 24 * time.Hour
	doubleClickWindow = 10 * time.Second // how long an equal body is a replay where no key was sent
	maxIdempotencyKey = 255
	keyNone           = "none" // turns all of this off
)

// checkIdempotencyKey is whether a header can be a key: printable ASCII of at most 255 characters.
func checkIdempotencyKey(key string) error {
	if len(key) > maxIdempotencyKey || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fault.Newf(fault.Invalid, "Idempotency-Key must be at most %d printable ASCII characters.", maxIdempotencyKey).
			WithCode("invalid_idempotency_key").WithParam("Idempotency-Key")
	}
	return nil
}

// idempotencyClaim is the claim that a request makes; it is not ok where it makes none.
func (c validRequest) idempotencyClaim(record string, now time.Time) (k aurora.IdempotencyClaim, ok bool) {
	if c.IdempotencyKey == keyNone {
		return k, false
	}
	body := digest(c.AssistantID, c.PhoneNumber, c.Request.Name, c.Email, c.Info)
	scope := "idem#" + c.APIKey.ledgerName() + "#" + c.Route + "#"
	k = aurora.IdempotencyClaim{Fingerprint: body, RecordID: record, Key: scope + digest("sent", c.IdempotencyKey), ExpiresAt: now.Add(keyTTL)}
	if c.IdempotencyKey == "" {
		k.Key, k.ExpiresAt = scope+digest("derived", string(c.to.Phone), body), now.Add(doubleClickWindow)
	}
	return k, true
}

// digest is a hash of texts that knows where one ends and the next begins.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = fmt.Fprintf(h, "%d:%s", len(p), p) // a hash takes everything
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// existingResult is the answer that a request's key has already, or why it has none; it is not ok where the key is free. over
// is the record that left the key behind, where one did.
func (s *Service) existingResult(ctx context.Context, k aurora.IdempotencyClaim) (a PlacedCall, over string, ok bool, err error) {
	held, found, err := s.Ledger.Key(ctx, k.Key)
	if err != nil {
		return a, "", false, errUnavailable("What was placed before cannot be looked up now, so no call was placed.", err)
	}
	if !found {
		return a, "", false, nil
	}
	r, there, err := s.Ledger.Record(ctx, held.RecordID)
	if err != nil {
		return a, "", false, errUnavailable("What was placed before cannot be looked up now, so no call was placed.", err)
	}
	if !there {
		r = aurora.OutboundCall{ID: held.RecordID, State: aurora.OutboundUnknown} // the key outlived it, which should not be
	}
	if r.State == aurora.OutboundRejected {
		return a, r.ID, false, nil // its release failed; a refusal holds no key
	}
	if held.Fingerprint != k.Fingerprint {
		return a, "", true, fault.New(fault.Conflict, "This Idempotency-Key was used with another body.").WithCode("idempotency_conflict").WithParam("Idempotency-Key")
	}
	if there && (r.State == aurora.OutboundUnknown || r.IsOverdue(s.Now())) {
		if r, err = s.resolve(ctx, r); err != nil {
			slog.WarnContext(ctx, "an unknown call was not resolved", "record", r, "error", err)
		}
	}
	switch r.State {
	case aurora.OutboundPlaced:
		return newPlacedCall(r, true), "", true, nil
	case aurora.OutboundInProgress:
		wait := min(max(r.Deadline.Sub(s.Now()), time.Second), 3*time.Second)
		return a, "", true, fault.New(fault.Conflict, "This call is being placed.").WithCode("idempotency_in_progress").
			WithRetryAfter(time.Duration(math.Ceil(wait.Seconds())) * time.Second)
	default:
		return a, "", true, fault.Newf(fault.Conflict, "It is not known whether this call was placed; it is not placed again. Its record is %s.", r.ID).
			WithCode("idempotency_state_unknown")
	}
}
