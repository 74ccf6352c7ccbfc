package outbound

import (
	"context"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const unknownSID = "CA000000000000000000000000000000ff"

func TestCallbacks(t *testing.T) {
	h := newHarness(t)
	if _, err := h.place(newRequest("k1")); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		status     aurora.CallStatus
		answeredBy string
		want       aurora.CallStatus
		rows       int
	}{
		{"initiated", "", aurora.CallInitiated, 0},
		{"ringing", "", aurora.CallRinging, 0},
		{"initiated", "", aurora.CallRinging, 0}, // came late
		{"in-progress", "", aurora.CallInProgress, 0},
		{"", "human", aurora.CallInProgress, 0},
		{"ringing", "", aurora.CallInProgress, 0},
		{"completed", "", aurora.CallCompleted, 1},
		{"busy", "", aurora.CallCompleted, 2}, // the first final status counts; the same row is written again
		{"in-progress", "machine_start", aurora.CallCompleted, 3},
	} {
		if err := h.HandleCallback(t.Context(), newCallback("oc_1", firstSID, step.status, answeredBy(step.answeredBy))); err != nil {
			t.Errorf("%s: %v", step.status, err)
		}
		if got := h.onlyRecord().Status; got != step.want {
			t.Errorf("after %q the status is %q, want %q", step.status, got, step.want)
		}
		if len(h.index.rows) != step.rows {
			t.Errorf("after %q %d rows were written, want %d", step.status, len(h.index.rows), step.rows)
		}
		h.advance(time.Second)
	}
	for _, row := range h.index.rows {
		if row.Disposition != aurora.DispositionAnswered {
			t.Errorf("disposition %s, want answered", row.Disposition)
		}
	}
	r := h.onlyRecord()
	if r.AnsweredBy != "human" {
		t.Errorf("answered by %q, want the first report, human", r.AnsweredBy)
	}
	if r.AnsweredAt.IsZero() || !r.EndedAt.After(r.AnsweredAt) {
		t.Errorf("answered at %s and ended at %s", r.AnsweredAt, r.EndedAt)
	}
}

// The row has who answered, in whatever order the two callbacks came. A verdict takes the place of "unknown".
func TestRowHasWhoAnswered(t *testing.T) {
	for verdict, want := range map[string]aurora.Disposition{"machine_start": aurora.DispositionVoicemail, "machine_end_beep": aurora.DispositionVoicemail,
		"machine_end_silence": aurora.DispositionVoicemail, "machine_end_other": aurora.DispositionVoicemail, "fax": aurora.DispositionVoicemail,
		"human": aurora.DispositionAnswered, "unknown": aurora.DispositionAnswered} {
		for _, late := range []bool{false, true} {
			h := newHarness(t)
			_, _ = h.place(newRequest("k1"))
			steps := []struct {
				status     aurora.CallStatus
				answeredBy string
			}{{"in-progress", "unknown"}, {"", verdict}, {"completed", ""}}
			if late {
				steps[1], steps[2] = steps[2], steps[1]
			}
			for _, step := range steps {
				if err := h.HandleCallback(t.Context(), newCallback("oc_1", firstSID, step.status, answeredBy(step.answeredBy))); err != nil {
					t.Fatal(err)
				}
			}
			if row := h.index.rows[len(h.index.rows)-1]; row.Disposition != want || row.AnsweredBy != verdict {
				t.Errorf("%s, late %v: the row has %s and answered by %q, want %s", verdict, late, row.Disposition, row.AnsweredBy, want)
			}
		}
	}
}

