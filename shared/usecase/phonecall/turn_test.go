package phonecall_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/usecase/phonecall"
)

func TestTurnsAreSpokenAndRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, says("We open at nine. ", "And close at five."), says("Yes."))
		r.say(t, "When do you open?")
		expect(t, "sent", r.wire.all(), `"We open at nine. And close at five." closed`)
		r.say(t, "Also on Monday?")
		expect(t, "the second conversation", r.model.last(t), "assistant: Hello, this is Riley.\nuser: When do you open?\nassistant: We open at nine. And close at five.\nuser: Also on Monday?")
		expect(t, "the report", r.conversation(t), "assistant: Hello, this is Riley.\nuser: When do you open?\nassistant: We open at nine. And close at five.\nuser: Also on Monday?\nassistant: Yes.")
		if c := r.call(t); len(c.Waiting) > 0 || c.Generation != 2 {
			t.Errorf("%d words wait in generation %d, want none in 2", len(c.Waiting), c.Generation)
		}
	})
}

// Every way in which a turn ends closes it, once.
func TestEveryTurnIsClosed(t *testing.T) {
	for name, c := range map[string]struct {
		script script
		want   string
	}{
		"nothing is said": {func(context.Context, phonecall.Output) phonecall.TurnResult { return phonecall.TurnResult{} }, "closed"},
		"a tool and no words": {func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			n := 0
			return usesTool("note", time.Second, &n, "")(ctx, out)
		}, "closed"},
		"fault 103: a panic": {func(context.Context, phonecall.Output) phonecall.TurnResult { panic("oops") },
			`"I'm sorry, something went wrong. Could you say that again?" closed`},
		"fault 103: a panic after words": {func(_ context.Context, out phonecall.Output) phonecall.TurnResult {
			_ = out.WriteText("Well, ", "m", false)
			panic("oops")
		}, `"Well, I'm sorry, something went wrong. Could you say that again?" closed`},
		"markup in the words": {says("Is 3 < 5? "), `"Is 3  less than  5? " closed`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, c.script)
				r.say(t, "Hi")
				expect(t, "sent", r.wire.all(), c.want)
			})
		})
	}
}

func TestWordsAreSentInChunks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			return speakSlowly(ctx, out, 50*time.Millisecond, "I ", "can ", "cer", "tainly ", "do ", "that", ". ", "Your ", "next ", "visit ", "is ", "on ", "Fri", "day ", "at ", "3.", "30", ".")
		})
		r.say(t, "Book it")
		expect(t, "sent", r.wire.chunks(), `"I can " "certainly do that. " "Your next visit is on " "Friday at " "3.30." closed`)
		if first := r.wire.frames[0].at; first != 121*time.Millisecond {
			t.Errorf("the first words were sent after %s, want 120 ms after the model's first", first)
		}
	})
}

// A barge-in while the model still speaks: nothing of the old turn is sent after it was noticed, the handler of the
// interruption closes the turn, and the model later sees what was heard.
func TestInterruptedWhileTheModelSpeaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			return speakSlowly(ctx, out, time.Second, "We open at nine. ", "We close at five. ", "On Sundays we are closed.")
		}, says("Sure."))
		var group sync.WaitGroup
		later(&group, 1500*time.Millisecond, func() { r.Interrupt(t.Context(), r.event(connection), "we open AT nine we") })
		r.say(t, "When do you open?")
		group.Wait()
		expect(t, "sent", r.wire.all(), `"We open at nine. We close at five. " closed`)
		r.say(t, "And on Sundays?")
		expect(t, "the next conversation", r.model.last(t), "assistant: Hello, this is Riley.\nuser: When do you open?\nassistant: We open at nine. We"+
			"\nsystem: The caller interrupted you here. They heard only the words above.\nuser: And on Sundays?")
		if last := r.wire.frames[len(r.wire.frames)-1]; !last.Last {
			t.Error("the next turn is not closed")
		}
	})
}

