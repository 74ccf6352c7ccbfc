package versions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// Rollback publishes the content of an earlier version again, after today's checks. etag is that of the live document; empty
// means that there is none. The draft stays.
func (s *Service) Rollback(ctx context.Context, id string, number int, etag, note, publishID string, actor Actor) (Outcome, error) {
	v, err := s.FindVersion(ctx, id, number)
	if err != nil {
		return Outcome{}, err
	}
	if note == "" {
		note = fmt.Sprintf("back to version %d", number)
	}
	return s.Publish(ctx, Publication{ID: publishID, Document: v.Content, Note: note, Actor: actor, RestoredFrom: number,
		Expected: func(live aurora.PublishedAssistant, exists bool) error {
			if exists != (etag != "") || exists && ETagOf(live) != etag {
				return errChanged(live, exists)
			}
			return nil
		}})
}

// FindVersion returns one version.
func (s *Service) FindVersion(ctx context.Context, id string, number int) (aurora.AssistantVersion, error) {
	v, ok, err := s.History.Version(ctx, id, number)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "There is no such version.").WithCode("version_not_found")
	}
	return v, err
}

// Delete takes an assistant out of service. etag is that of the live document. Its versions stay, and Rollback restores it.
func (s *Service) Delete(ctx context.Context, id, etag string, actor Actor) error {
	live, exists, err := s.Published.Live(ctx, id)
	if err != nil {
		return err
	}
	if !exists {
		return errUnknownAssistant()
	}
	if ETagOf(live) != etag {
		return errChanged(live, true)
	}
	if err := s.checkUnused(ctx, id); err != nil {
		return err
	}
	before, err := s.settleLive(ctx, live, true)
	if err != nil {
		return err
	}
	now := s.Now()
	event := aurora.AuditEvent{ID: s.newAuditID(now), At: now, Actor: actor.Name, Action: "assistant.deleted", Target: id, Before: before, BeforeHash: live.Hash,
		RequestID: actor.RequestID, Via: actor.Via, State: aurora.AuditBegun}
	if err := s.Audit.PutAudit(ctx, event); err != nil {
		return err
	}
	done, err := s.Published.Remove(ctx, id, live.Stamp)
	if err == nil && !done {
		var now aurora.PublishedAssistant
		if now, exists, err = s.Published.Live(ctx, id); err == nil && exists {
			return errors.Join(errChanged(now, true), s.Audit.SetAuditState(ctx, event.ID, aurora.AuditAbandoned))
		}
	}
	if err != nil {
		return err
	}
	if err := errors.Join(s.Audit.SetAuditState(ctx, event.ID, aurora.AuditDone), s.releaseNumber(ctx, id, numberOf(live.Content))); err != nil {
		slog.WarnContext(ctx, "a deletion was not finished", "event", "assistant.deletion_unfinished", "assistantId", id, "error", err)
	}
	slog.InfoContext(ctx, "assistant deleted", "event", "assistant.deleted", "assistantId", id, "assistantVersion", before, "actor", actor.Name)
	return nil
}

// checkUnused returns an error if another assistant hands off to this one, or a setting names it.
func (s *Service) checkUnused(ctx context.Context, id string) error {
	var users []string
	if s.InUse == id && id != "" {
		users = append(users, "the setting "+s.InUseBy)
	}
	all, err := s.Published.AllLive(ctx)
	if err != nil {
		return err
	}
	for _, other := range all {
		var a struct {
			Handoffs aurora.List `json:"handoffs"`
		}
		if other.ID != id && json.Unmarshal(other.Content, &a) == nil && slices.Contains(a.Handoffs, id) {
			users = append(users, "the assistant "+other.ID)
		}
	}
	if len(users) == 0 {
		return nil
	}
	slices.Sort(users)
	return fault.Newf(fault.Conflict, "The assistant is used by %s.", strings.Join(users, ", ")).WithCode("assistant_in_use")
}

// settleAfter is the age from which an event that has begun is compared with what happened.
const settleAfter = time.Minute

// AuditEvents returns the events of the months since a day, the newest first. before is the id of the last event of the page
// before; empty begins with the newest. The next page begins before the last event.
func (s *Service) AuditEvents(ctx context.Context, before string, since time.Time, limit int) ([]aurora.AuditEvent, error) {
	month := s.Now().UTC()
	if before != "" {
		at, err := time.Parse("2006-01", before[:min(len(before), 7)])
		if err != nil {
			return nil, fault.New(fault.Invalid, "cursor is not valid.").WithCode("cursor_invalid").WithParam("cursor")
		}
		month = at
	}
	var all []aurora.AuditEvent
	month = time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, time.UTC)
	for ; len(all) < limit && !month.AddDate(0, 1, 0).Before(since); month = month.AddDate(0, -1, 0) {
		page, err := s.Audit.AuditEvents(ctx, month.Format("2006-01"), before, limit-len(all))
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
	}
	for i := range all {
		if all[i].State == aurora.AuditBegun && s.Now().Sub(all[i].At) > settleAfter {
			state, err := s.settleEvent(ctx, all[i])
			if err != nil {
				return nil, err
			}
			all[i].State = state
		}
	}
	return all, nil
}

// settleEvent finds out how an action ended whose process did not say so.
func (s *Service) settleEvent(ctx context.Context, e aurora.AuditEvent) (state string, err error) {
	live, exists, err := s.Published.Live(ctx, e.Target)
	if err != nil {
		return "", err
	}
	state = aurora.AuditAbandoned
	if e.After > 0 {
		v, ok, err := s.History.Version(ctx, e.Target, e.After)
		if err != nil {
			return "", err
		}
		if ok && (!v.LiveAt.IsZero() || exists && live.Stamp == e.After) {
			state = aurora.AuditDone
		}
	} else if !exists || live.Stamp != e.Before {
		state = aurora.AuditDone
	}
	return state, s.Audit.SetAuditState(ctx, e.ID, state)
}

// Find returns the published document of an assistant.
func (s *Service) Find(ctx context.Context, id string) (aurora.PublishedAssistant, error) {
	p, ok, err := s.Published.Live(ctx, id)
	if err == nil && !ok {
		err = errUnknownAssistant()
	}
	return p, err
}
