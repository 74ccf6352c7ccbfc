package outbound

import (
	"context"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// PhoneCalls holds the state of calls that ConversationRelay carries.
type PhoneCalls interface {
	// UpdateCall changes a call's state on condition that it has not changed meanwhile, and returns it as it is then. A call that
	// never connected has no state: a fault.NotFound.
	UpdateCall(ctx context.Context, sid string, change func(*aurora.PhoneCall) bool) (aurora.PhoneCall, error)
}

// PhoneTasks takes work on calls that ConversationRelay carries.
type PhoneTasks interface {
	Send(ctx context.Context, task aurora.PhoneTask, delay time.Duration) error
}

// RelayCalls gets what the provider reports of calls that ConversationRelay carries.
type RelayCalls struct {
	Calls PhoneCalls
	Tasks PhoneTasks
	Now   func() time.Time
}

// finishDelay is how long the other signs of a call's end are waited for.
const finishDelay = 20 * time.Second

// report passes on who answered a call, and that it is over. A call that never connected has a row from its record and no
// end-of-call report.
func (c *RelayCalls) report(ctx context.Context, cb Callback) error {
	if cb.AnsweredBy != "" {
		task := aurora.PhoneTask{Kind: aurora.PhoneTaskMachine, CallSID: cb.SID, AnsweredBy: cb.AnsweredBy}
		if err := c.Tasks.Send(ctx, task, 0); err != nil {
			return errUnavailable("Who answered the call cannot be passed on now.", err)
		}
	}
	if !cb.Status.IsFinal() {
		return nil
	}
	_, err := c.Calls.UpdateCall(ctx, cb.SID, func(call *aurora.PhoneCall) bool { return call.End.AddStatus(cb.Status, cb.Seconds, c.Now()) })
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err == nil {
		err = c.Tasks.Send(ctx, aurora.PhoneTask{Kind: aurora.PhoneTaskFinish, CallSID: cb.SID}, finishDelay)
	}
	if err != nil {
		return errUnavailable("The end of the call cannot be stored now.", err)
	}
	return nil
}
