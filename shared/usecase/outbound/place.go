package outbound

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// statusPath is where Twilio says how a call goes on.
const statusPath = "/api/outbound-call-status"

// Place places a call, once for its key. Every step up to the call itself fails closed: a store that does not answer
// means no call.
func (s *Service) Place(ctx context.Context, request Request) (PlacedCall, error) {
	c, err := s.Guards.validate(request)
	if err != nil {
		return PlacedCall{}, err
	}
	if s.StreamURL == "" {
		return PlacedCall{}, fault.New(fault.Unavailable, "Outbound calls are not set up: there is no voice server.").WithCode("outbound_not_set_up")
	}
	r := aurora.OutboundCall{ID: s.NewID(), State: aurora.OutboundInProgress, AssistantID: c.AssistantID, To: c.to.Phone,
		Number: c.PhoneNumber, Name: c.Name, Email: c.Email, Info: c.Info, KeyName: c.APIKey.ledgerName()}
	k, keyed := c.idempotencyClaim(r.ID, s.Now())
	var over string
	if keyed {
		var a PlacedCall
		var ok bool
		if a, over, ok, err = s.existingResult(ctx, k); ok || err != nil {
			return a, err
		}
	}
	if r.From, r.AssistantNumber, err = s.checkGuards(ctx, c); err != nil {
		return PlacedCall{}, err
	}
	s.resolvePending(ctx, c.to.Phone)
	limits, lost, err := s.claim(ctx, c, &r, k, keyed, over)
	if lost != nil || err != nil {
		if lost != nil {
			return *lost, err
		}
		return PlacedCall{}, err
	}
	return s.dial(ctx, c, r, k, keyed, limits)
}

// checkGuards is the guards between the idempotency record's look-up and its claim, in security's order.
func (s *Service) checkGuards(ctx context.Context, c validRequest) (from aurora.Phone, stored string, err error) {
	if err := c.APIKey.checkAssistant(c.AssistantID); err != nil {
		return "", "", err
	}
	a, err := s.Assistants.ByID(ctx, c.AssistantID)
	if err != nil {
		if f := fault.From(err); f.Kind == fault.NotFound {
			return "", "", f.WithParam("assistantId")
		}
		return "", "", err
	}
	if from, err = s.Guards.callerNumber(a); err != nil {
		return "", "", err
	}
	if err := s.checkNumber(ctx, c.to, append(s.Guards.ownNumbers(a), from)...); err != nil {
		return "", "", inField(err, c.FieldPrefix+"phoneNumber")
	}
	if err := s.checkRecipient(ctx, c.to, "", s.Now()); err != nil {
		return "", "", inField(err, c.FieldPrefix+"phoneNumber")
	}
	return from, string(a.AssistantPhoneNumber), nil
}

// inField names the field of a refusal.
func inField(err error, param string) error {
	if f := fault.From(err); f.Kind == fault.Forbidden {
		return f.WithParam(param)
	}
	return err
}

// claim opens the record, takes the key and takes the limits. Whoever gets the key second gets what the first has, as
// lost. What was claimed is given back where something after it is refused.
//
// The record comes before the key, so that a key that is taken always leads to a record that says how far the call is.
func (s *Service) claim(ctx context.Context, c validRequest, r *aurora.OutboundCall, k aurora.IdempotencyClaim, keyed bool, over string) (limits []limit, lost *PlacedCall, err error) {
	now := s.Now()
	r.CreatedAt, r.Deadline = now, now.Add(abandonedAfter)
	if err := s.Ledger.CreateRecord(ctx, *r); err != nil {
		return nil, nil, errUnavailable("The call cannot be written down now, so it was not placed.", err)
	}
	if keyed {
		claimed, err := s.Ledger.ClaimKey(ctx, k, over)
		if err != nil {
			s.markNotPlaced(ctx, *r, codeStoreUnavailable, k, keyed)
			return nil, nil, errUnavailable("The call cannot be written down now, so it was not placed.", err)
		}
		if !claimed {
			s.markNotPlaced(ctx, *r, "idempotency_in_progress", k, false)
			a, _, ok, err := s.existingResult(ctx, k)
			if !ok && err == nil {
				err = fault.New(fault.Conflict, "This call is being placed.").WithCode("idempotency_in_progress").WithRetryAfter(time.Second)
			}
			return nil, &a, err
		}
	}
	limits = s.Guards.Limits.quotas(c.APIKey.ledgerName(), c.to, now)
	if err := s.takeQuotas(ctx, r.ID, limits); err != nil {
		s.markNotPlaced(ctx, *r, fault.From(err).Code, k, keyed)
		return nil, nil, err
	}
	if err := s.Ledger.AddPending(ctx, r.To, r.ID); err != nil {
		s.returnQuotas(ctx, limits)
		s.markNotPlaced(ctx, *r, codeStoreUnavailable, k, keyed)
		return nil, nil, errUnavailable("The call cannot be written down now, so it was not placed.", err)
	}
	return limits, nil, nil
}

