package phonecall_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/usecase/phonecall"
)

func TestSetup(t *testing.T) {
	const apologyAndEnd = `"I'm sorry, I'm having trouble right now. Please call again in a moment." closed end:`
	down := fault.New(fault.Unavailable, "The table is down.")
	good := phonecall.Setup{SessionID: "VX1", AccountSID: account, CallSID: sid, Parameters: map[string]string{"token": token}}
	for name, c := range map[string]struct {
		change func(*phonecall.Setup, *rig)
		want   string
	}{
		"a good one":                  {func(*phonecall.Setup, *rig) {}, ""},
		"no token":                    {func(s *phonecall.Setup, _ *rig) { s.Parameters = nil }, "end:"},
		"another token":               {func(s *phonecall.Setup, _ *rig) { s.Parameters = map[string]string{"token": "x"} }, "end:"},
		"another call":                {func(s *phonecall.Setup, _ *rig) { s.CallSID = strings.Replace(sid, "1", "2", 1) }, "end:"},
		"no call":                     {func(s *phonecall.Setup, _ *rig) { s.CallSID = "" }, "end:"},
		"another account":             {func(s *phonecall.Setup, _ *rig) { s.AccountSID = "AC2" }, "end:"},
		"fault 91: the store is down": {func(_ *phonecall.Setup, r *rig) { r.store.Fail = func(string) error { return down } }, apologyAndEnd},
		"fault 91: the store goes down then": {func(_ *phonecall.Setup, r *rig) {
			r.store.Fail = func(o string) error { return map[string]error{"PutConnection": down}[o] }
		}, apologyAndEnd},
		"fault 91: the store is down for a second": {func(_ *phonecall.Setup, r *rig) {
			until := time.Now().Add(time.Second)
			r.store.Fail = func(string) error {
				if time.Now().Before(until) {
					return down
				}
				return nil
			}
		}, ""},
		"fault 91: the account is not known": {func(_ *phonecall.Setup, r *rig) {
			r.Account = func(context.Context) (string, error) { return "", down }
		}, apologyAndEnd},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.store.RemoveCalls()
				s := good
				c.change(&s, r)
				r.Setup(t.Context(), r.event(connection), s)
				expect(t, "sent", r.wire.all(), c.want)
				if c.want == apologyAndEnd {
					if said, end := r.wire.frames[0], r.wire.frames[len(r.wire.frames)-1]; end.at-said.at < 4*time.Second {
						t.Errorf("the session ends %v after its last words, which cuts them", end.at-said.at)
					}
				}
				r.store.Fail = nil
				if _, served, _ := r.store.ConnectionCall(t.Context(), connection); served != (c.want == "") {
					t.Errorf("the connection is served: %v", served)
				}
			})
		})
	}
}

// Messages before a good setup are not served. A prompt that overtakes the setup waits for it.
func TestFault96MessagesBeforeSetup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.store.RemoveConnection(connection)
		began := time.Now()
		r.Prompt(t.Context(), r.event("other"), "Hi", true)
		r.Interrupt(t.Context(), r.event("other"), "Hi")
		r.Digit(t.Context(), r.event("other"), "1")
		r.AgentSpeaking(t.Context(), r.event("other"), false)
		r.CallerSpeaking(t.Context(), r.event("other"), true)
		r.Failed(t.Context(), r.event("other"), "64107")
		r.Disconnected(t.Context(), r.event("other"))
		expect(t, "sent", r.wire.all()+r.tasks.all(), "")
		if took := time.Since(began); took > 6*500*time.Millisecond {
			t.Errorf("they waited %s", took)
		}
		var group sync.WaitGroup
		later(&group, 300*time.Millisecond, func() { r.setup(t, "conn-2") })
		r.Prompt(t.Context(), r.event("conn-2"), "Hi", true)
		group.Wait()
		expect(t, "sent after the setup", r.wire.all(), `"OK." closed`)
	})
}

