package contact_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/fakeledger"
	"example.com/aurora/shared/dev/testkit"
)

const recipient aurora.Phone = "+14155550123"

var (
	riley = aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "riley", AssistantPhoneNumber: "4639465275", TextFromNumber: "+14155550177", PhoneNumbers: aurora.List{"(415) 555-0178"}}}
	avery = aurora.Assistant{Configuration: aurora.Configuration{AssistantID: "avery", AssistantPhoneNumber: "+14155550150"}}
)

// ledger fails one method.
type ledger struct {
	*fakeledger.Ledger
	failing string
}

var errDown = errors.New("the store does not answer")

func (l *ledger) IsDoNotCall(ctx context.Context, n aurora.Phone) (bool, error) {
	if l.failing == "IsDoNotCall" {
		return false, errDown
	}
	return l.Ledger.IsDoNotCall(ctx, n)
}

func (l *ledger) TakeQuota(ctx context.Context, q aurora.Quota, taker string) (bool, error) {
	if l.failing == "TakeQuota" || l.failing == "spend" && strings.HasPrefix(q.Key, "count#spend#") {
		return false, errDown
	}
	return l.Ledger.TakeQuota(ctx, q, taker)
}

// harness is a guard over fakes. Its clock stands still until a test moves it.
type harness struct {
	*contact.Guard
	t          *testing.T
	ledger     *ledger
	assistants *testkit.Assistants
	clock      time.Time
	counted    []string
	sent       atomic.Int64
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	testkit.DiscardLog(t)
	h := &harness{t: t, clock: time.Date(2026, 11, 25, 23, 58, 30, 0, time.UTC), assistants: testkit.NewAssistants(riley, avery)}
	now := func() time.Time { return h.clock }
	h.ledger = &ledger{Ledger: fakeledger.New(now)}
	h.Guard = fakeledger.NewGuard(h.assistants, h.ledger, now)
	h.Count = func(_ context.Context, metric string) { h.counted = append(h.counted, metric) }
	return h
}

func (h *harness) text(to aurora.Phone, body string) error {
	h.t.Helper()
	return h.SendText(h.t.Context(), contact.Text{From: riley, CallID: "call-1", To: to, Body: body}, func(context.Context) error { h.sent.Add(1); return nil })
}

// used returns what is taken of a counter of the day of the test.
func (h *harness) used(key string) int64 {
	h.t.Helper()
	n, err := h.ledger.QuotaUsed(h.t.Context(), "count#"+key+"#2026-11-25")
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

func (h *harness) expectNothingTaken() {
	h.t.Helper()
	for _, key := range []string{"sms-to#" + string(recipient), "sms-assistant#riley", "sms-country#US", "sms-all", "spend", "mail-assistant#riley"} {
		if n := h.used(key); n != 0 {
			h.t.Errorf("%s: %d are taken, want none", key, n)
		}
	}
}

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.From(err).Code
}

// Texts pass the rules of calls: see C1, C3, C6, C9, C11 and C13 in shared/docs/security.md.
func TestTextsByNumber(t *testing.T) {
	const blocked, country = "number_type_blocked", "country_blocked"
	for to, want := range map[aurora.Phone]string{
		recipient: "", "+40742070688": "", "+442079460100": "", "+14165550100": "",
		"+19005551234": blocked, "+18005550100": blocked, "+449098790879": blocked, "+447012345678": blocked, "+448451234567": blocked,
		"+881612345678": blocked, "+882161234567": blocked, "+883510001234": blocked, "+97912345678": blocked, "+80012345678": blocked, "+80812345678": blocked,
		"+15005550006": blocked, "+15559876543": blocked, "+1911": blocked, "+911": blocked, "+112": blocked, "+12345": blocked, "72345": blocked, "+1234567": blocked,
		"+9991234567890": blocked, "": blocked, "+": blocked, "14155550123": blocked, "+14155550123,+19005551234": blocked, "+1415555012a": blocked,
		"+25261234567": country, "+5352345678": country, "+18095551234": country, "+18765551234": country,
		"+14639465275": blocked, "+14155550177": blocked, "+14155550178": blocked, "+14155550150": blocked, // our own numbers, also those that are stored as national ones
	} {
		h := newHarness(t)
		err := h.text(to, "Hi")
		if code(err) != want {
			t.Errorf("%q: %v, code %q; want %q", to, err, code(err), want)
		}
		if sent := h.sent.Load(); (want == "") != (sent == 1) {
			t.Errorf("%q: %d messages were sent", to, sent)
		}
	}
}

