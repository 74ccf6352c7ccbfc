package outbound

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

// fakeRelay holds one phone call and the tasks that were sent.
type fakeRelay struct {
	call  *aurora.PhoneCall // nil if it never connected
	tasks []string
	down  error
}

func (f *fakeRelay) UpdateCall(_ context.Context, _ string, change func(*aurora.PhoneCall) bool) (aurora.PhoneCall, error) {
	if f.call == nil {
		return aurora.PhoneCall{}, fault.New(fault.NotFound, "There is no such call.")
	}
	if f.down != nil {
		return aurora.PhoneCall{}, f.down
	}
	change(f.call)
	return *f.call, nil
}

func (f *fakeRelay) Send(_ context.Context, task aurora.PhoneTask, delay time.Duration) error {
	f.tasks = append(f.tasks, fmt.Sprintf("%s %s after %s", task.Kind, task.AnsweredBy, delay))
	return f.down
}

func TestReportsOfRelayCalls(t *testing.T) {
	machine, finish := "machine machine_start after 0s", "finish  after 20s"
	for name, c := range map[string]struct {
		mode       aurora.VoiceMode
		connected  bool
		status     aurora.CallStatus
		answeredBy string
		want       []string
	}{
		"who answered":                     {aurora.VoiceModeRelay, true, "", "machine_start", []string{machine}},
		"who answered, before it connects": {aurora.VoiceModeRelay, false, "", "machine_start", []string{machine}},
		"completed":                        {aurora.VoiceModeRelay, true, aurora.CallCompleted, "", []string{finish}},
		"completed, with who answered":     {aurora.VoiceModeRelay, true, aurora.CallCompleted, "machine_start", []string{machine, finish}},
		"ringing":                          {aurora.VoiceModeRelay, true, aurora.CallRinging, "", nil},
		"busy":                             {aurora.VoiceModeRelay, false, aurora.CallBusy, "", nil},
		"by a voice server":                {aurora.VoiceModeStream, true, aurora.CallCompleted, "machine_start", nil},
		"of an earlier version":            {"", true, aurora.CallCompleted, "machine_start", nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			if _, err := h.place(newRequest("k1")); err != nil {
				t.Fatal(err)
			}
			r := h.onlyRecord()
			r.VoiceMode = c.mode
			r.Revision++
			if done, err := h.Ledger.UpdateRecord(t.Context(), r); !done || err != nil {
				t.Fatal(done, err)
			}
			relay := &fakeRelay{}
			if c.connected {
				relay.call = &aurora.PhoneCall{SID: firstSID}
			}
			h.RelayCalls = &RelayCalls{Calls: relay, Tasks: relay, Now: h.Now}
			cb := newCallback("oc_1", firstSID, c.status, answeredBy(c.answeredBy))
			seconds := 21.0
			cb.Seconds = &seconds
			for range 2 { // the provider repeats it
				if err := h.HandleCallback(t.Context(), cb); err != nil {
					t.Fatal(err)
				}
			}
			if want := slices.Concat(c.want, c.want); !slices.Equal(relay.tasks, want) {
				t.Errorf("the tasks are %q, want %q", relay.tasks, want)
			}
			if stored := relay.call; stored != nil && c.mode == aurora.VoiceModeRelay && c.status.IsFinal() &&
				(stored.End.Status != c.status || stored.End.Seconds == nil || *stored.End.Seconds != 21 || stored.End.StatusAt.IsZero()) {
				t.Errorf("the end is %+v", stored.End)
			}
			relay.down = fault.New(fault.Unavailable, "down")
			if err := h.HandleCallback(t.Context(), cb); (err != nil) != (len(c.want) > 0) {
				t.Errorf("without stores: %v", err)
			}
		})
	}
}