// A barge-in before a word was heard: the words still wait, and the next turn answers both.
func TestFault97InterruptedBeforeAWordWasHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			return speakSlowly(ctx, out, 5*time.Second, "", "Late.")
		}, says("Sure."))
		var group sync.WaitGroup
		later(&group, 500*time.Millisecond, func() { r.Interrupt(t.Context(), r.event(connection), "") })
		r.say(t, "I want")
		group.Wait()
		r.say(t, "an appointment")
		expect(t, "sent", r.wire.all(), `closed "Sure." closed`)
		expect(t, "the conversation", r.model.last(t), "assistant: Hello, this is Riley.\nuser: I want an appointment")
	})
}

// A barge-in after the turn has ended on our side, while Twilio still speaks.
func TestInterruptedWhileTwilioSpeaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, says("We open at nine. We close at five."), says("Sure."))
		r.say(t, "When do you open?")
		time.Sleep(time.Second)
		r.Interrupt(t.Context(), r.event(connection), "We open")
		r.say(t, "Wait")
		expect(t, "the conversation", r.model.last(t), "assistant: Hello, this is Riley.\nuser: When do you open?\nassistant: We open"+
			"\nsystem: The caller interrupted you here. They heard only the words above.\nuser: Wait")
		expect(t, "the report", r.conversation(t), "assistant: Hello, this is Riley.\nuser: When do you open?\nassistant: We open\nuser: Wait\nassistant: Sure.")
	})
}

func TestFault97GreetingIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		time.Sleep(time.Second)
		r.Interrupt(t.Context(), r.event(connection), "hello")
		r.say(t, "Hi")
		expect(t, "the conversation", r.model.last(t), "assistant: Hello,\nsystem: The caller interrupted you here. They heard only the words above.\nuser: Hi")
	})
}

// Words of a turn that is no longer known are not taken for the greeting.
func TestFault97OtherWordsAreNotTheGreeting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, says("Sure."))
		time.Sleep(time.Second)
		r.Interrupt(t.Context(), r.event(connection), "at nine. We close")
		r.say(t, "When do you open?")
		expect(t, "the conversation", r.model.last(t), "assistant: Hello, this is Riley.\nuser: When do you open?")
	})
}

// A tool that runs when the caller cuts in is finished and recorded, and the next turn knows its result.
func TestFault101ToolIsFinishedAfterABargeIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		r := newRig(t, usesTool("book", 3*time.Second, &runs, "Booked."), says("It is booked."))
		var group sync.WaitGroup
		later(&group, time.Second, func() { r.Interrupt(t.Context(), r.event(connection), "") })
		later(&group, 1200*time.Millisecond, func() { r.say(t, "Hello?") })
		r.say(t, "Book it")
		group.Wait()
		expect(t, "sent", r.wire.all(), `closed "It is booked." closed`)
		expect(t, "the second conversation", r.model.last(t), "assistant: Hello, this is Riley.\nuser: Book it\nassistant:  call book\ntool: done"+
			"\nsystem: The caller interrupted you before they heard a word.\nuser: Hello?")
		if runs != 1 {
			t.Errorf("the tool ran %d times, want once", runs)
		}
	})
}

// A turn that was superseded starts no tool.
func TestSupersededTurnStartsNoTool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		r := newRig(t, func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			time.Sleep(time.Second)
			return usesTool("book", time.Second, &runs, "Booked.")(context.WithoutCancel(ctx), out)
		})
		var group sync.WaitGroup
		later(&group, 995*time.Millisecond, func() { r.say(t, "No, wait") })
		r.say(t, "Book it")
		group.Wait()
		if runs != 0 {
			t.Errorf("the tool of the old turn ran %d times", runs)
		}
		expect(t, "the conversation", r.model.last(t), "assistant: Hello, this is Riley.\nuser: Book it No, wait")
	})
}