// The row of a call that never reached the assistant is complete, and older than any report.
func TestRowOfFinalStatus(t *testing.T) {
	for status, want := range map[aurora.CallStatus]aurora.Disposition{"busy": aurora.DispositionBusy, "no-answer": aurora.DispositionNoAnswer,
		"failed": aurora.DispositionFailed, "canceled": aurora.DispositionNoAnswer} {
		h := newHarness(t)
		_, _ = h.place(newRequest("k1"))
		zero, endedAt := 0.0, h.clock.Add(40*time.Second)
		err := h.HandleCallback(t.Context(), newCallback("", firstSID, status, func(cb *Callback) { cb.At, cb.Seconds = endedAt, &zero }))
		if err != nil || len(h.index.rows) != 1 || h.index.names[0] != firstSID {
			t.Fatalf("%s: %v, rows %+v of %v", status, err, h.index.rows, h.index.names)
		}
		got := h.index.rows[0]
		if got.Seconds == nil || *got.Seconds != 0 {
			t.Errorf("%s: seconds %v, want 0", status, got.Seconds)
		}
		if got.Version >= aurora.NewVersion(time.Time{}, h.clock, "eoc/x") || got.Version >= aurora.NewVersion(h.clock, h.clock, "eoc/x") {
			t.Errorf("%s: the version %s is not smaller than a report's", status, got.Version)
		}
		row := aurora.Call{CallKey: aurora.CallKey{AssistantID: riley, Day: "2026-11-18"}, ID: firstSID, Version: got.Version, StartedAt: h.clock, EndedAt: endedAt,
			Seconds: got.Seconds, EndedReason: string(status), Disposition: want, Direction: aurora.DirectionOutbound, Customer: recipient, CustomerName: canaryName}
		if !reflect.DeepEqual(got, row) {
			t.Errorf("%s: row\n     %+v\nwant %+v", status, got, row)
		}
	}
}

func TestMachineThatAnswersIsAVoicemail(t *testing.T) {
	h := newHarness(t)
	_, _ = h.place(newRequest("k1"))
	for _, cb := range []Callback{newCallback("oc_1", firstSID, "", answeredBy("machine_end_beep")), newCallback("oc_1", firstSID, "completed")} {
		if err := h.HandleCallback(t.Context(), cb); err != nil {
			t.Fatal(err)
		}
	}
	if len(h.index.rows) != 1 || h.index.rows[0].Disposition != aurora.DispositionVoicemail {
		t.Errorf("rows %+v, want one voicemail", h.index.rows)
	}
}

// A callback makes an unknown call placed, and its idempotency key answers with it from then on.
func TestCallbackResolvesUnknownCall(t *testing.T) {
	h := newHarness(t)
	h.provider.respond = func(int) (bool, error) { return true, errReplyLost }
	if _, err := h.place(newRequest("k1")); faultCode(err) != "call_state_unknown" {
		t.Fatalf("the reply is lost: %v, want call_state_unknown", err)
	}
	h.provider.listErr = errReplyLost
	if _, err := h.place(newRequest("k1")); faultCode(err) != "idempotency_state_unknown" {
		t.Fatalf("the provider does not list calls: %v, want idempotency_state_unknown", err)
	}
	if err := h.HandleCallback(t.Context(), newCallback("oc_1", firstSID, "initiated")); err != nil {
		t.Fatal(err)
	}
	if a, err := h.place(newRequest("k1")); err != nil || !a.Replayed || a.SID != firstSID {
		t.Errorf("after the callback: %+v, %v; want a replay", a, err)
	}
}

func TestCallbackBeforeTheLostReply(t *testing.T) {
	h := newHarness(t)
	h.provider.respond = func(int) (bool, error) {
		if err := h.HandleCallback(context.Background(), newCallback("oc_1", firstSID, "initiated")); err != nil {
			t.Error(err)
		}
		return true, errReplyLost
	}
	if a, err := h.place(newRequest("k1")); err != nil || a.SID != firstSID || a.Replayed {
		t.Errorf("%+v, %v; want the call that the callback named", a, err)
	}
}

