package textmessage

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// Quick messages are one turn, and the next ones go on with it.
func TestConversation(t *testing.T) {
	s := newStack()
	if err := s.deliver(t.Context(), 1, incoming(1, "Hi"), incoming(2, "Are you open?")); err != nil {
		t.Fatal(err)
	}
	s.time = s.time.Add(23 * time.Hour)
	if err := s.deliver(t.Context(), 1, incoming(3, "Thanks")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"You said: Hi / Are you open?", "You said: Thanks"}; !slices.Equal(s.sentBodies(), want) {
		t.Errorf("sent %q, want %q", s.sentBodies(), want)
	}
	first, second := s.engine.turns[0], s.engine.turns[1]
	if first.ID != sid(1) || second.ID != sid(3) || len(first.History) != 0 || len(second.History) != 1 || second.ActiveAgent != "billing" || second.Variables["turns"] == nil {
		t.Errorf("the turns are %+v and %+v; want the second one to go on with the first", first, second)
	}
	m := s.provider.accepted[0]
	if m.From != own || m.To != person || m.StatusURL == "" || s.store.owners[sid(1001)] != "riley" || !s.guard.texts[0].Reply {
		t.Errorf("sent %+v of %v as %+v", m, s.store.owners, s.guard.texts[0])
	}
	s.time = s.time.Add(2 * time.Hour) // the first turn is more than 24 hours ago
	if err := s.deliver(t.Context(), 1, incoming(4, "And?")); err != nil || len(s.engine.turns[2].History) != 1 {
		t.Errorf("%v, history %s; want the second turn only", err, s.engine.turns[2].History)
	}
	s.time = s.time.Add(25 * time.Hour)
	if err := s.deliver(t.Context(), 1, incoming(5, "Hi again")); err != nil || len(s.engine.turns[3].History) != 0 || s.engine.turns[3].ActiveAgent != "" {
		t.Errorf("%v, turn %+v; want a new conversation", err, s.engine.turns[3])
	}
}

