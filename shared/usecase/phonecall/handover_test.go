package phonecall_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/usecase/phonecall"
)

// A turn that takes longer than the gateway waits is handed over, and the worker repeats neither words nor tools.
func TestFault100LongTurnIsHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		r := newRig(t, func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			_ = out.WriteText("Let me see. ", "m", false)
			result := usesTool("search", 15*time.Second, &runs, "")(ctx, out)
			result.Messages[0].Content = "Let me see."
			<-ctx.Done() // the model thinks
			return result
		}, says("Found it."))
		r.say(t, "Find it")
		if took := time.Since(r.began); took > 24*time.Second {
			t.Errorf("the gateway waited %s", took)
		}
		expect(t, "sent before the hand-over", r.wire.all(), `"Let me see. One moment, please. "`)
		expect(t, "the tasks", r.tasks.all(), "continue/1 after 0s")
		task := r.tasks.tasks[0].PhoneTask
		for range 2 { // a queue may deliver twice
			if err := r.Continue(t.Context(), task); err != nil {
				t.Fatal(err)
			}
		}
		expect(t, "sent", r.wire.all(), `"Let me see. One moment, please. Found it." closed`)
		expect(t, "the worker's conversation", r.model.last(t), "assistant: Hello, this is Riley.\nuser: Find it\nassistant: Let me see. call search\ntool: done")
		expect(t, "the report", r.conversation(t), "assistant: Hello, this is Riley.\nuser: Find it\nassistant: Let me see. One moment, please. Found it.")
		if runs != 1 || len(r.model.heard) != 2 {
			t.Errorf("the tool ran %d times and the model was asked %d times, want 1 and 2", runs, len(r.model.heard))
		}
	})
}

func TestSupersededTurnIsNotContinued(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			<-ctx.Done()
			return phonecall.TurnResult{}
		})
		r.say(t, "Find it")
		r.say(t, "Never mind")
		before := r.wire.all()
		if err := r.Continue(t.Context(), r.tasks.tasks[0].PhoneTask); err != nil {
			t.Fatal(err)
		}
		expect(t, "sent", r.wire.all(), before)
	})
}

// A tool that may take longer than what is left is left to the worker.
func TestSlowToolIsLeftToTheWorker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		r := newRig(t, usesTool("search", 60*time.Second, &runs, "Found."), usesTool("search", 60*time.Second, &runs, "Found."))
		r.say(t, "Find it")
		if runs != 0 {
			t.Fatal("the tool was started")
		}
		if err := r.Continue(t.Context(), r.tasks.tasks[0].PhoneTask); err != nil {
			t.Fatal(err)
		}
		expect(t, "sent", r.wire.all(), `"One moment, please. Found." closed`)
	})
}

func TestFault105HandOverFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			<-ctx.Done()
			return phonecall.TurnResult{}
		})
		r.tasks.err = fault.New(fault.Unavailable, "The queue is down.")
		r.say(t, "Find it")
		expect(t, "sent", r.wire.all(), `"One moment, please.  I'm sorry, something went wrong. Could you say that again?" closed`)
	})
}

func endsCall(words string) script {
	return func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
		n := 0
		result := usesTool("end_call", time.Millisecond, &n, words)(ctx, out)
		result.Action = &aurora.Action{Type: aurora.ActionEndCall, ToolCallID: "c1"}
		return result
	}
}

// The session ends after the words were spoken, once, with data that says nothing to others.
func TestCallEndsAfterTheLastWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, endsCall("Goodbye."))
		r.say(t, "Bye")
		c := r.call(t)
		if c.Closing == nil || c.Closing.Action.Type != aurora.ActionEndCall || strings.Contains(r.wire.all(), "end:") {
			t.Fatalf("closing %+v, sent %s; want a closing that waits", c.Closing, r.wire.all())
		}
		expect(t, "the tasks", r.tasks.all(), "close/1 after 10s")
		r.AgentSpeaking(t.Context(), r.event(connection), true)
		time.Sleep(time.Second)
		r.AgentSpeaking(t.Context(), r.event(connection), false)
		if err := r.EndSession(t.Context(), sid); err != nil { // the task, later
			t.Fatal(err)
		}
		r.say(t, "Hello?")
		expect(t, "sent", r.wire.all(), `"Goodbye." closed end:`+c.Closing.ID)
	})
}

// What was decided is done, also if the caller cuts in before the words are spoken.
func TestCallEndsAfterABargeIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			result := endsCall("Good")(ctx, out)
			<-ctx.Done()
			return result
		}, func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			return speakSlowly(ctx, out, time.Second, "At ", "five.")
		})
		var group sync.WaitGroup
		later(&group, time.Second, func() { r.Interrupt(t.Context(), r.event(connection), "Goo") })
		later(&group, 1010*time.Millisecond, func() { r.say(t, "Wait, when do you close?") })
		later(&group, 1500*time.Millisecond, func() { r.AgentSpeaking(t.Context(), r.event(connection), false) }) // of the words that were cut
		r.say(t, "Bye")
		group.Wait()
		time.Sleep(time.Second)
		r.AgentSpeaking(t.Context(), r.event(connection), false)
		expect(t, "sent", r.wire.all(), `"Good" closed "At five." closed end:`+r.call(t).Closing.ID)
	})
}

func TestCallEndsAtOnceWithoutWords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, endsCall(""))
		r.say(t, "Bye")
		expect(t, "sent", r.wire.all(), "closed end:"+r.call(t).Closing.ID)
	})
}