func TestCallbackForUnknownCall(t *testing.T) {
	h := newHarness(t)
	_, _ = h.place(newRequest("k1"))
	for name, cb := range map[string]Callback{"record": newCallback("oc_other", firstSID, "completed"), "sid": newCallback("", unknownSID, "completed")} {
		if err := h.HandleCallback(t.Context(), cb); !fault.Is(err, fault.NotFound) {
			t.Errorf("an unknown %s: %v, want fault.NotFound", name, err)
		}
	}
	if err := h.HandleCallback(t.Context(), newCallback("oc_1", unknownSID, "completed")); err != nil {
		t.Errorf("another call's callback for a record: %v, want it ignored", err)
	}
	if r := h.onlyRecord(); r.SID != firstSID || r.Status.IsFinal() || len(h.index.rows) != 0 {
		t.Errorf("another call's callback changed the record: %+v, rows %+v", r, h.index.rows)
	}
}

func TestCallbackWhenAStoreIsUnavailable(t *testing.T) {
	h := newHarness(t)
	_, _ = h.place(newRequest("k1"))
	completed := newCallback("oc_1", firstSID, "completed")
	h.index.err = errReplyLost
	if err := h.HandleCallback(t.Context(), completed); !fault.Is(err, fault.Unavailable) {
		t.Errorf("the index fails: %v, want fault.Unavailable, so that the provider tries again", err)
	}
	h.index.err = nil
	if err := h.HandleCallback(t.Context(), completed); err != nil || len(h.index.rows) != 1 {
		t.Errorf("the next try: %v, rows %+v; want one row", err, h.index.rows)
	}
	h.ledger.failBefore = func(string, int) error { return errReplyLost }
	if err := h.HandleCallback(t.Context(), completed); !fault.Is(err, fault.Unavailable) {
		t.Errorf("the ledger fails: %v, want fault.Unavailable", err)
	}
}

// In whatever order callbacks come and however often, the record never goes back, and rows are written only for a call
// that is over.
func TestStatusNeverGoesBack(t *testing.T) {
	statuses := []aurora.CallStatus{"", "queued", "initiated", "ringing", "in-progress", "completed", "busy", "no-answer", "failed", "canceled"}
	rapid.Check(t, func(rt *rapid.T) {
		h := newHarness(t)
		_, _ = h.place(newRequest("k1"))
		rank, final := 0, aurora.CallStatus("")
		for _, status := range rapid.SliceOfN(rapid.SampledFrom(statuses), 1, 20).Draw(rt, "statuses") {
			if err := h.HandleCallback(t.Context(), newCallback("oc_1", firstSID, status)); err != nil {
				rt.Fatal(err)
			}
			now := h.onlyRecord().Status
			if now.Rank() < rank || final != "" && now != final {
				rt.Fatalf("the status is %q after rank %d, final %q", now, rank, final)
			}
			if rank = now.Rank(); now.IsFinal() {
				final = now
			}
			if (len(h.index.rows) > 0) != (final != "") {
				rt.Fatalf("the status is %q with %d rows", now, len(h.index.rows))
			}
		}
	})
}

// The row of a call of an assistant that stores no personal data has neither number nor name. Its record loses what only the
// conversation needed; a repeated request is answered as before.
func TestCallWithoutPersonalData(t *testing.T) {
	h := newHarness(t)
	h.assistants.All[0].Storage, h.assistants.All[0].RetentionDays = aurora.StoreWithoutPersonalData, 7
	placed, _ := h.place(newRequest("k1"))
	if r := h.onlyRecord(); r.Email != canaryEmail {
		t.Errorf("the assistant on the call does not know %s", canaryEmail)
	}
	if err := h.HandleCallback(t.Context(), newCallback("oc_1", firstSID, "completed")); err != nil {
		t.Fatal(err)
	}
	if r := h.onlyRecord(); r.Name+r.Email+r.Info != "" {
		t.Errorf("the record is %+v, want no name, address and info", r)
	}
	if row := h.index.rows[0]; row.Customer != "" || row.CustomerName != "" || row.RetentionDays != 7 || row.Disposition != aurora.DispositionAnswered {
		t.Errorf("the row is %+v, want no number and no name", row)
	}
	again, err := h.place(newRequest("k1"))
	if placed.Replayed = true; err != nil || again != placed {
		t.Errorf("the repeated request got %+v, %v, want %+v", again, err, placed)
	}
}