// A setup that comes again, or on another connection, does not greet twice.
func TestSetupAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.setup(t, connection)
		r.setup(t, "conn-2")
		r.setup(t, "conn-2")
		c := r.call(t)
		if c.ConnectionID != "conn-2" || c.Drops != 1 {
			t.Errorf("connection %s after %d drops", c.ConnectionID, c.Drops)
		}
		r.Disconnected(t.Context(), r.event(connection)) // of the old connection, late
		if r.call(t).ConnectionID != "conn-2" {
			t.Error("the end of the old connection ended the new one")
		}
		expect(t, "the report", r.conversation(t), "assistant: Hello, this is Riley.")
		expect(t, "sent", r.wire.all(), "")
	})
}

func TestDisconnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 2 {
			r.Disconnected(t.Context(), r.event(connection))
		}
		if c := r.call(t); c.ConnectionID != "" || c.End.DisconnectedAt.IsZero() {
			t.Errorf("the connection is stored as %q, its end as %s", c.ConnectionID, c.End.DisconnectedAt)
		}
		expect(t, "the tasks", r.tasks.all(), "finish/0 after 20s, finish/0 after 20s")
	})
}

func TestFault99PromptsThatAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.Prompt(t.Context(), r.event(connection), "I wan", false)
		r.Prompt(t.Context(), r.event(connection), " \n", true)
		expect(t, "sent for a part of a prompt, and for spaces", r.wire.all(), "")
		r.say(t, "I want a visit")
		time.Sleep(time.Second)
		r.say(t, " I want a visit ")
		expect(t, "sent for the same words again within two seconds", r.wire.all(), `"OK." closed`)
		time.Sleep(2 * time.Second)
		r.say(t, "I want a visit")
		expect(t, "sent for the same words later", r.wire.all(), `"OK." closed "OK." closed`)
	})
}

func TestStoreIsThrottledAtAPrompt(t *testing.T) {
	for name, c := range map[string]struct {
		failures int
		want     string
	}{
		"fault 90: once":        {1, `"OK." closed`},
		"fault 90: twice":       {2, `"OK." closed`},
		"fault 90: three times": {3, `"I'm sorry, something went wrong. Could you say that again?" closed`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				n := 0
				r.store.Fail = func(operation string) error {
					if operation == "UpdateCall" && n < c.failures {
						n++
						return fault.New(fault.Unavailable, "Throttled.")
					}
					return nil
				}
				r.say(t, "Hi")
				expect(t, "sent", r.wire.all(), c.want)
			})
		})
	}
}

// A turn whose end cannot be stored is closed nevertheless.
func TestStoreFailsDuringATurn(t *testing.T) {
	for _, operation := range []string{"Call", "Turns", "WriteTurn", "UpdateCall"} {
		t.Run("fault 102: "+operation, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.model.scripts = []script{func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
					if operation != "Turns" {
						r.store.Fail = func(o string) error { return map[string]error{operation: fault.New(fault.Unavailable, "Down.")}[o] }
					}
					return says("OK.")(ctx, out)
				}}
				if operation == "Turns" {
					r.store.Fail = func(o string) error { return map[string]error{operation: fault.New(fault.Unavailable, "Down.")}[o] }
				}
				r.say(t, "Hi")
				want := `"OK." closed`
				if operation == "Turns" {
					want = `"I'm sorry, something went wrong. Could you say that again?" closed`
				}
				expect(t, "sent", r.wire.all(), want)
			})
		})
	}
}

// Of a call that is erased during a turn nothing is stored again.
func TestCallIsErasedDuringATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.model.scripts = []script{func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			runs := 0
			result := usesTool("note", time.Second, &runs, "")(ctx, out)
			r.store.RemoveCalls()
			return result
		}}
		r.say(t, "Another secret")
		turns, err := r.store.Turns(t.Context(), sid)
		if err != nil {
			t.Fatal(err)
		}
		for _, turn := range turns {
			if len(turn.Said) > 0 || len(turn.Messages) > 0 {
				t.Errorf("stored after the erasure: %+v", turn)
			}
		}
	})
}

