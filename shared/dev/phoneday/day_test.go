package phoneday

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/dev/fakerelay"
	"example.com/aurora/shared/dev/faketwilio"
	"example.com/aurora/shared/dev/stricttwiml"
)

const (
	dayCalls = 10 // unless PHONE_DAY_CALLS says otherwise
	atOnce   = 4  // with more, a small machine is slower than a voice; unless PHONE_DAY_AT_ONCE says otherwise
	daySpeed = 6  // unless PHONE_DAY_SPEED says otherwise
)

// finishTimeout is how long the reports of the last calls may take: they are written 20 seconds after the last sign of a call.
const finishTimeout = 3 * time.Minute

// dayCaller is a caller of the day. What the caller does depends on the number alone.
type dayCaller struct {
	*dayCall
	random *rand.Rand
	turn   int
}

// say says the next turn's order.
func (c *dayCaller) say(ctx context.Context, phone *fakerelay.Phone, what string) {
	c.turn++
	_ = phone.Say(ctx, order(c.tag, c.turn, what)) // the session may be over
}

// call plays a whole call.
func (c *dayCaller) call(ctx context.Context, phone *fakerelay.Phone) {
	if c.random.IntN(4) == 0 { // cuts the greeting
		_ = phone.ListenTo(ctx, 1+c.random.IntN(4))
	} else {
		_ = phone.Listen(ctx)
	}
	for range 2 + c.random.IntN(3) {
		switch c.random.IntN(6) {
		case 0: // cuts a long answer
			c.say(ctx, phone, "long")
			_ = phone.ListenTo(ctx, 1+c.random.IntN(20))
		case 1: // says more before there is an answer
			c.say(ctx, phone, "long")
			phone.Pause(ctx, time.Duration(c.random.IntN(10_000))*time.Millisecond)
		case 2: // cuts what follows a tool
			c.say(ctx, phone, "text")
			_ = phone.ListenTo(ctx, 1+c.random.IntN(4))
		case 3:
			c.say(ctx, phone, "text")
			_ = phone.Listen(ctx)
		case 4: // interrupts without words
			c.say(ctx, phone, "long")
			_ = phone.ListenTo(ctx, 1+c.random.IntN(10))
			_ = phone.Cough(ctx)
			phone.Pause(ctx, 5*time.Second)
		default:
			c.say(ctx, phone, "plain")
			_ = phone.Listen(ctx)
		}
		if c.random.IntN(8) == 0 {
			_ = phone.Drop(ctx)
			phone.Pause(ctx, time.Duration(c.random.IntN(20_000))*time.Millisecond)
		}
	}
	switch c.random.IntN(4) {
	case 0:
		c.say(ctx, phone, "transfer")
		_ = phone.Leave(ctx)
	case 1:
		c.say(ctx, phone, "goodbye")
		_ = phone.Leave(ctx)
	case 2:
		c.say(ctx, phone, "plain")
		_ = phone.Listen(ctx)
	default: // hangs up in the middle of an answer
		c.say(ctx, phone, "long")
		_ = phone.ListenTo(ctx, 3)
	}
}

// withoutReconnect turns applicationReconnect off, so that a lost connection ends the session.
func withoutReconnect(o *fakerelay.SessionOptions) {
	attributes := maps.Clone(o.Relay.Attributes)
	delete(attributes, "applicationReconnect")
	o.Relay = stricttwiml.Element{Name: o.Relay.Name, Attributes: attributes, Children: o.Relay.Children}
}

// play returns how Twilio's part of the n-th call goes: every request twice, the last ones in any order, and lost connections
// that are opened again or end the session.
func play(n int) faketwilio.Play {
	p := faketwilio.Play{Twice: n%3 == 0, Shuffle: uint64(n)}
	switch n % 5 {
	case 1:
		p.Session = func(o *fakerelay.SessionOptions) { o.ReplayPrompt = true }
	case 2:
		p.Session = withoutReconnect
	case 3:
		p.Session = func(o *fakerelay.SessionOptions) { o.Noise = true }
	case 4:
		p.Dialled = "busy"
	}
	return p
}

// TestDay plays a day of calls, with interruptions, lost connections, repeated requests and messages in any order.
func TestDay(t *testing.T) {
	n, together, speed := setting(t, "PHONE_DAY_CALLS", dayCalls), setting(t, "PHONE_DAY_AT_ONCE", atOnce), setting(t, "PHONE_DAY_SPEED", daySpeed)
	model := &script{calls: map[string]*dayCall{}}
	s := startStack(t, float64(speed), model.answer, append([]string{"LOCAL_WS_SHUFFLE=7"}, manyTexts...)...)
	began := time.Now()
	calls := make([]faketwilio.Report, n)
	var running sync.WaitGroup
	slots := make(chan struct{}, together)
	for i := range n {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			calls[i] = playCall(t, s, model, i)
		})
	}
	running.Wait()
	t.Logf("%d calls took %v", n, time.Since(began).Round(time.Second))
	judge(t, s, model, calls)
}

// manyTexts are the limits of text messages for a day whose calls come from nine numbers.
var manyTexts = []string{"LIMIT_SMS_DESTINATION_PER_MINUTE=1000", "LIMIT_SMS_DESTINATION_PER_DAY=10000", "LIMIT_SMS_ASSISTANT_PER_DAY=10000",
	"LIMIT_SMS_COUNTRY_PER_DAY=10000", "LIMIT_SMS_PER_DAY=10000", "LIMIT_SPEND_PER_DAY_USD=10000"}

