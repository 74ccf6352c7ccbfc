package endofcall

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/personaldata"
	"example.com/aurora/shared/core/providermsg"
)

// Calls stores the state of phone calls.
type Calls interface {
	// Call returns a call's state; ok is false if there is none.
	Call(ctx context.Context, sid string) (c aurora.PhoneCall, ok bool, err error)
	// Turns returns the call's stored turns, the oldest first.
	Turns(ctx context.Context, sid string) ([]aurora.SpokenTurn, error)
	// UpdateCall changes a call's state on condition that it has not changed meanwhile, and returns it as it is then. change may
	// run several times; if it returns false, nothing is written. A missing call is a fault.NotFound.
	UpdateCall(ctx context.Context, sid string, change func(*aurora.PhoneCall) bool) (aurora.PhoneCall, error)
}

// Archive stores an end-of-call report. The same report is stored once.
type Archive interface {
	StoreReport(ctx context.Context, body []byte) error
}

// Rows adds what is known of a call to its row. names are the call's ids as they stand in keys.
type Rows interface {
	Upsert(ctx context.Context, names []string, c aurora.Call) (aurora.Call, error)
}

// Tasks sends tasks.
type Tasks interface {
	Send(ctx context.Context, task aurora.PhoneTask, delay time.Duration) error
}

// Service finishes phone calls. All fields are required.
type Service struct {
	Calls      Calls
	Archive    Archive
	Rows       Rows
	Tasks      Tasks
	Assistants aurora.AssistantFinder
	Prices     Prices
	Now        func() time.Time
	Count      func(ctx context.Context, metric string)
}

// MetricWithoutSignal counts calls that were finished although nothing had said that they were over.
const MetricWithoutSignal = "PhoneCallWithoutEnd"

// FinishDelay is the delay of the task that a signal of the end sends: the other signals come within it.
const FinishDelay = 20 * time.Second

// MaxDelay is the longest delay of a message in SQS.
const MaxDelay = 15 * time.Minute

// Finish writes the report of a call that is over, once, and adds to the row what became known later. If the call is not
// over, it sends the task again. It may run at any time and as often as one likes. A call without state has expired, was erased, or
// never was stored.
func (s *Service) Finish(ctx context.Context, sid string) error {
	aurora.LogCall(ctx, sid)
	call, ok, err := s.Calls.Call(ctx, sid)
	if err != nil {
		return fmt.Errorf("finish a call: %w", err)
	}
	if !ok {
		slog.InfoContext(ctx, "call to finish has no state", "event", "phone.finish_skipped", "callId", sid)
		return nil
	}
	mine := false
	if call.Report == nil {
		if wait := waitTime(call, s.Now()); wait > 0 {
			return s.Tasks.Send(ctx, aurora.PhoneTask{Kind: aurora.PhoneTaskFinish, CallSID: sid}, min(wait, MaxDelay))
		}
		if call, mine, err = s.begin(ctx, sid); err != nil {
			return ignoreMissing(err)
		}
		if call.Report == nil { // something happened meanwhile
			return s.Tasks.Send(ctx, aurora.PhoneTask{Kind: aurora.PhoneTaskFinish, CallSID: sid}, FinishDelay)
		}
	}
	if call.Direction == aurora.DirectionOutbound && call.ConnectedAt.IsZero() {
		return nil
	}
	if !call.Report.Stored && !mine && s.Now().Before(call.Report.At.Add(FinishDelay)) { // another run stores it, or has died
		return s.Tasks.Send(ctx, aurora.PhoneTask{Kind: aurora.PhoneTaskFinish, CallSID: sid}, FinishDelay)
	}
	if !call.Report.Stored {
		if err := s.store(ctx, call); err != nil {
			return fmt.Errorf("finish a call: %w", err)
		}
	}
	return ignoreMissing(s.addFacts(ctx, call))
}