func TestKeysAreCollected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for _, digit := range []string{"1", "2", "x", "", "12", "a"} {
			time.Sleep(time.Millisecond)
			r.Digit(t.Context(), r.event(connection), digit)
		}
		expect(t, "the tasks", r.tasks.all(), "digits/0 after 2s, digits/0 after 2s, digits/0 after 2s")
		time.Sleep(time.Millisecond)
		r.Digit(t.Context(), r.event(connection), "#")
		expect(t, "the conversation", r.model.last(t), "assistant: Hello, this is Riley.\nuser: pressed 1 2 A")
		r.Digit(t.Context(), r.event(connection), "7")
		if err := r.Answer(t.Context(), sid, r.call(t).Generation, phonecall.TakeDigits); err != nil {
			t.Fatal(err)
		}
		if err := r.Answer(t.Context(), sid, r.call(t).Generation, phonecall.TakeDigits); err != nil {
			t.Fatal(err)
		}
		expect(t, "the conversation", r.model.last(t), "assistant: Hello, this is Riley.\nuser: pressed 1 2 A\nassistant: OK.\nuser: pressed 7")
		if len(r.model.heard) != 2 {
			t.Errorf("%d turns, want 2", len(r.model.heard))
		}
	})
}

func TestSpeaking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		early := r.event(connection)
		time.Sleep(time.Second)
		r.AgentSpeaking(t.Context(), r.event(connection), false)
		r.AgentSpeaking(t.Context(), early, true) // overtaken
		expect(t, "the tasks", r.tasks.all(), "silence/0 after 8s")
		r.CallerSpeaking(t.Context(), r.event(connection), true)
		r.CallerSpeaking(t.Context(), early, false)
		if c := r.call(t); c.AgentSpeaking || !c.CallerSpeaking {
			t.Errorf("assistant speaks %v, caller speaks %v; want false and true", c.AgentSpeaking, c.CallerSpeaking)
		}
	})
}

func TestSay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		if said, err := r.Say(t.Context(), sid, 0, "Are you still there?", nil); !said || err != nil {
			t.Fatalf("said %v, %v", said, err)
		}
		if said, err := r.Say(t.Context(), sid, 0, "Are you still there?", nil); said || err != nil {
			t.Errorf("again: said %v, %v", said, err)
		}
		closing := &aurora.CallClosing{ID: "x1", Action: aurora.Action{Type: aurora.ActionEndCall}, Reason: aurora.EndedBySilence}
		if said, err := r.Say(t.Context(), sid, 1, "Goodbye.", closing); !said || err != nil {
			t.Fatalf("said %v, %v", said, err)
		}
		r.AgentSpeaking(t.Context(), r.event(connection), false)
		r.AgentSpeaking(t.Context(), r.event(connection), false)
		expect(t, "sent", r.wire.all(), `"Are you still there?" closed "Goodbye." closed end:x1`)
		expect(t, "the report", r.conversation(t), "assistant: Hello, this is Riley.\nassistant: Are you still there?\nassistant: Goodbye.")
	})
}

// An interruption and a prompt that reach the gateway in the same millisecond end alike, whichever is handled first.
func TestFault98InterruptAndPromptAtOnce(t *testing.T) {
	results := map[string]bool{}
	for _, interruptFirst := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, says("We open at nine. We close at five."), says("Sure."))
			r.say(t, "When do you open?")
			time.Sleep(time.Second)
			interrupt, prompt := r.event(connection), r.event(connection)
			deliver := []func(){func() { r.Interrupt(t.Context(), interrupt, "We open") }, func() { r.Prompt(t.Context(), prompt, "Wait", true) }}
			if !interruptFirst {
				deliver[0], deliver[1] = deliver[1], deliver[0]
			}
			deliver[0]()
			deliver[1]()
			if !strings.HasSuffix(r.wire.all(), `"Sure." closed`) {
				t.Errorf("sent %s, want the answer to the prompt last", r.wire.all())
			}
			results[r.conversation(t)] = true
		})
	}
	if len(results) != 1 {
		t.Errorf("the two orders end with different conversations: %v", results)
	}
}

