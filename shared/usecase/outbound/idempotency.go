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
	keyKept     = 24 * time.Hour
	doubleClick = 10 * time.Second // how long an equal body is a replay where no key was sent
	maxKey      = 255
	noKey       = "none" // turns all of this off
)

// validKey is whether a header can be a key: printable ASCII of at most 255 characters.
func validKey(key string) error {
	if len(key) > maxKey || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fault.Newf(fault.Invalid, "Idempotency-Key must be at most %d printable ASCII characters.", maxKey).
			Coded("invalid_idempotency_key").In("Idempotency-Key")
	}
	return nil
}

// key is the claim that a request makes; it is not ok where it makes none.
func (c checked) key(record string, now time.Time) (k aurora.Idempotency, ok bool) {
	if c.IdemKey == noKey {
		return k, false
	}
	body := digest(c.AssistantID, c.PhoneNumber, c.Request.Name, c.Email, c.Info)
	scope := "idem#" + c.Key.holder() + "#" + c.Route + "#"
	k = aurora.Idempotency{Fingerprint: body, Record: record, Key: scope + digest("sent", c.IdemKey), Until: now.Add(keyKept)}
	if c.IdemKey == "" {
		k.Key, k.Until = scope+digest("derived", string(c.to.Phone), body), now.Add(doubleClick)
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

// earlier is the answer that a request's key has already, or why it has none; it is not ok where the key is free. over
// is the record that left the key behind, where one did.
func (s *Service) earlier(ctx context.Context, k aurora.Idempotency) (a Answer, over string, ok bool, err error) {
	held, found, err := s.Ledger.Key(ctx, k.Key)
	if err != nil {
		return a, "", false, unavailable("What was placed before cannot be looked up now, so no call was placed.", err)
	}
	if !found {
		return a, "", false, nil
	}
	r, there, err := s.Ledger.Record(ctx, held.Record)
	if err != nil {
		return a, "", false, unavailable("What was placed before cannot be looked up now, so no call was placed.", err)
	}
	if !there {
		r = aurora.OutboundRecord{ID: held.Record, State: aurora.OutboundUnknown} // the key outlived it, which should not be
	}
	if r.State == aurora.OutboundRefused {
		return a, r.ID, false, nil // its release failed; a refusal holds no key
	}
	if held.Fingerprint != k.Fingerprint {
		return a, "", true, fault.New(fault.Conflict, "This Idempotency-Key was used with another body.").Coded("idempotency_conflict").In("Idempotency-Key")
	}
	if there && (r.State == aurora.OutboundUnknown || r.Overdue(s.Now())) {
		if r, err = s.resolve(ctx, r); err != nil {
			slog.WarnContext(ctx, "an unknown call was not resolved", "record", r, "error", err)
		}
	}
	switch r.State {
	case aurora.OutboundPlaced:
		return answer(r, true), "", true, nil
	case aurora.OutboundInProgress:
		wait := min(max(r.Deadline.Sub(s.Now()), time.Second), 3*time.Second)
		return a, "", true, fault.New(fault.Conflict, "This call is being placed.").Coded("idempotency_in_progress").
			After(time.Duration(math.Ceil(wait.Seconds())) * time.Second)
	default:
		return a, "", true, fault.Newf(fault.Conflict, "It is not known whether this call was placed; it is not placed again. Its record is %s.", r.ID).
			Coded("idempotency_state_unknown")
	}
}