func TestTextRules(t *testing.T) {
	limit := func(set func(*contact.MessageLimits)) func(*harness) { return func(h *harness) { set(&h.Limits) } }
	for name, c := range map[string]struct {
		set  func(*harness)
		kind fault.Kind
		code string
	}{
		"a country that is not allowed":           {func(h *harness) { h.Countries, _ = contact.ParseCountries("RO") }, fault.Forbidden, "country_blocked"},
		"no countries":                            {func(h *harness) { h.Countries = contact.Countries{} }, fault.Forbidden, "country_blocked"},
		"on the do-not-call list":                 {func(h *harness) { h.ledger.DoNotCallList = []aurora.Phone{recipient} }, fault.Forbidden, "do_not_call"},
		"an assistant that cannot be read has it": {func(h *harness) { h.assistants.Err = fault.New(fault.Internal, "Invalid.") }, fault.Forbidden, "number_type_blocked"},
		"the assistants do not answer":            {func(h *harness) { h.assistants.Err = fault.New(fault.Unavailable, "Not now.") }, fault.Unavailable, "store_unavailable"},
		"the do-not-call list does not answer":    {func(h *harness) { h.ledger.failing = "IsDoNotCall" }, fault.Unavailable, "store_unavailable"},
		"the counters do not answer":              {func(h *harness) { h.ledger.failing = "TakeQuota" }, fault.Unavailable, "store_unavailable"},
		"the last counter does not answer":        {func(h *harness) { h.ledger.failing = "spend" }, fault.Unavailable, "store_unavailable"},
		"to the number in a minute":               {limit(func(l *contact.MessageLimits) { l.TextsToNumberPerMinute = 0 }), fault.RateLimited, "destination_limit"},
		"to the number in a day":                  {limit(func(l *contact.MessageLimits) { l.TextsToNumberPerDay = 0 }), fault.RateLimited, "destination_limit"},
		"of the assistant":                        {limit(func(l *contact.MessageLimits) { l.TextsOfAssistantPerDay = 0 }), fault.RateLimited, "assistant_limit"},
		"to the country":                          {limit(func(l *contact.MessageLimits) { l.TextsToCountryPerDay = 0 }), fault.RateLimited, "country_limit"},
		"of the deployment":                       {limit(func(l *contact.MessageLimits) { l.TextsPerDay = 0 }), fault.RateLimited, "daily_limit"},
		"of the budget":                           {limit(func(l *contact.MessageLimits) { l.SpendPerDay = l.TextPartEstimate - 1 }), fault.RateLimited, "budget_exhausted"},
		"no limits at all":                        {limit(func(l *contact.MessageLimits) { *l = contact.MessageLimits{} }), fault.RateLimited, "destination_limit"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			log := testkit.CaptureLog(t)
			c.set(h)
			err := h.text(recipient, "Hi")
			f := fault.From(err)
			if err == nil || f.Kind != c.kind || f.Code != c.code {
				t.Fatalf("%v, kind %s, code %q; want %s, %q", err, f.Kind, code(err), c.kind, c.code)
			}
			if strings.Count(f.Message, ".") != 1 || !strings.HasSuffix(f.Message, ".") || strings.Contains(f.Message, string(recipient)) {
				t.Errorf("the message %q is not one sentence without the number", f.Message)
			}
			if h.sent.Load() != 0 {
				t.Error("the message was sent")
			}
			h.expectNothingTaken()
			if line := log.String(); !strings.Contains(line, "contact.rejected") || !strings.Contains(line, c.code) || !strings.Contains(line, "riley") || strings.Contains(line, string(recipient)) {
				t.Errorf("the log has %s; want contact.rejected with the code and the assistant, and no number", line)
			}
			if got := h.counted[len(h.counted)-1]; got != contact.MetricRejected {
				t.Errorf("counted %q, want %s", h.counted, contact.MetricRejected)
			}
			if c.kind == fault.RateLimited && (f.RetryAfter <= 0 || f.RetryAfter > 24*time.Hour) {
				t.Errorf("Retry-After is %s, want up to a day", f.RetryAfter)
			}
		})
	}
}

