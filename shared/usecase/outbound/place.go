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
func (s *Service) Place(ctx context.Context, request Request) (Answer, error) {
	c, err := s.Guards.check(request)
	if err != nil {
		return Answer{}, err
	}
	if s.StreamURL == "" {
		return Answer{}, fault.New(fault.Unavailable, "Outbound calls are not set up: there is no voice server.").Coded("outbound_not_set_up")
	}
	r := aurora.OutboundRecord{ID: s.NewID(), State: aurora.OutboundInProgress, AssistantID: c.AssistantID, To: c.to.Phone,
		Number: c.PhoneNumber, Name: c.Name, Email: c.Email, Info: c.Info, KeyName: c.Key.holder()}
	k, keyed := c.key(r.ID, s.Now())
	var over string
	if keyed {
		var a Answer
		var ok bool
		if a, over, ok, err = s.earlier(ctx, k); ok || err != nil {
			return a, err
		}
	}
	if r.From, r.AssistantNumber, err = s.permit(ctx, c); err != nil {
		return Answer{}, err
	}
	s.settleOthers(ctx, c.to.Phone)
	limits, lost, err := s.claim(ctx, c, &r, k, keyed, over)
	if lost != nil || err != nil {
		if lost != nil {
			return *lost, err
		}
		return Answer{}, err
	}
	return s.dial(ctx, c, r, k, keyed, limits)
}

// permit is the guards between the idempotency record's look-up and its claim, in security's order.
func (s *Service) permit(ctx context.Context, c checked) (from aurora.Phone, stored string, err error) {
	if err := c.Key.mayUse(c.AssistantID); err != nil {
		return "", "", err
	}
	a, err := s.Assistants.ByID(ctx, c.AssistantID)
	if err != nil {
		if f := fault.From(err); f.Kind == fault.NotFound {
			return "", "", f.In("assistantId")
		}
		return "", "", err
	}
	if from, err = s.Guards.caller(a); err != nil {
		return "", "", err
	}
	if err := s.destination(ctx, c.to, append(s.Guards.ownNumbers(a), from)...); err != nil {
		return "", "", in(err, c.In+"phoneNumber")
	}
	if err := s.person(ctx, c.to, "", s.Now()); err != nil {
		return "", "", in(err, c.In+"phoneNumber")
	}
	return from, string(a.AssistantPhoneNumber), nil
}

// in names the field of a refusal.
func in(err error, param string) error {
	if f := fault.From(err); f.Kind == fault.Forbidden {
		return f.In(param)
	}
	return err
}

// claim opens the record, takes the key and takes the limits. Whoever gets the key second gets what the first has, as
// lost. What was claimed is given back where something after it is refused.
//
// The record comes before the key, so that a key that is taken always leads to a record that says how far the call is.
func (s *Service) claim(ctx context.Context, c checked, r *aurora.OutboundRecord, k aurora.Idempotency, keyed bool, over string) (limits []limit, lost *Answer, err error) {
	now := s.Now()
	r.Created, r.Deadline = now, now.Add(placing)
	if err := s.Ledger.OpenRecord(ctx, *r); err != nil {
		return nil, nil, unavailable("The call cannot be written down now, so it was not placed.", err)
	}
	if keyed {
		claimed, err := s.Ledger.ClaimKey(ctx, k, over)
		if err != nil {
			s.refuse(ctx, *r, storeAway, k, keyed)
			return nil, nil, unavailable("The call cannot be written down now, so it was not placed.", err)
		}
		if !claimed {
			s.refuse(ctx, *r, "idempotency_in_progress", k, false)
			a, _, ok, err := s.earlier(ctx, k)
			if !ok && err == nil {
				err = fault.New(fault.Conflict, "This call is being placed.").Coded("idempotency_in_progress").After(time.Second)
			}
			return nil, &a, err
		}
	}
	limits = s.Guards.Limits.of(c.Key.holder(), c.to, now)
	if err := s.take(ctx, r.ID, limits); err != nil {
		s.refuse(ctx, *r, fault.From(err).Code, k, keyed)
		return nil, nil, err
	}
	if err := s.Ledger.Opened(ctx, r.To, r.ID); err != nil {
		s.giveBack(ctx, limits)
		s.refuse(ctx, *r, storeAway, k, keyed)
		return nil, nil, unavailable("The call cannot be written down now, so it was not placed.", err)
	}
	return limits, nil, nil
}

// dial asks the provider for the call, and writes down what became of it.
func (s *Service) dial(ctx context.Context, c checked, r aurora.OutboundRecord, k aurora.Idempotency, keyed bool, limits []limit) (Answer, error) {
	d := aurora.OutboundDial{From: r.From, To: r.To, AssistantID: r.AssistantID, RecordID: r.ID, StreamURL: s.StreamURL,
		RingTime: ringTime, TalkTime: talkTime}
	if c.Public != "" {
		d.StatusURL = c.Public + statusPath + "?record=" + url.QueryEscape(r.ID)
	}
	sid, err := s.create(ctx, r, d)
	switch {
	case err == nil:
		r.SID = sid
		s.save(ctx, r)
		slog.InfoContext(ctx, "call placed", "record", r)
		return answer(r, false), nil
	case fault.Is(err, fault.Timeout):
		if now := s.leave(ctx, r); now.State == aurora.OutboundPlaced { // its first callback was faster than we
			return answer(now, false), nil
		}
		slog.ErrorContext(ctx, "it is not known whether a call was placed", "record", r, "error", err)
		s.count(ctx, "CallUnknown")
		return Answer{}, fault.Newf(fault.Timeout, "The telephone provider did not answer; it is not known whether the call was placed. Its record is %s.", r.ID).
			Coded("call_state_unknown").Because(err)
	}
	s.giveBack(ctx, limits)
	s.refuse(ctx, r, fault.From(err).Code, k, keyed)
	s.closed(ctx, r)
	if f := fault.From(err); f.Kind == fault.Invalid {
		return Answer{}, f.In(c.In + "phoneNumber")
	}
	return Answer{}, err
}

