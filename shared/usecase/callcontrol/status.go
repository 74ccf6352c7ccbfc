package callcontrol

import (
	"context"
	"log/slog"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// StatusReport is what Twilio reports of a call, or of its recording.
type StatusReport struct {
	SID          string
	Status       aurora.CallStatus // empty if it is about the recording, or unknown
	Seconds      *float64          // of the call
	RecordingSID string
	RecordingURL string
}

// RecordStatus takes a report into the state of its call. Reports come in any order and more than once: the status that is
// furthest counts, and of several final ones the first. A call without state is none of ours.
func (s *Service) RecordStatus(ctx context.Context, r StatusReport) error {
	changed := false
	_, err := s.Calls.UpdateCall(ctx, r.SID, func(c *aurora.PhoneCall) bool {
		changed = r.record(&c.End, s.Now())
		return changed
	})
	if fault.Is(err, fault.NotFound) {
		slog.WarnContext(ctx, "a phone call has no state", "event", "phone.unknown", "callId", r.SID)
		return nil
	}
	if r.Status.IsFinal() || r.RecordingURL != "" {
		s.send(ctx, r.SID, finishDelay) // also if the state cannot be written: the task finds the end in another way
	}
	if err != nil {
		return fault.New(fault.Unavailable, "The call's state cannot be stored now.").WithCode("store_unavailable").WithRetryAfter(time.Second).Because(err)
	}
	slog.InfoContext(ctx, "status of a phone call received", "event", "phone.status_received", "callId", r.SID, "status", string(r.Status), "recording", r.RecordingSID, "changed", changed)
	return nil
}

func (r StatusReport) record(end *aurora.CallEnd, now time.Time) (changed bool) {
	changed = end.AddStatus(r.Status, r.Seconds, now)
	if r.RecordingURL != "" && end.RecordingURL == "" {
		end.RecordingURL, end.RecordingSID, changed = r.RecordingURL, r.RecordingSID, true
	}
	return changed
}