// Nothing was sent, so the turn may be tried again: package idempotency takes a canceled effect for one that may have happened.
func TestRejectionAfterDisconnect(t *testing.T) {
	h := newHarness(t)
	h.assistants.Err = fmt.Errorf("read: %w", context.Canceled)
	if err := h.text(recipient, "Hi"); !fault.Is(err, fault.Unavailable) || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("%v; want fault.Unavailable, with the reason as text only", err)
	}
}

// A model that sends many messages in one turn, and a day of turns.
func TestFlood(t *testing.T) {
	h := newHarness(t)
	h.clock = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	for minute := range 10 {
		for n := range 9 {
			_ = h.text(recipient, fmt.Sprintf("Message %d of minute %d", n, minute))
		}
		h.clock = h.clock.Add(time.Minute)
		if want := min(5*int64(minute+1), 20); h.sent.Load() != want {
			t.Errorf("after minute %d: %d messages, want %d", minute, h.sent.Load(), want)
		}
	}
	if err := h.text(recipient, "One more"); code(err) != "destination_limit" {
		t.Errorf("%v, want destination_limit", err)
	}
	if err := h.text("+14155550124", "Another number"); err != nil {
		t.Errorf("another number: %v", err)
	}
	for range 5 {
		_ = h.text("+14155550125", "Five in a minute")
	}
	other := contact.Text{From: avery, To: "+14155550125", Body: "Of another assistant"}
	if err := h.SendText(t.Context(), other, func(context.Context) error { return nil }); err != nil {
		t.Errorf("another assistant in the same minute: %v", err)
	}
	h.clock = h.clock.Add(24 * time.Hour)
	if err := h.text(recipient, "The next day"); err != nil {
		t.Errorf("the next day: %v", err)
	}
}

// Turns at once cannot exceed a limit together.
func TestTextLimitsHoldUnderConcurrency(t *testing.T) {
	for name, set := range map[string]func(*contact.MessageLimits){
		"minute": func(l *contact.MessageLimits) { l.TextsToNumberPerMinute = 3 }, "number": func(l *contact.MessageLimits) { l.TextsToNumberPerDay = 3 },
		"assistant": func(l *contact.MessageLimits) { l.TextsOfAssistantPerDay = 3 }, "country": func(l *contact.MessageLimits) { l.TextsToCountryPerDay = 3 },
		"deployment": func(l *contact.MessageLimits) { l.TextsPerDay = 3 }, "budget": func(l *contact.MessageLimits) { l.SpendPerDay = 199_999 },
	} {
		h := newHarness(t)
		h.Limits.TextsToNumberPerMinute = 1000
		set(&h.Limits)
		var counted atomic.Int64
		h.Count = func(context.Context, string) { counted.Add(1) }
		var turns sync.WaitGroup
		for range 100 {
			turns.Go(func() { _ = h.text(recipient, "Hi") })
		}
		turns.Wait()
		if h.sent.Load() != 3 || h.used("sms-all") != 3 || h.used("spend") != 150_000 {
			t.Errorf("%s: %d messages, %d counted, %d reserved; want 3, 3 and 150000", name, h.sent.Load(), h.used("sms-all"), h.used("spend"))
		}
		if counted.Load() < 97 {
			t.Errorf("%s: %d metrics, want one for each rejection", name, counted.Load())
		}
	}
}

