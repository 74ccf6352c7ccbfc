package outbound

import (
	"context"
	"log/slog"
	"net/url"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/fault"
)

// Place places a call, once for its idempotency key. Every step before the call fails closed: if a store does not
// answer, no call is placed.
func (s *Service) Place(ctx context.Context, request Request) (PlacedCall, error) {
	valid, err := s.Guards.validate(request)
	if err != nil {
		return PlacedCall{}, err
	}
	if err := s.checkVoice(); err != nil {
		return PlacedCall{}, err
	}
	a := s.newAttempt(valid)
	aurora.LogOutboundCall(ctx, a.record)
	if err := a.checkAssistant(); err != nil { // before a replay: it tells of a call
		return PlacedCall{}, err
	}
	if existing, ok, err := s.existingResult(ctx, a); ok || err != nil {
		return existing, err
	}
	if err := s.checkGuards(ctx, a); err != nil {
		return PlacedCall{}, err
	}
	if err := s.contacts().CheckPossible(ctx, s.Guards.Limits.quotas(a.Principal, a.to, s.Now())); err != nil {
		return PlacedCall{}, err
	}
	s.resolvePending(ctx, a.to.Phone)
	if existing, ok, err := s.reserve(ctx, a); ok || err != nil {
		return existing, err
	}
	return s.dial(ctx, a)
}

// checkGuards applies the deployment's rules, in the order of shared/docs/security.md, and sets the number that the
// assistant calls from.
func (s *Service) checkGuards(ctx context.Context, a *attempt) error {
	assistant, err := s.Assistants.ByID(ctx, a.AssistantID)
	if err != nil {
		if f := fault.From(err); f.Kind == fault.NotFound {
			return f.WithParam("assistantId")
		}
		return err
	}
	aurora.LogAssistant(ctx, assistant)
	a.assistant = assistant
	if a.mode, err = s.modeFor(assistant); err != nil {
		return err
	}
	from, err := s.Guards.callerNumber(assistant)
	if err != nil {
		return err
	}
	if err := s.contacts().CheckNumber(ctx, contact.Calls, a.to.Phone, assistant); err != nil {
		return inField(err, a.FieldPrefix+"phoneNumber")
	}
	if err := s.checkRecipient(ctx, a.to, "", s.Now()); err != nil {
		return inField(err, a.FieldPrefix+"phoneNumber")
	}
	a.record.Storage, a.record.RetentionDays, a.record.VoiceMode = assistant.Storage, assistant.RetentionDays, a.mode
	a.record.From, a.record.AssistantNumber = from, string(assistant.AssistantPhoneNumber)
	return nil
}

// inField names the field in an error that forbids a call.
func inField(err error, param string) error {
	if f := fault.From(err); f.Kind == fault.Forbidden {
		return f.WithParam(param)
	}
	return err
}

// reserve creates the record, claims the key, takes the quotas and notes the call as pending. If another request holds
// the key, existing and ok are that request's result. If a step fails, reserve undoes the steps before it.
//
// The record is created before the key is claimed. So a claimed key always leads to a record that says how far the call
// is.
func (s *Service) reserve(ctx context.Context, a *attempt) (existing PlacedCall, ok bool, err error) {
	now := s.Now()
	a.record.CreatedAt, a.record.Deadline = now, now.Add(abandonedAfter)
	if err := s.Ledger.CreateRecord(ctx, a.record); err != nil {
		return existing, false, errNotStored(err)
	}
	if a.claim.Key != "" {
		a.claimed = true // also if the write fails: it may have been applied
		holder, err := s.Ledger.ClaimKey(ctx, a.claim, a.staleOwner)
		if err != nil {
			s.markNotPlaced(ctx, a, codeStoreUnavailable)
			return existing, false, errNotStored(err)
		}
		if holder.Owner != a.record.ID {
			a.claimed = false
			s.markNotPlaced(ctx, a, codeInProgress)
			existing, ok, err := s.existingResult(ctx, a)
			if !ok && err == nil { // released in between; the caller can ask again
				err = errInProgress(time.Second)
			}
			return existing, true, err
		}
	}
	limits := s.Guards.Limits.quotas(a.Principal, a.to, now)
	if err := s.contacts().Take(ctx, contact.Calls, a.record.ID, limits); err != nil {
		s.markNotPlaced(ctx, a, fault.From(err).Code)
		return existing, false, err
	}
	a.limits = limits
	if err := s.Ledger.AddPending(ctx, a.record.To, a.record.ID); err != nil {
		s.contacts().Return(ctx, a.limits)
		s.markNotPlaced(ctx, a, codeStoreUnavailable)
		return existing, false, errNotStored(err)
	}
	return existing, false, nil
}

