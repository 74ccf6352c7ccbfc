package outbound

import (
	"context"
	"encoding/hex"
	"log/slog"
	"math"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/idempotency"
)

const (
	keyTTL            = 24 * time.Hour
	doubleClickWindow = 10 * time.Second // an equal body without a key is a replay for this long
	maxIdempotencyKey = 255
	keyNone           = "none" // turns idempotency off for one request
	itemGrace         = time.Minute
)

// checkIdempotencyKey accepts printable ASCII of at most 255 characters.
func checkIdempotencyKey(key string) error {
	if len(key) > maxIdempotencyKey || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' }) {
		return fault.Newf(fault.Invalid, "Idempotency-Key must be at most %d printable ASCII characters.", maxIdempotencyKey).
			WithCode("invalid_idempotency_key").WithParam("Idempotency-Key")
	}
	return nil
}

// idempotencyClaim returns the claim that a request makes for the record of its call. It is not ok if the request turned
// idempotency off.
func (r validRequest) idempotencyClaim(recordID string, now time.Time) (c idempotency.Claim, ok bool) {
	if r.IdempotencyKey == keyNone {
		return c, false
	}
	body := digest(r.AssistantID, r.PhoneNumber, r.Request.Name, r.Email, r.Info)
	scope := "idem#" + r.Principal.Account() + "#" + r.Route + "#"
	c = idempotency.Claim{Key: scope + digest("sent", r.IdempotencyKey), Owner: recordID, Fingerprint: body, LeaseUntil: now.Add(keyTTL)}
	if r.IdempotencyKey == "" {
		c.Key, c.LeaseUntil = scope+digest("derived", string(r.to.Phone), body), now.Add(doubleClickWindow)
	}
	c.ExpiresAt = c.LeaseUntil.Add(itemGrace) // the lease counts; DynamoDB removes the item later
	return c, true
}

// digest returns the first 16 bytes of a hash, in hexadecimal.
func digest(parts ...string) string {
	d := idempotency.Digest(parts...)
	return hex.EncodeToString(d[:16])
}

// existingResult returns the answer that was given for the attempt's key before, or the reason why there is none. It is
// not ok if the key is free. It notes in the attempt which rejected record still holds the key.
func (s *Service) existingResult(ctx context.Context, a *attempt) (call PlacedCall, ok bool, err error) {
	if a.claim.Key == "" {
		return call, false, nil
	}
	held, found, err := s.Ledger.FindClaim(ctx, a.claim.Key)
	if err != nil {
		return call, false, errUnavailable("What was placed before cannot be looked up now, so no call was placed.", err)
	}
	if !found {
		return call, false, nil
	}
	r, found, err := s.Ledger.Record(ctx, held.Owner)
	if err != nil {
		return call, false, errUnavailable("What was placed before cannot be looked up now, so no call was placed.", err)
	}
	if !found { // the claim outlived its record, which should not happen
		r = aurora.OutboundCall{ID: held.Owner, State: aurora.OutboundUnknown}
	}
	aurora.LogOutboundCall(ctx, r)
	if r.State == aurora.OutboundRejected {
		a.staleOwner = r.ID // its key was not released; a rejected call holds no key
		return call, false, nil
	}
	if held.Fingerprint != a.claim.Fingerprint {
		return call, true, fault.New(fault.Conflict, "This Idempotency-Key was used with another body.").
			WithCode("idempotency_conflict").WithParam("Idempotency-Key")
	}
	if found && (r.State == aurora.OutboundUnknown || r.IsOverdue(s.Now())) {
		if r, err = s.resolve(ctx, r); err != nil {
			slog.WarnContext(ctx, "an unknown call was not resolved", "event", "outbound.resolve_failed", "record", r, "error", err)
		}
	}
	r.Name = a.record.Name // of the equal request; the record of a call that is over may have lost it
	call, err = s.replay(r)
	return call, true, err
}

// replay answers a repeated request by the state of its call.
func (s *Service) replay(r aurora.OutboundCall) (PlacedCall, error) {
	switch r.State {
	case aurora.OutboundPlaced:
		return newPlacedCall(r, true), nil
	case aurora.OutboundInProgress:
		return PlacedCall{}, errInProgress(min(max(r.Deadline.Sub(s.Now()), time.Second), 3*time.Second))
	default:
		return PlacedCall{}, fault.Newf(fault.Conflict, "It is not known whether this call was placed; it is not placed again. Its record is %s.", r.ID).
			WithCode("idempotency_state_unknown")
	}
}

// errInProgress tells the caller to ask again after a time, which is rounded up to seconds.
func errInProgress(retryAfter time.Duration) error {
	return fault.New(fault.Conflict, "This call is being placed.").WithCode(codeInProgress).
		WithRetryAfter(time.Duration(math.Ceil(retryAfter.Seconds())) * time.Second)
}