// ignoreMissing drops the error of a call whose state was removed meanwhile.
func ignoreMissing(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// begin stores what the report is made from, unless another run has done it. The call's generation grows, so that no running
// turn speaks or is stored any more. mine reports whether this run stored it.
func (s *Service) begin(ctx context.Context, sid string) (call aurora.PhoneCall, mine bool, err error) {
	call, err = s.Calls.UpdateCall(ctx, sid, func(c *aurora.PhoneCall) bool {
		now := s.Now()
		if mine = c.Report == nil && waitTime(*c, now) == 0; mine {
			c.Report = &aurora.PhoneReport{At: now, End: c.End}
			c.Generation++
		}
		return mine
	})
	return call, mine, err
}

// store stores the report of what was known when it was begun.
func (s *Service) store(ctx context.Context, call aurora.PhoneCall) error {
	turns, err := s.Calls.Turns(ctx, call.SID)
	if err != nil {
		return err
	}
	now := call.End
	call.End = call.Report.End
	body, err := Build(call, turns, s.Prices, call.Report.At)
	if err != nil {
		return err
	}
	if err := s.Archive.StoreReport(ctx, body); err != nil {
		return err
	}
	if !hasSignal(now) {
		s.Count(ctx, MetricWithoutSignal)
	}
	metric.AddCount(ctx, "PhoneOutOfOrder", call.OutOfOrder)
	metric.AddCount(ctx, "PhoneDropped", call.Drops)
	metric.AddCount(ctx, "PhoneResumed", call.Resumes)
	slog.InfoContext(ctx, "end-of-call report of a phone call stored", "event", "phone.finished", "callId", call.SID, "endedReason", endedReason(call), "turns", len(turns),
		"interrupts", call.Interrupts, "outOfOrder", call.OutOfOrder, "drops", call.Drops, "resumes", call.Resumes)
	_, err = s.Calls.UpdateCall(ctx, call.SID, func(c *aurora.PhoneCall) bool {
		if c.Report == nil || c.Report.Stored {
			return false
		}
		c.Report.Stored = true
		return true
	})
	return ignoreMissing(err)
}

// addFacts adds to the row what became known after the report was begun.
func (s *Service) addFacts(ctx context.Context, call aurora.PhoneCall) error {
	known := call.End
	if reflect.DeepEqual(known, call.Report.End) {
		return nil
	}
	at := latest(s.Now(), call.Report.At.Add(time.Millisecond)) // newer than the report, of which a row knows milliseconds
	body, err := Build(call, nil, s.Prices, at)
	if err != nil {
		return fmt.Errorf("add facts to a call: %w", err)
	}
	assistant, err := s.Assistants.ByID(ctx, call.AssistantID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return fmt.Errorf("add facts to a call: %w", err)
	}
	if body, err = personaldata.Apply(assistant, body); err != nil {
		return fmt.Errorf("add facts to a call: %w", err)
	}
	m, err := providermsg.ParseMessage(body)
	if err != nil {
		return fmt.Errorf("add facts to a call: %w", err)
	}
	added := row(m, aurora.NewVersion(at, at, call.SID))
	added.RetentionDays = assistant.RetentionDays
	if _, err := s.Rows.Upsert(ctx, []string{aurora.SafeKey(call.SID)}, added); err != nil {
		return fmt.Errorf("add facts to a call: %w", err)
	}
	slog.InfoContext(ctx, "facts added to a finished call", "event", "phone.facts_added", "callId", call.SID, "status", string(known.Status))
	now, err := s.Calls.UpdateCall(ctx, call.SID, func(c *aurora.PhoneCall) bool {
		if c.Report == nil {
			return false
		}
		c.Report.End = known
		return true
	})
	if err != nil || reflect.DeepEqual(now.End, known) {
		return err
	}
	// Another run may have written the newer facts before this one wrote the older ones.
	return s.Tasks.Send(ctx, aurora.PhoneTask{Kind: aurora.PhoneTaskFinish, CallSID: call.SID}, FinishDelay)
}