func errNotStored(cause error) error {
	return errUnavailable("The call's record cannot be stored now, so no call was placed.", cause)
}

// dial asks the provider for the call and stores the result.
func (s *Service) dial(ctx context.Context, a *attempt) (PlacedCall, error) {
	r := a.record
	d := aurora.CallRequest{From: r.From, To: r.To, AssistantID: r.AssistantID, RecordID: r.ID, RingTime: ringTimeout, TalkTime: maxTalkTime}
	if a.PublicURL != "" {
		d.StatusURL = a.PublicURL + StatusPath + "?record=" + url.QueryEscape(r.ID)
	}
	sid, err := "", s.connect(ctx, a, &d)
	if err == nil {
		sid, err = s.createCall(ctx, r, d)
	}
	switch {
	case err == nil:
		r.SID = sid
		aurora.LogOutboundCall(ctx, r)
		s.savePlaced(ctx, r)
		slog.InfoContext(ctx, "call placed", "event", "outbound.placed", "record", r)
		return newPlacedCall(r, false), nil
	case fault.Is(err, fault.Timeout):
		if now := s.markUnknown(ctx, r); now.State == aurora.OutboundPlaced { // a callback came before the reply
			return newPlacedCall(now, false), nil
		}
		slog.ErrorContext(ctx, "it is not known whether a call was placed", "event", "outbound.state_unknown", "record", r, "error", err)
		s.countMetric(ctx, "CallUnknown")
		return PlacedCall{}, fault.Newf(fault.Timeout, "The telephone provider did not answer; it is not known whether the call was placed. Its record is %s.", r.ID).
			WithCode("call_state_unknown").Because(err)
	}
	s.contacts().Return(ctx, a.limits)
	s.markNotPlaced(ctx, a, fault.From(err).Code)
	s.removePending(ctx, r)
	if f := fault.From(err); f.Kind == fault.Invalid {
		return PlacedCall{}, f.WithParam(a.FieldPrefix + "phoneNumber")
	}
	return PlacedCall{}, err
}

// createCall asks the provider for the call. It asks a second time only if the provider certainly did not accept the
// first request.
func (s *Service) createCall(ctx context.Context, r aurora.OutboundCall, d aurora.CallRequest) (string, error) {
	errLate := fault.New(fault.Unavailable, "The call could not be placed in time; it was not placed.").WithCode("call_not_placed").WithRetryAfter(time.Second)
	for attempt := 0; ; attempt++ {
		if !s.Now().Before(r.CreatedAt.Add(createWithin)) || ctx.Err() != nil {
			return "", errLate.Because(context.Cause(ctx))
		}
		sid, err := s.Provider.CreateCall(ctx, d)
		f := fault.From(err)
		switch {
		case err == nil:
			return sid, nil
		case f.Kind == fault.Internal: // an error of no known kind says nothing about the call
			return "", fault.New(fault.Timeout, f.Message).Because(err)
		case f.Kind != fault.RateLimited && (f.Kind != fault.Unavailable || f.RetryAfter <= 0):
			return "", err
		case attempt == 0 && f.RetryAfter <= maxRetryWait && s.sleep(ctx, max(createBackoff, f.RetryAfter)):
			slog.InfoContext(ctx, "asking for a call once more", "event", "outbound.create_retried", "record", r, "error", err)
			continue
		case f.Kind == fault.Unavailable:
			return "", fault.New(fault.Upstream, "The telephone provider could not be reached; the call was not placed.").WithCode("telephone_unreachable").Because(err)
		default:
			return "", fault.New(fault.RateLimited, "The telephone provider is busy; the call was not placed.").WithCode(f.Code).
				WithRetryAfter(max(f.RetryAfter, time.Second)).Because(err)
		}
	}
}