// A message is answered once, whatever is delivered again.
func TestFault152DeliveredTwice(t *testing.T) {
	s := newStack()
	for range 2 {
		if err := s.deliver(t.Context(), 1, incoming(1, "Hi"), incoming(1, "Hi")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.deliver(t.Context(), 2, incoming(1, "Hi"), incoming(2, "More")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"You said: Hi", "You said: More"}; !slices.Equal(s.sentBodies(), want) {
		t.Errorf("sent %q, want %q", s.sentBodies(), want)
	}
}

// The worker ends, or a store or Twilio fails, at each step of an answer. After the next delivery the person has exactly one.
func TestAnsweredOnceAfterFailures(t *testing.T) {
	unavailable := fault.New(fault.Unavailable, "Twilio cannot be reached.")
	unknown := fault.New(fault.Timeout, "Twilio did not answer.")
	for name, c := range map[string]struct {
		failSave      int
		before, after error
	}{
		"the answer is not recorded":                         {1, nil, nil},
		"it is not stored that it was sent":                  {2, nil, nil},
		"fault 155: Twilio cannot be reached":                {0, unavailable, nil},
		"neither can the store then":                         {2, unavailable, nil},
		"fault 154: Twilio's answer is lost":                 {0, nil, unknown},
		"Twilio fails and has not accepted it":               {0, unknown, nil},
		"fault 153: the worker is killed before the request": {0, errors.New("killed"), nil},
		"fault 154: the worker is killed during the request": {0, nil, errors.New("killed")},
		"Twilio is busy":                                     {0, fault.New(fault.RateLimited, "Busy.").WithCode("twilio_20429"), nil},
		"the account is suspended for some minutes":          {0, fault.New(fault.Unavailable, "Suspended.").WithCode("telephone_account"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStack()
			s.store.failSave, s.provider.before, s.provider.after = c.failSave, c.before, c.after
			_ = s.deliver(t.Context(), 1, incoming(1, "Hi")) // fails, or does not
			s.store.failSave, s.provider.before, s.provider.after = 0, nil, nil
			s.time = s.time.Add(6 * time.Minute)
			if err := s.deliver(t.Context(), 2, incoming(1, "Hi"), incoming(2, "And?")); err != nil {
				t.Fatal(err)
			}
			want := []string{"You said: Hi", "You said: And?"}
			if c.failSave == 1 {
				want = []string{"You said: Hi / And?"}
			}
			if !slices.Equal(s.sentBodies(), want) || len(s.engine.turns) != 2 {
				t.Errorf("sent %q in %d turns, want %q in two", s.sentBodies(), len(s.engine.turns), want)
			}
		})
	}
}

// What passes soon is tried again within the same delivery.
func TestFault155TriesWithinADelivery(t *testing.T) {
	t.Run("fault 156: the model fails once", func(t *testing.T) {
		s := newStack()
		s.patient = true
		s.engine.fail = func(Turn) error {
			if s.waits == 0 {
				return fault.New(fault.Upstream, "The model failed.")
			}
			return nil
		}
		if err := s.deliver(t.Context(), 1, incoming(1, "Hi")); err != nil || len(s.provider.accepted) != 1 || s.waits != 1 {
			t.Errorf("%v, sent %q after %d pauses; want one answer after one pause", err, s.sentBodies(), s.waits)
		}
	})
	for name, c := range map[string]struct {
		err   error
		waits int
	}{
		"Twilio cannot be reached":    {fault.New(fault.Unavailable, "No connection.").WithRetryAfter(time.Second), 2},
		"the account is suspended":    {fault.New(fault.Unavailable, "Suspended.").WithoutRetry(), 0},
		"it may have been sent":       {fault.New(fault.Timeout, "No answer."), 0},
		"a limit of the minute":       {fault.New(fault.RateLimited, "Enough.").WithRetryAfter(40 * time.Second), 0},
		"Twilio wants a short pause":  {fault.New(fault.RateLimited, "Busy.").WithRetryAfter(time.Second), 2},
		"Twilio says nothing of this": {fault.New(fault.RateLimited, "Busy."), 2},
	} {
		s := newStack()
		s.patient, s.provider.before = true, c.err
		if err := s.deliver(t.Context(), 1, incoming(1, "Hi")); err == nil || s.waits != c.waits || len(s.engine.turns) != 1 {
			t.Errorf("%s: %v after %d pauses and %d turns, want an error after %d pauses and one turn", name, err, s.waits, len(s.engine.turns), c.waits)
		}
	}
}

// An answer that equals an earlier one is not taken for it.
func TestEqualAnswers(t *testing.T) {
	s := newStack()
	if err := s.deliver(t.Context(), 1, incoming(1, "OK")); err != nil {
		t.Fatal(err)
	}
	s.provider.before = errors.New("killed")
	_ = s.deliver(t.Context(), 1, incoming(2, "OK")) // fails
	s.provider.before = nil
	if err := s.deliver(t.Context(), 2, incoming(2, "OK")); err != nil || len(s.provider.accepted) != 2 {
		t.Errorf("%v, sent %q; want two equal answers", err, s.sentBodies())
	}
}

// An old answer is not sent among newer messages. Without Twilio's word, none is sent.
func TestPendingAnswers(t *testing.T) {
	s := newStack()
	s.provider.before = errors.New("killed")
	_ = s.deliver(t.Context(), 1, incoming(1, "Hi")) // fails
	s.provider.before, s.provider.listErr = nil, fault.New(fault.Unavailable, "Twilio cannot be reached.")
	if err := s.deliver(t.Context(), 2, incoming(1, "Hi")); err == nil || len(s.provider.accepted) > 0 {
		t.Errorf("%v, sent %q; want an error and nothing", err, s.sentBodies())
	}
	s.provider.listErr = nil
	s.time = s.time.Add(2 * time.Hour)
	if err := s.deliver(t.Context(), 1, incoming(2, "Hello?")); err != nil || !slices.Equal(s.sentBodies(), []string{"You said: Hello?"}) {
		t.Errorf("%v, sent %q; want the new answer only", err, s.sentBodies())
	}
}

// What another try would not change is not tried again.
func TestFault158RejectedAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		guard, twilio error
		listed        bool // after it
		silent        bool // later messages get no turn
	}{
		"opted out at Twilio":      {nil, fault.New(fault.Forbidden, "Unsubscribed.").WithCode("twilio_21610"), true, true},
		"a rule":                   {fault.New(fault.Forbidden, "Blocked.").WithCode("country_blocked"), nil, false, false},
		"not a mobile number":      {nil, fault.New(fault.Invalid, "No texts.").WithCode("twilio_21614"), false, false},
		"the limit of the day":     {fault.New(fault.RateLimited, "Enough.").WithCode("destination_limit").WithRetryAfter(9 * time.Hour), nil, false, true},
		"an error without a known": {nil, fault.New(fault.Upstream, "No.").WithCode("twilio_30001"), false, false},
	} {
		s := newStack()
		s.guard.reject, s.provider.before = c.guard, c.twilio
		if err := s.deliver(t.Context(), 1, incoming(1, "Hi")); err != nil {
			t.Errorf("%s: %v, want the message to be done with", name, err)
		}
		if s.store.doNotCall[person] != c.listed {
			t.Errorf("%s: on the list %t, want %t", name, !c.listed, c.listed)
		}
		s.guard.reject, s.provider.before = nil, nil
		if err := s.deliver(t.Context(), 1, incoming(2, "Hello?")); err != nil || (len(s.engine.turns) == 1) != c.silent {
			t.Errorf("%s: %v, %d turns; want silence: %t", name, err, len(s.engine.turns), c.silent)
		}
	}
}