// create asks the provider, and a second time only where it has certainly not taken the first.
func (s *Service) create(ctx context.Context, r aurora.OutboundRecord, d aurora.OutboundDial) (string, error) {
	late := fault.New(fault.Unavailable, "The call could not be placed in time; it was not placed.").Coded("call_not_placed").After(time.Second)
	for try := 0; ; try++ {
		if !s.Now().Before(r.Created.Add(sending)) || ctx.Err() != nil {
			return "", late.Because(context.Cause(ctx))
		}
		sid, err := s.Provider.Create(ctx, d)
		f := fault.From(err)
		switch {
		case err == nil:
			return sid, nil
		case f.Kind == fault.Internal: // an error of no known kind says nothing about the call
			return "", fault.New(fault.Timeout, f.Message).Because(err)
		case f.Kind != fault.TooMany && (f.Kind != fault.Unavailable || f.RetryAfter == 0):
			return "", err
		case try == 0 && s.pause(ctx, backoff):
			slog.InfoContext(ctx, "asking for a call once more", "record", r, "error", err)
			continue
		case f.Kind == fault.Unavailable:
			return "", fault.New(fault.Upstream, "The telephone provider could not be reached; the call was not placed.").Coded("telephone_unreachable").Because(err)
		default:
			return "", fault.New(fault.TooMany, "The telephone provider is busy; the call was not placed.").Coded(f.Code).After(max(f.RetryAfter, time.Second)).Because(err)
		}
	}
}

// save writes down that a call was placed, whatever has become of the caller. Where that cannot be written the call
// stays unknown to all who come later, and is never placed again; the log has its sid.
func (s *Service) save(ctx context.Context, r aurora.OutboundRecord) {
	err := s.insist(ctx, 3, func(ctx context.Context) error {
		if err := s.nameCall(ctx, r.SID, r.ID); err != nil {
			return err
		}
		_, err := s.change(ctx, r.ID, func(now *aurora.OutboundRecord) bool { return settle(now, r.SID) })
		return err
	})
	if err != nil {
		slog.ErrorContext(ctx, "a call was placed and could not be written down", "record", r, "error", err)
		return
	}
	s.closed(ctx, r)
}

// leave writes down that nobody knows what became of a call, and returns the record as it is then.
func (s *Service) leave(ctx context.Context, r aurora.OutboundRecord) (now aurora.OutboundRecord) {
	err := s.insist(ctx, 3, func(ctx context.Context) (err error) {
		now, err = s.change(ctx, r.ID, forget)
		return err
	})
	if err != nil { // it is in progress until its deadline, and unknown from then on
		slog.ErrorContext(ctx, "that a call is unknown could not be written down", "record", r, "error", err)
	}
	return now
}

// refuse writes down that a call was not placed and releases its key. Where only one of the two can be written the key
// is free all the same: a refused record holds none, and a key that is gone leads nowhere.
func (s *Service) refuse(ctx context.Context, r aurora.OutboundRecord, code string, k aurora.Idempotency, keyed bool) {
	tries := 3
	if code == storeAway {
		tries = 1 // it is away still, and somebody waits
	}
	err := s.insist(ctx, tries, func(ctx context.Context) error {
		_, err := s.change(ctx, r.ID, func(now *aurora.OutboundRecord) bool {
			if now.State == aurora.OutboundPlaced || now.State == aurora.OutboundRefused {
				return false
			}
			now.State, now.Code = aurora.OutboundRefused, code // also where others took us for dead, and it for unknown
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

// closed takes a call off the list of those that may be unsettled. One that stays there is only looked at in vain.
func (s *Service) closed(ctx context.Context, r aurora.OutboundRecord) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saving)
	defer cancel()
	if err := s.Ledger.Settled(ctx, r.To, r.ID); err != nil {
		slog.WarnContext(ctx, "a settled call stays on the list", "record", r, "error", err)
	}
}

// insist does something that must be written down: several times, and also where the caller has gone.
func (s *Service) insist(ctx context.Context, tries int, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saving)
	defer cancel()
	for try := 1; ; try++ {
		err := do(ctx)
		if err == nil || try >= tries || !s.pause(ctx, 100*time.Millisecond) {
			return err
		}
	}
}

const rounds = 20 // each is lost to another's success

// change changes a record as it is now, until nobody came between; what it returns is how the record is then. The
// change reports whether there is something to write.
func (s *Service) change(ctx context.Context, id string, change func(*aurora.OutboundRecord) bool) (aurora.OutboundRecord, error) {
	for range rounds {
		r, ok, err := s.Ledger.Record(ctx, id)
		if err != nil {
			return r, fmt.Errorf("read record %s: %w", id, err)
		}
		if !ok {
			return r, fault.New(fault.NotFound, "There is no such call.").Coded("call_not_found")
		}
		before := r
		if !change(&r) {
			return before, nil
		}
		r.Revision++
		done, err := s.Ledger.ChangeRecord(ctx, r)
		if err != nil {
			return before, fmt.Errorf("write record %s: %w", id, err)
		}
		if done {
			return r, nil
		}
	}
	return aurora.OutboundRecord{}, fmt.Errorf("record %s is not settled after %d rounds", id, rounds)
}

// pause waits, and reports whether it could.
func (s *Service) pause(ctx context.Context, d time.Duration) bool {
	if s.wait != nil {
		return s.wait(ctx, d)
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