// dial asks the provider for the call, and writes down what became of it.
func (s *Service) dial(ctx context.Context, c validRequest, r aurora.OutboundCall, k aurora.IdempotencyClaim, keyed bool, limits []limit) (PlacedCall, error) {
	d := aurora.CallRequest{From: r.From, To: r.To, AssistantID: r.AssistantID, RecordID: r.ID, StreamURL: s.StreamURL,
		RingTime: ringTimeout, TalkTime: maxTalkTime}
	if c.PublicURL != "" {
		d.StatusURL = c.PublicURL + statusPath + "?record=" + url.QueryEscape(r.ID)
	}
	sid, err := s.createCall(ctx, r, d)
	switch {
	case err == nil:
		r.SID = sid
		s.savePlaced(ctx, r)
		slog.InfoContext(ctx, "call placed", "record", r)
		return newPlacedCall(r, false), nil
	case fault.Is(err, fault.Timeout):
		if now := s.markUnknown(ctx, r); now.State == aurora.OutboundPlaced { // its first callback was faster than we
			return newPlacedCall(now, false), nil
		}
		slog.ErrorContext(ctx, "it is not known whether a call was placed", "record", r, "error", err)
		s.countMetric(ctx, "CallUnknown")
		return PlacedCall{}, fault.Newf(fault.Timeout, "The telephone provider did not answer; it is not known whether the call was placed. Its record is %s.", r.ID).
			WithCode("call_state_unknown").Because(err)
	}
	s.returnQuotas(ctx, limits)
	s.markNotPlaced(ctx, r, fault.From(err).Code, k, keyed)
	s.removePending(ctx, r)
	if f := fault.From(err); f.Kind == fault.Invalid {
		return PlacedCall{}, f.WithParam(c.FieldPrefix + "phoneNumber")
	}
	return PlacedCall{}, err
}

// createCall asks the provider, and a second time only where it has certainly not taken the first.
func (s *Service) createCall(ctx context.Context, r aurora.OutboundCall, d aurora.CallRequest) (string, error) {
	late := fault.New(fault.Unavailable, "The call could not be placed in time; it was not placed.").WithCode("call_not_placed").WithRetryAfter(time.Second)
	for try := 0; ; try++ {
		if !s.Now().Before(r.CreatedAt.Add(createWithin)) || ctx.Err() != nil {
			return "", late.Because(context.Cause(ctx))
		}
		sid, err := s.Provider.CreateCall(ctx, d)
		f := fault.From(err)
		switch {
		case err == nil:
			return sid, nil
		case f.Kind == fault.Internal: // an error of no known kind says nothing about the call
			return "", fault.New(fault.Timeout, f.Message).Because(err)
		case f.Kind != fault.RateLimited && (f.Kind != fault.Unavailable || f.RetryAfter == 0):
			return "", err
		case try == 0 && s.sleep(ctx, createBackoff):
			slog.InfoContext(ctx, "asking for a call once more", "record", r, "error", err)
			continue
		case f.Kind == fault.Unavailable:
			return "", fault.New(fault.Upstream, "The telephone provider could not be reached; the call was not placed.").WithCode("telephone_unreachable").Because(err)
		default:
			return "", fault.New(fault.RateLimited, "The telephone provider is busy; the call was not placed.").WithCode(f.Code).WithRetryAfter(max(f.RetryAfter, time.Second)).Because(err)
		}
	}
}

