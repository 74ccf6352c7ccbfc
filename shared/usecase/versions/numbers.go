package versions

import (
	"context"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

func errNumberTaken(owner string) *fault.Error {
	e := fault.Newf(fault.Conflict, "assistantPhoneNumber already belongs to the assistant %s.", owner).WithCode("number_taken").WithParam("assistantPhoneNumber")
	return e.WithComplaints([]fault.Complaint{{Path: "assistantPhoneNumber", Message: "it already belongs to the assistant " + owner, Code: "number_taken"}})
}

// claimNumber claims the assistant's number, and locks it against other publications.
func (w *publishing) claimNumber(ctx context.Context) error {
	if w.number == "" {
		return nil
	}
	w.claim = aurora.NumberClaim{Number: w.number, AssistantID: w.id, Token: w.NewID()}
	for range versionTries {
		held, ok, err := w.Numbers.NumberClaim(ctx, w.number)
		if err != nil {
			return err
		}
		if ok && held.Token == w.claim.Token {
			return w.checkIndex(ctx) // this request's own, whose reply was lost
		}
		if ok {
			if err := w.checkHolder(ctx, held); err != nil {
				return err
			}
		}
		w.claim.Until = w.Now().Add(claimLease)
		done, err := w.Numbers.PutNumberClaim(ctx, w.claim, held.Token)
		if err != nil {
			return err
		}
		if done {
			return w.checkIndex(ctx)
		}
	}
	return errBusy()
}

// checkHolder returns an error if the holder of a claim keeps the number from this publication.
func (w *publishing) checkHolder(ctx context.Context, held aurora.NumberClaim) error {
	underWay := held.Until.After(w.Now())
	if held.AssistantID == w.id {
		if underWay {
			return errBusy()
		}
		return nil
	}
	if underWay {
		return errNumberTaken(held.AssistantID)
	}
	other, ok, err := w.Published.Live(ctx, held.AssistantID)
	if err != nil {
		return err
	}
	if ok && numberOf(other.Content) == w.number {
		return errNumberTaken(held.AssistantID)
	}
	return nil // left by a process that ended, or by an assistant whose number changed
}

// checkIndex returns an error if another assistant has the number without a claim.
func (w *publishing) checkIndex(ctx context.Context) error {
	owners, err := w.Published.WithNumber(ctx, w.number)
	if err != nil {
		return err
	}
	for _, owner := range owners {
		if owner == w.id {
			continue
		}
		other, ok, err := w.Published.Live(ctx, owner) // the index lags behind
		if err != nil {
			return err
		}
		if ok && numberOf(other.Content) == w.number {
			w.releaseOwnClaim(ctx)
			return errNumberTaken(owner)
		}
	}
	return nil
}

// releaseOwnClaim gives the number back after a publication that failed, unless the assistant has it. No other request publishes
// the assistant with this number meanwhile, because the claim is a lock.
func (w *publishing) releaseOwnClaim(ctx context.Context) {
	if w.number == "" || w.claim.Until.IsZero() || !w.claim.Until.After(w.Now()) {
		return
	}
	live, ok, err := w.Published.Live(ctx, w.id)
	if err == nil && ok && numberOf(live.Content) == w.number {
		free := w.claim
		free.Until = time.Time{}
		_, err = w.Numbers.PutNumberClaim(ctx, free, w.claim.Token)
	} else if err == nil {
		err = w.Numbers.DeleteNumberClaim(ctx, w.number, w.claim.Token)
	}
	if err != nil {
		slog.WarnContext(ctx, "the claim of a number was not given back; it ends by itself", "event", "assistant.claim_kept", "assistantId", w.id, "error", err)
	}
}

// releaseNumber gives back a number that the assistant had, unless it has it again.
func (s *Service) releaseNumber(ctx context.Context, id string, number aurora.Phone) error {
	if number == "" {
		return nil
	}
	held, ok, err := s.Numbers.NumberClaim(ctx, number)
	if err != nil || !ok || held.AssistantID != id || held.Until.After(s.Now()) {
		return err
	}
	// Read after the claim: a later publication of the number must change the claim first, and then the delete fails.
	live, ok, err := s.Published.Live(ctx, id)
	if err != nil || ok && numberOf(live.Content) == number {
		return err
	}
	return s.Numbers.DeleteNumberClaim(ctx, number, held.Token)
}