// setting returns a number of the environment, or a default.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("%s must be a positive number, not %q", name, v)
	}
	return n
}

// playCall plays the i-th call to its end.
func playCall(t *testing.T, s *stack, model *script, i int) faketwilio.Report {
	c := &dayCaller{dayCall: &dayCall{tag: tag(i)}, random: rand.New(rand.NewPCG(uint64(i), 7))}
	model.mu.Lock()
	model.calls[c.tag] = c.dayCall
	model.mu.Unlock()
	p := play(i)
	change := p.Session
	sessions := 0
	p.Session = func(o *fakerelay.SessionOptions) {
		if sessions++; sessions > 1 {
			model.mu.Lock()
			c.broken = true
			model.mu.Unlock()
		}
		if change != nil {
			change(o)
		}
	}
	sid := s.twilio.StartInbound(faketwilio.InboundCall{From: fmt.Sprintf("+1415555%04d", 121+i%9), To: ourNumber, Play: p, Caller: func(ctx context.Context, phone *fakerelay.Phone) {
		model.mu.Lock()
		c.phone = phone
		model.mu.Unlock()
		c.call(ctx, phone)
	}})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	r, err := s.twilio.Wait(ctx, sid)
	if err != nil {
		t.Errorf("call %d does not end: %v", i, err)
	}
	return r
}

// judge checks a day.
func judge(t *testing.T, s *stack, model *script, calls []faketwilio.Report) {
	t.Helper()
	var interrupts, drops, resumes, inFlight int
	for i, c := range calls {
		for _, p := range c.Problems {
			if !strings.HasPrefix(p, "64105:") { // the test broke the connection
				t.Errorf("call %s: %s", tag(i), p)
			}
		}
		for _, v := range c.Violations {
			if v.Kind != fakerelay.LateWords { // see checkLateWords
				t.Errorf("call %s: %s: %s", tag(i), v.Kind, v.Detail)
			}
		}
		for _, u := range c.Utterances {
			if u.Cut {
				interrupts++
			}
		}
		drops += c.Reconnects
		resumes += len(c.Sessions) - 1
	}
	inFlight = checkLateWords(t, s, calls)
	t.Logf("%d histories checked, %d of them overtook a message, %d interruptions, %d lost connections opened again, %d sessions resumed, %d words on their way at an interruption",
		model.checked, model.overtook, interrupts, drops, resumes, inFlight)
	for _, p := range model.problems {
		t.Error(p)
	}
	checkSideEffects(t, s, calls)
	checkReports(t, s, calls)
}

// checkLateWords checks that no words of an interrupted turn arrive once the interruption was stored. Words that were on their
// way cannot be called back: it returns how often there were some.
func checkLateWords(t *testing.T, s *stack, calls []faketwilio.Report) (inFlight int) {
	t.Helper()
	stored := map[string][]time.Time{}
	for _, l := range s.log(t, "voice-relay") {
		if l.Event == "phone.interrupted" {
			stored[l.CallSID] = append(stored[l.CallSID], l.Time)
		}
	}
	for i, c := range calls {
		for _, v := range c.Violations {
			if v.Kind != fakerelay.LateWords {
				continue
			}
			inFlight++
			cut := v.At.Add(-v.After)
			for _, at := range stored[c.SID] {
				if at.After(cut) && v.At.Sub(at) > onTheWay {
					t.Errorf("call %s: words came %v after the interruption, %v after it was stored: %q", tag(i), v.After, v.At.Sub(at), v.Detail)
				}
			}
		}
	}
	return inFlight
}

// onTheWay is how long words may take from the check before they are sent to Twilio, on a machine that is busy.
const onTheWay = 500 * time.Millisecond

// checkSideEffects checks that every text message was sent once.
func checkSideEffects(t *testing.T, s *stack, calls []faketwilio.Report) {
	t.Helper()
	sent := map[string]int{}
	for _, m := range s.twilio.Messages() {
		sent[m.Body]++
	}
	for body, n := range sent {
		if n != 1 {
			t.Errorf("the text message %q was sent %d times", body, n)
		}
	}
	t.Logf("%d text messages, each once", len(sent))
	for i, c := range calls {
		for _, d := range c.Dialled {
			if d.To != desk {
				t.Errorf("call %s was passed on to %s, want %s", tag(i), d.To, desk)
			}
		}
		if len(c.Dialled) > 1 {
			t.Errorf("call %s was passed on %d times", tag(i), len(c.Dialled))
		}
	}
}

// checkReports checks that every call has one report and one row, and that the report has what was heard.
func checkReports(t *testing.T, s *stack, calls []faketwilio.Report) {
	t.Helper()
	eventually(t, "a report and a row of every call", finishTimeout, func() bool { return len(s.reports(t)) >= len(calls) && len(s.rows(t)) >= len(calls) })
	reports, rows := s.reports(t), s.rows(t)
	for i, c := range calls {
		if n := len(reports[c.SID]); n != 1 {
			t.Errorf("call %s (%s) has %d reports", tag(i), c.SID, n)
		}
		if n := rows[c.SID]; n != 1 {
			t.Errorf("call %s (%s) has %d rows", tag(i), c.SID, n)
		}
	}
	if len(reports) != len(calls) || len(rows) != len(calls) {
		t.Errorf("%d calls have reports and %d have rows, want %d", len(reports), len(rows), len(calls))
	}
	reasons := map[string]int{}
	for _, all := range reports {
		reasons[all[0].Message.EndedReason]++
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		t.Logf("%d calls ended with %s", reasons[reason], reason)
	}
}