// savePlaced writes down that a call was placed, whatever has become of the caller. Where that cannot be written the call
// stays unknown to all who come later, and is never placed again; the log has its sid.
func (s *Service) savePlaced(ctx context.Context, r aurora.OutboundCall) {
	err := s.retrySave(ctx, 3, func(ctx context.Context) error {
		if err := s.claimSID(ctx, r.SID, r.ID); err != nil {
			return err
		}
		_, err := s.updateRecord(ctx, r.ID, func(now *aurora.OutboundCall) bool { return setPlaced(now, r.SID) })
		return err
	})
	if err != nil {
		slog.ErrorContext(ctx, "a call was placed and could not be written down", "record", r, "error", err)
		return
	}
	s.removePending(ctx, r)
}

// markUnknown writes down that nobody knows what became of a call, and returns the record as it is then.
func (s *Service) markUnknown(ctx context.Context, r aurora.OutboundCall) (now aurora.OutboundCall) {
	err := s.retrySave(ctx, 3, func(ctx context.Context) (err error) {
		now, err = s.updateRecord(ctx, r.ID, setUnknown)
		return err
	})
	if err != nil { // it is in progress until its deadline, and unknown from then on
		slog.ErrorContext(ctx, "that a call is unknown could not be written down", "record", r, "error", err)
	}
	return now
}

// markNotPlaced writes down that a call was not placed and releases its key. Where only one of the two can be written the key
// is free all the same: a refused record holds none, and a key that is gone leads nowhere.
func (s *Service) markNotPlaced(ctx context.Context, r aurora.OutboundCall, code string, k aurora.IdempotencyClaim, keyed bool) {
	tries := 3
	if code == codeStoreUnavailable {
		tries = 1 // it is away still, and somebody waits
	}
	err := s.retrySave(ctx, tries, func(ctx context.Context) error {
		_, err := s.updateRecord(ctx, r.ID, func(now *aurora.OutboundCall) bool {
			if now.State == aurora.OutboundPlaced || now.State == aurora.OutboundRejected {
				return false
			}
			now.State, now.Code = aurora.OutboundRejected, code // also where others took us for dead, and it for unknown
			return true
		})
		if err == nil && keyed {
			err = s.Ledger.ReleaseKey(ctx, k.Key, r.ID)
		}
		return err
	})
	if err != nil {
		slog.WarnContext(ctx, "that a call was refused could not be written down", "record", r, "error", err)
	}
}

// removePending takes a call off the list of those that may be unsettled. One that stays there is only looked at in vain.
func (s *Service) removePending(ctx context.Context, r aurora.OutboundCall) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	if err := s.Ledger.RemovePending(ctx, r.To, r.ID); err != nil {
		slog.WarnContext(ctx, "a settled call stays on the list", "record", r, "error", err)
	}
}

// retrySave does something that must be written down: several times, and also where the caller has gone.
func (s *Service) retrySave(ctx context.Context, tries int, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTimeout)
	defer cancel()
	for try := 1; ; try++ {
		err := do(ctx)
		if err == nil || try >= tries || !s.sleep(ctx, 100*time.Millisecond) {
			return err
		}
	}
}

const maxUpdateAttempts = 20 // each is lost to another's success

// updateRecord changes a record as it is now, until nobody came between; what it returns is how the record is then. The
// change reports whether there is something to write.
func (s *Service) updateRecord(ctx context.Context, id string, change func(*aurora.OutboundCall) bool) (aurora.OutboundCall, error) {
	for range maxUpdateAttempts {
		r, ok, err := s.Ledger.Record(ctx, id)
		if err != nil {
			return r, fmt.Errorf("read record %s: %w", id, err)
		}
		if !ok {
			return r, fault.New(fault.NotFound, "There is no such call.").WithCode("call_not_found")
		}
		before := r
		if !change(&r) {
			return before, nil
		}
		r.Revision++
		done, err := s.Ledger.UpdateRecord(ctx, r)
		if err != nil {
			return before, fmt.Errorf("write record %s: %w", id, err)
		}
		if done {
			return r, nil
		}
	}
	return aurora.OutboundCall{}, fmt.Errorf("record %s is not settled after %d rounds", id, maxUpdateAttempts)
}

// sleep waits, and reports whether it could.
func (s *Service) sleep(ctx context.Context, d time.Duration) bool {
	if s.sleepFunc != nil {
		return s.sleepFunc(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