// A prompt that overtakes the interruption before it is answered with what the caller really heard.
func TestFault98InterruptIsHandledLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			select {
			case <-ctx.Done():
			case <-time.After(400 * time.Millisecond):
			}
			return speakSlowly(ctx, out, 0, "Sure.")
		}
		r := newRig(t, says("We open at nine. We close at five."), slow, slow)
		r.say(t, "When do you open?")
		time.Sleep(time.Second)
		interrupt := r.event(connection)
		var group sync.WaitGroup
		later(&group, 60*time.Millisecond, func() { r.Interrupt(t.Context(), interrupt, "We open") })
		r.say(t, "Wait")
		group.Wait()
		expect(t, "sent", r.wire.all(), `"We open at nine. We close at five." closed "Sure." closed`)
		expect(t, "the conversation", r.model.last(t), "assistant: Hello, this is Riley.\nuser: When do you open?\nassistant: We open"+
			"\nsystem: The caller interrupted you here. They heard only the words above.\nuser: Wait")
		if len(r.model.heard) != 3 {
			t.Errorf("the model was asked %d times, want 3", len(r.model.heard))
		}
	})
}

// The prompt after an interruption is handled first and stops the turn. The interruption then says what was heard of it.
func TestFault98PromptOvertakesTheInterruption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			return speakSlowly(ctx, out, time.Second, "We open at nine. ", "We close at five. ", "On Sundays we are closed.")
		}, says("Sure."), says("Yes."))
		var interrupt phonecall.Event
		var group sync.WaitGroup
		later(&group, 1500*time.Millisecond, func() {
			interrupt = r.event(connection)
			r.say(t, "Wait")
		})
		r.say(t, "When do you open?")
		group.Wait()
		r.Interrupt(t.Context(), interrupt, "We open")
		r.say(t, "And on Sundays?")
		const want = "assistant: Hello, this is Riley.\nuser: When do you open?\nassistant: We open" +
			"\nsystem: The caller interrupted you here. They heard only the words above.\nuser: Wait"
		if got := r.model.last(t); !strings.HasPrefix(got, want) {
			t.Errorf("the conversation:\n%s\nwant at its beginning:\n%s", got, want)
		}
	})
}

// TestFault98ShuffledMessages delivers the messages of a conversation at the same time and in any order. Whatever the order:
// the report has everything that the caller said once, every turn has an end, and the last message closes a turn.
func TestFault98ShuffledMessages(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { shuffle(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func shuffle(t *testing.T, random *rand.Rand) {
	r := newRig(t)
	for i := range 40 {
		r.model.scripts = append(r.model.scripts, func(ctx context.Context, out phonecall.Output) phonecall.TurnResult {
			return speakSlowly(ctx, out, 80*time.Millisecond, fmt.Sprintf("Answer %d. ", i), "Second. ", "Third. ")
		})
	}
	var group sync.WaitGroup
	var said []string
	for i := range 6 {
		time.Sleep(time.Duration(random.IntN(600)) * time.Millisecond)
		if random.IntN(2) == 0 {
			ev := r.event(connection)
			heard := []string{"", "Answer", "Answer 1. Sec", "something else"}[random.IntN(4)]
			later(&group, time.Duration(random.IntN(200))*time.Millisecond, func() { r.Interrupt(t.Context(), ev, heard) })
			time.Sleep(time.Duration(random.IntN(2)) * time.Millisecond)
		}
		ev, words := r.event(connection), fmt.Sprintf("words%d", i)
		said = append(said, words)
		time.Sleep(time.Millisecond)
		later(&group, time.Duration(random.IntN(200))*time.Millisecond, func() { r.Prompt(t.Context(), ev, words, true) })
	}
	group.Wait()
	time.Sleep(time.Second)
	var heard []string
	for line := range strings.SplitSeq(r.conversation(t), "\n") {
		if words, ok := strings.CutPrefix(line, "user: "); ok {
			heard = append(heard, words)
		}
	}
	slices.Sort(heard) // words that come later than the answer to newer ones stand behind it
	expect(t, "the caller's words in the report", strings.Join(heard, " "), strings.Join(said, " "))
	if frames := r.wire.frames; len(frames) == 0 || !frames[len(frames)-1].Last {
		t.Errorf("the last message is not the end of a turn: %s", r.wire.all())
	}
	for _, turn := range r.call(t).Spoken {
		if turn.EndedAt.IsZero() {
			t.Errorf("turn %d has no end", turn.Generation)
		}
	}
}