// What a message took is returned only if it was certainly not sent.
func TestReturnAfterSend(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want int64 // messages that stay counted
	}{
		"sent":                           {nil, 1},
		"Twilio rejects the number":      {fault.New(fault.Invalid, "No."), 0},
		"Twilio is busy":                 {fault.New(fault.RateLimited, "Busy."), 0},
		"Twilio cannot be reached":       {fault.New(fault.Unavailable, "No connection."), 0},
		"Twilio fails":                   {fault.New(fault.Upstream, "Failed."), 0},
		"the reply is lost":              {fault.New(fault.Timeout, "No answer."), 1},
		"an error that says nothing":     {errors.New("defect"), 1},
		"the conversation ends meantime": {fmt.Errorf("send: %w", context.Canceled), 1},
		"the time is up":                 {context.DeadlineExceeded, 1},
	} {
		h := newHarness(t)
		err := h.SendText(t.Context(), contact.Text{From: riley, To: recipient, Body: strings.Repeat("ș", 71)}, func(context.Context) error { return c.err })
		if !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", name, err, c.err)
		}
		if h.used("sms-to#"+string(recipient)) != c.want || h.used("sms-country#US") != c.want || h.used("spend") != c.want*100_000 {
			t.Errorf("%s: %d messages are counted and %d reserved, want %d and two parts of each", name, h.used("sms-to#"+string(recipient)), h.used("spend"), c.want)
		}
		if len(h.counted) != 0 {
			t.Errorf("%s: counted %q, want no rejection", name, h.counted)
		}
	}
}

// Calls and text messages use one budget.
func TestSpendIsShared(t *testing.T) {
	h := newHarness(t)
	h.Limits.SpendPerDay = 300_000
	call := func() error {
		return h.Take(t.Context(), contact.Calls, h.NewID(), []contact.Limit{contact.Spend(100_000, 300_000, h.clock, "Used up.")})
	}
	if err := errors.Join(call(), call(), h.text(recipient, "Hi"), h.text(recipient, "Hi")); err != nil {
		t.Fatal(err)
	}
	if err := h.text("+14155550124", "Hi"); code(err) != "budget_exhausted" {
		t.Errorf("a text message: %v, want budget_exhausted", err)
	}
	if err := call(); code(err) != "budget_exhausted" {
		t.Errorf("a call: %v, want budget_exhausted", err)
	}
	if want := "BudgetExhausted ContactRejected BudgetExhausted"; strings.Join(h.counted, " ") != want {
		t.Errorf("counted %q, want %s", h.counted, want)
	}
}

func TestMailLimits(t *testing.T) {
	h := newHarness(t)
	h.Limits.MailsOfAssistantPerDay, h.Limits.MailsToAddressPerDay = 3, 4
	mail := func(from aurora.Assistant, to ...string) error {
		return h.SendMail(t.Context(), contact.Mail{From: from, To: to}, func(context.Context) error { h.sent.Add(1); return nil })
	}
	for i, c := range []struct {
		err  error
		want string
	}{
		{mail(riley, "team@example.com", "Team@example.com"), ""}, // one address
		{mail(riley, "Team <team@example.com>", "boss@example.com"), ""},
		{mail(riley, "boss@example.com"), ""},
		{mail(riley, "other@example.com"), "assistant_limit"},
		{mail(avery, "team@example.com"), ""},
		{mail(avery, "team@example.com"), ""},
		{mail(avery, "boss@example.com", "team@example.com"), "destination_limit"},
		{mail(avery, "boss@example.com"), ""}, // the rejected mails took nothing
		{mail(avery, "boss@example.com"), "assistant_limit"},
	} {
		if code(c.err) != c.want {
			t.Errorf("mail %d: %v, want code %q", i+1, c.err, c.want)
		}
	}
	if h.sent.Load() != 6 || len(h.counted) != 3 {
		t.Errorf("%d mails, counted %q; want 6 and three rejections", h.sent.Load(), h.counted)
	}
	h.ledger.failing = "TakeQuota"
	if err := mail(riley, "team@example.com"); !fault.Is(err, fault.Unavailable) || h.sent.Load() != 6 {
		t.Errorf("without a store: %v, %d mails; want fault.Unavailable and no mail", err, h.sent.Load())
	}
}