func TestWordsAreRejected(t *testing.T) {
	gone := fault.New(fault.NotFound, "Gone.")
	for name, c := range map[string]struct {
		reject func(n int, f phonecall.Frame) error
		want   string
	}{
		"fault 93: busy once, then words that came meanwhile go with them": {func(n int, _ phonecall.Frame) error {
			if n == 1 {
				return fault.New(fault.RateLimited, "Busy.")
			}
			return nil
		}, `"One. Two. " "Three." closed`},
		"fault 94: too large": {func(_ int, f phonecall.Frame) error {
			if len(f.Text) > 5 {
				return fault.New(fault.TooLarge, "Too large.")
			}
			return nil
		}, `"One. " "Two. " "Thr" "ee." closed`},
		"fault 92: gone": {func(int, phonecall.Frame) error { return gone }, ""},
		"fault 93: an error that passes": {func(n int, _ phonecall.Frame) error {
			return map[int]error{1: fault.New(fault.Unavailable, "Down.")}[n]
		}, `"One. " "Two. " "Three." closed`},
		"fault 93: it stays busy": {func(_ int, f phonecall.Frame) error {
			return map[bool]error{true: fault.New(fault.RateLimited, "Busy.")}[f.Text != ""]
		}, "closed"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
					return speakSlowly(ctx, out, 200*time.Millisecond, "One. ", "Two. ", "Three.")
				})
				n := 0
				r.wire.reject = func(_ string, f phonecall.Frame) error {
					n++
					return c.reject(n, f)
				}
				r.say(t, "Count")
				expect(t, "sent", r.wire.chunks(), c.want)
				if isOpen := r.call(t).ConnectionID != ""; isOpen == (name == "fault 92: gone") {
					t.Errorf("the connection is stored as open: %v", isOpen)
				}
			})
		})
	}
}

// A turn goes on with the connection that replaced its own.
func TestFault106TurnGoesOnAfterAReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			return speakSlowly(ctx, out, 100*time.Millisecond, "One. ", "Two. ", "Three.")
		})
		var gone atomic.Bool
		r.wire.reject = func(connectionID string, _ phonecall.Frame) error {
			if gone.Load() && connectionID == connection {
				return fault.New(fault.NotFound, "Gone.")
			}
			return nil
		}
		var group sync.WaitGroup
		later(&group, 90*time.Millisecond, func() {
			gone.Store(true)
			r.setup(t, "conn-2")
		})
		r.say(t, "Count")
		group.Wait()
		expect(t, "sent", r.wire.chunks(), `"One. " "Two. " "Three." closed`)
		if c := r.call(t); c.Drops != 1 || c.ConnectionID != "conn-2" {
			t.Errorf("drops %d, connection %s", c.Drops, c.ConnectionID)
		}
	})
}

// The gateway may say that a connection has gone although it is open. The next message on it shows that.
func TestFault92ConnectionIsOpenNevertheless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, says("Lost."), says("Here I am."))
		n := 0
		r.wire.reject = func(string, phonecall.Frame) error {
			n++
			return map[bool]error{true: fault.New(fault.NotFound, "Gone.")}[n == 1]
		}
		r.say(t, "Hello?")
		r.say(t, "Are you there?")
		expect(t, "sent", r.wire.all(), `closed "Here I am." closed`)
		expect(t, "the conversation", r.model.last(t), "assistant: Hello, this is Riley.\nuser: Hello? Are you there?")
	})
}

// What a lost connection could not answer is answered after the next setup.
func TestFault106WaitingWordsAreAnsweredAfterAReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, says("Lost."), says("Here I am."))
		r.wire.reject = func(connectionID string, _ phonecall.Frame) error {
			if connectionID == connection {
				return fault.New(fault.NotFound, "Gone.")
			}
			return nil
		}
		r.say(t, "Hello?")
		r.setup(t, "conn-2")
		expect(t, "sent", r.wire.all(), `"Here I am." closed`)
		expect(t, "the conversation", r.model.last(t), "assistant: Hello, this is Riley.\nuser: Hello?")
	})
}