// A person on the list costs no model, and gets nothing but the confirmation of an opt-out.
func TestPersonOnTheList(t *testing.T) {
	s := newStack()
	s.store.doNotCall[person] = true
	stop := incoming(1, "please stop")
	stop.Request = "STOP"
	if err := s.deliver(t.Context(), 1, stop, incoming(2, "Hello?")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"Harbor: You will not hear from us again by text message or phone. Reply START to take this back."}; !slices.Equal(s.sentBodies(), want) || len(s.engine.turns) > 0 {
		t.Errorf("sent %q in %d turns, want %q", s.sentBodies(), len(s.engine.turns), want)
	}
	start, help := incoming(3, "START"), incoming(4, "HELP")
	start.Request, help.Request = "START", "HELP"
	delete(s.store.doNotCall, person) // the receiver has taken the person off the list
	if err := s.deliver(t.Context(), 1, start, help, incoming(5, "Hi")); err != nil {
		t.Fatal(err)
	}
	if got := s.sentBodies(); len(got) != 4 || !strings.Contains(got[1], "You may hear from us") || !strings.Contains(got[2], "Reply STOP") || got[3] != "You said: Hi" {
		t.Errorf("sent %q, want a confirmation, help and an answer", got)
	}
}

// One message that always fails is tried alone in the end. Its sender gets one apology, and the messages behind it are answered.
func TestFault157PoisonMessage(t *testing.T) {
	testkit.DiscardLog(t)
	s := newStack()
	s.engine.fail = func(turn Turn) error {
		if strings.Contains(turn.Text, "poison") {
			return fault.New(fault.Upstream, "The model failed.")
		}
		return nil
	}
	poison, good := incoming(1, "poison"), incoming(2, "Hi")
	for receives := 1; receives <= 2; receives++ {
		if err := s.deliver(t.Context(), receives, poison, good); err == nil || len(s.provider.accepted) > 0 {
			t.Fatalf("delivery %d: %v, sent %q; want both to fail", receives, err, s.sentBodies())
		}
	}
	for receives := 3; receives <= 5; receives++ {
		errs := s.Handle(t.Context(), []Delivery{{poison, receives}, {good, receives}})
		if errs[0] == nil || errs[1] != nil {
			t.Errorf("delivery %d: %v, want the first one to fail", receives, errs)
		}
	}
	if want := []string{DefaultFallback, "You said: Hi"}; !slices.Equal(s.sentBodies(), want) {
		t.Errorf("sent %q, want %q", s.sentBodies(), want)
	}
	s.engine.fail = nil // an operator moves the message back to the queue
	if err := s.deliver(t.Context(), 1, poison); err != nil || len(s.provider.accepted) != 3 {
		t.Errorf("%v, sent %q; want an answer", err, s.sentBodies())
	}
}

// A conversation does not grow without an end.
func TestLimitsOfAConversation(t *testing.T) {
	s := newStack()
	for i := range 600 {
		if err := s.deliver(t.Context(), 1, incoming(i, strings.Repeat("long text ", 100))); err != nil {
			t.Fatal(err)
		}
	}
	c := &aurora.TextConversation{AssistantID: "riley", Person: person, Own: own}
	if err := s.store.LoadTexts(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if len(c.Turns) > maxTurns || len(c.Answered) != maxAnswered || len(c.Sent) != maxSent {
		t.Errorf("%d turns, %d answered, %d sent; want at most %d, %d and %d", len(c.Turns), len(c.Answered), len(c.Sent), maxTurns, maxAnswered, maxSent)
	}
	size := 0
	for _, turn := range c.Turns {
		size += len(turn.Messages)
	}
	if size > maxTurnBytes {
		t.Errorf("%d bytes of turns, want at most %d", size, maxTurnBytes)
	}
}

func TestReplyToOneOfOurMessages(t *testing.T) {
	s := newStack()
	if err := s.deliver(t.Context(), 1, incoming(1, "Hi")); err != nil {
		t.Fatal(err)
	}
	reply := incoming(2, "Yes")
	reply.RepliedSID = sid(1001)
	if err := s.deliver(t.Context(), 1, reply); err != nil || s.engine.turns[1].Text != "[In reply to: You said: Hi]\nYes" {
		t.Errorf("%v, the turn is %q", err, s.engine.turns[1].Text)
	}
}

// Two processes have one message, because the queue delivered it again too early. One of them answers.
func TestTwoWorkers(t *testing.T) {
	s := newStack()
	s.engine.fail = func(Turn) error {
		s.engine.fail = nil
		return s.deliver(t.Context(), 1, incoming(1, "Hi")) // the other one is faster
	}
	if err := s.deliver(t.Context(), 1, incoming(1, "Hi")); !fault.Is(err, fault.Conflict) {
		t.Errorf("%v, want a conflict", err)
	}
	if len(s.provider.accepted) != 1 {
		t.Errorf("sent %q, want one answer", s.sentBodies())
	}
}

func TestFault159Reports(t *testing.T) {
	ctx, metrics := testkit.RecordMetrics(t.Context())
	store := newStore()
	r := &StatusReceiver{Reports: store, DoNotCallList: store}
	for _, report := range []aurora.TextReport{
		{SID: sid(1), Status: "sent"}, {SID: sid(1), Status: "queued"}, {SID: sid(1), Status: "undelivered", ErrorCode: 30034}, {SID: sid(1), Status: "undelivered", ErrorCode: 30034},
		{SID: sid(2), Status: "failed", ErrorCode: 30003}, {SID: sid(3), Status: "invented"}, {SID: sid(4), Status: "failed", ErrorCode: 21610}, {SID: sid(5), Status: "failed"},
	} {
		if err := r.Record(ctx, report, person); err != nil {
			t.Errorf("%+v: %v", report, err)
		}
	}
	if got := fmt.Sprint(metrics.All()); strings.Count(got, "TextUndelivered") != 4 || strings.Count(got, "text_unregistered") != 1 || !strings.Contains(got, "text_unreachable") || !strings.Contains(got, "text_blocked") || !strings.Contains(got, "text_other") {
		t.Errorf("counted %s; want each message that was not delivered once", got)
	}
	if store.reports[sid(1)].Status != "undelivered" || !store.doNotCall[person] {
		t.Errorf("reports %v, list %v", store.reports, store.doNotCall)
	}
	if err := r.Record(ctx, aurora.TextReport{SID: "../x", Status: "sent"}, ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("an odd sid: %v", err)
	}
}
