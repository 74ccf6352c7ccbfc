package outbound

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/fault"
)

// Each guard rejects with its own code. A rejected request takes no quota and no key, and places no call.
func TestGuards(t *testing.T) {
	at := func(clock string) func(*harness, *Request) {
		return func(h *harness, _ *Request) {
			h.Guards.Hours, _ = ParseHours("08:00-21:00")
			h.clock, _ = time.Parse(time.RFC3339, clock)
		}
	}
	to := func(number string) func(*harness, *Request) {
		return func(_ *harness, r *Request) { r.PhoneNumber = number }
	}
	limit := func(set func(*Limits)) func(*harness, *Request) {
		return func(h *harness, _ *Request) { set(&h.Guards.Limits) }
	}
	for name, c := range map[string]struct {
		set  func(*harness, *Request)
		kind fault.Kind
		code string
	}{
		"no rule applies":         {func(*harness, *Request) {}, 0, ""},
		"the key's own assistant": {func(_ *harness, r *Request) { r.Principal.Assistants = []string{otherAssistant, riley} }, 0, ""},
		"another key's assistant": {func(_ *harness, r *Request) { r.Principal.Assistants = []string{otherAssistant} }, fault.Forbidden, "assistant_not_allowed"},
		"an unknown one": {func(_ *harness, r *Request) {
			r.Principal.Assistants, r.AssistantID = []string{otherAssistant}, "unknown"
		}, fault.Forbidden, "assistant_not_allowed"},
		"an unknown assistant":            {func(_ *harness, r *Request) { r.AssistantID = "unknown" }, fault.NotFound, "assistant_not_found"},
		"no number to call from":          {func(h *harness, _ *Request) { h.assistants.All[0].AssistantPhoneNumber = "ask me" }, fault.Invalid, "assistant_number_invalid"},
		"a premium number":                {to("+19005551234"), fault.Forbidden, "number_type_blocked"},
		"a satellite number":              {to("+881612345678"), fault.Forbidden, "number_type_blocked"},
		"a toll-free number":              {to("+18005550100"), fault.Forbidden, "number_type_blocked"},
		"a high-risk country":             {to("+5352345678"), fault.Forbidden, "country_blocked"},
		"another country":                 {func(h *harness, r *Request) { h.Guards.Countries, _ = contact.ParseCountries("RO") }, fault.Forbidden, "country_blocked"},
		"the caller's own number":         {to("4639465275"), fault.Forbidden, "number_type_blocked"},
		"its text number":                 {to("+14155550177"), fault.Forbidden, "number_type_blocked"},
		"another assistant's number":      {to("+1 415 555 0150"), fault.Forbidden, "number_type_blocked"},
		"on the do-not-call list":         {func(h *harness, _ *Request) { h.ledger.doNotCall[recipient] = true }, fault.Forbidden, "do_not_call"},
		"on the list, written nationally": {func(h *harness, r *Request) { h.ledger.doNotCall[recipient] = true; r.PhoneNumber = "415-555-0100" }, fault.Forbidden, "do_not_call"},
		"no consent":                      {func(h *harness, _ *Request) { h.Guards.RequireConsent = true }, fault.Forbidden, "consent_missing"},
		"consent":                         {func(h *harness, _ *Request) { h.Guards.RequireConsent = true; h.ledger.consent[recipient] = true }, 0, ""},
		"too early":                       {at("2026-11-18T15:59:59Z"), fault.Forbidden, "quiet_hours"},
		"early enough":                    {at("2026-11-18T16:00:00Z"), 0, ""},
		"too late":                        {at("2026-11-19T05:00:00Z"), fault.Forbidden, "quiet_hours"},
		"calls per minute":                {limit(func(l *Limits) { l.KeyPerMinute = 0 }), fault.RateLimited, "key_limit"},
		"calls per day":                   {limit(func(l *Limits) { l.KeyPerDay = 0 }), fault.RateLimited, "key_limit"},
		"calls to a number":               {limit(func(l *Limits) { l.DestinationPerDay = 0 }), fault.RateLimited, "destination_limit"},
		"calls to a country":              {limit(func(l *Limits) { l.CountryPerDay = 0 }), fault.RateLimited, "country_limit"},
		"budget":                          {limit(func(l *Limits) { l.SpendPerDay = l.EstimatePerCall - 1 }), fault.RateLimited, "budget_exhausted"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			r := newRequest("k1")
			c.set(h, &r)
			_, err := h.place(r)
			if faultCode(err) != c.code || err != nil && fault.From(err).Kind != c.kind {
				t.Fatalf("%v, code %q; want kind %s, code %q", err, faultCode(err), c.kind, c.code)
			}
			if c.code == "" {
				return
			}
			h.expectRequests(0)
			h.expectQuotas("")
			if n := len(h.ledger.keys); n != 0 {
				t.Errorf("%d keys are claimed, want none", n)
			}
			if c.kind == fault.RateLimited && (fault.From(err).RetryAfter <= 0 || fault.From(err).RetryAfter > 24*time.Hour) {
				t.Errorf("Retry-After is %s, want up to a day", fault.From(err).RetryAfter)
			}
			for id, r := range h.ledger.records {
				if r.State != aurora.OutboundRejected || r.Code != c.code {
					t.Errorf("record %s is %s with code %s, want it rejected with %s", id, r.State, r.Code, c.code)
				}
			}
		})
	}
}

func TestFields(t *testing.T) {
	for name, c := range map[string]struct {
		set   func(*Request)
		code  string
		param string
	}{
		"no number":                {func(r *Request) { r.PhoneNumber = "" }, "invalid_phone_number", "client.phoneNumber"},
		"the number comes first":   {func(r *Request) { r.PhoneNumber, r.Name, r.AssistantID = "1", "", "" }, "invalid_phone_number", "client.phoneNumber"},
		"no name":                  {func(r *Request) { r.Name = "" }, "invalid_name", "client.name"},
		"a blank name":             {func(r *Request) { r.Name = " \t\n " }, "invalid_name", "client.name"},
		"an invisible name":        {func(r *Request) { r.Name = "\u200b\u202e\u0000\ufeff" }, "invalid_name", "client.name"},
		"100 runes":                {func(r *Request) { r.Name = strings.Repeat("ä", 100) }, "", ""},
		"101 runes":                {func(r *Request) { r.Name = strings.Repeat("ä", 101) }, "invalid_name", "client.name"},
		"100 decomposed":           {func(r *Request) { r.Name = strings.Repeat("a\u0308", 100) }, "", ""},
		"1000 marks on one letter": {func(r *Request) { r.Name = "a" + strings.Repeat("\u0315", 1000) }, "invalid_name", "client.name"},
		"no e-mail":                {func(r *Request) { r.Email = "" }, "", ""},
		"e-mail a":                 {func(r *Request) { r.Email = "a" }, "invalid_email", "client.email"},
		"e-mail a@b":               {func(r *Request) { r.Email = "a@b" }, "invalid_email", "client.email"},
		"e-mail with name":         {func(r *Request) { r.Email = "A <a@example.com>" }, "invalid_email", "client.email"},
		"e-mail list":              {func(r *Request) { r.Email = "a@example.com,b@example.com" }, "invalid_email", "client.email"},
		"e-mail newline":           {func(r *Request) { r.Email = "a@example.com\r\nBcc: b@example.com" }, "invalid_email", "client.email"},
		"e-mail hidden":            {func(r *Request) { r.Email = "a\u200b@example.com" }, "invalid_email", "client.email"},
		"e-mail long":              {func(r *Request) { r.Email = strings.Repeat("a", 250) + "@example.com" }, "invalid_email", "client.email"},
		"info long":                {func(r *Request) { r.Info = strings.Repeat("x", maxInfo+1) }, "invalid_info", "client.info"},
		"no assistant":             {func(r *Request) { r.AssistantID = "" }, "invalid_assistant_id", "assistantId"},
		"a long key":               {func(r *Request) { r.IdempotencyKey = strings.Repeat("k", 256) }, "invalid_idempotency_key", "Idempotency-Key"},
		"a key of 255":             {func(r *Request) { r.IdempotencyKey = strings.Repeat("k", 255) }, "", ""},
		"a key with a line":        {func(r *Request) { r.IdempotencyKey = "a\nb" }, "invalid_idempotency_key", "Idempotency-Key"},
	} {
		h := newHarness(t)
		r := newRequest("")
		c.set(&r)
		_, err := h.place(r)
		if faultCode(err) != c.code || err != nil && (fault.From(err).Kind != fault.Invalid || fault.From(err).Param != c.param) {
			t.Errorf("%s: %v, code %q, param %q; want %q, %q", name, err, faultCode(err), fault.From(err).Param, c.code, c.param)
		}
		if c.code != "" && len(h.ledger.calls) != 0 {
			t.Errorf("%s: the ledger was called: %v", name, h.ledger.calls)
		}
	}
}

// Errors come in the order of the fields: the number first, then a field of the wrong type.
func TestFieldsOfTheWrongType(t *testing.T) {
	for field, want := range map[Field]struct{ code, param string }{
		FieldName: {"invalid_name", "client.name"}, FieldEmail: {"invalid_email", "client.email"}, FieldInfo: {"invalid_info", "client.info"},
		FieldAssistantID: {"invalid_assistant_id", "assistantId"},
	} {
		r := newRequest("")
		r.WrongType = field
		if _, err := newHarness(t).place(r); faultCode(err) != want.code || fault.From(err).Param != want.param {
			t.Errorf("%s: %v, code %q, param %q; want %q, %q", field, err, faultCode(err), fault.From(err).Param, want.code, want.param)
		}
		r.PhoneNumber = ""
		if _, err := newHarness(t).place(r); faultCode(err) != "invalid_phone_number" {
			t.Errorf("%s of the wrong type and no number: %v, want invalid_phone_number", field, err)
		}
	}
}

func TestHours(t *testing.T) {
	t.Parallel()
	h, err := ParseHours("08:00-21:00")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		at    string
		zones string
		want  bool
	}{
		"London in winter, 8": {"2026-11-18T08:00:00Z", "Europe/London", true},
		"a second before":     {"2026-11-18T07:59:59Z", "Europe/London", false},
		"London in summer, 8": {"2026-07-01T07:00:00Z", "Europe/London", true},
		"20:59":               {"2026-11-18T20:59:59Z", "Europe/London", true},
		"21:00":               {"2026-11-18T21:00:00Z", "Europe/London", false},
		"the day that summer time begins in Bucharest": {"2026-03-29T05:00:00Z", "Europe/Bucharest", true},
		"the day before, the same UTC time":            {"2026-03-28T05:00:00Z", "Europe/Bucharest", false},
		"the day that summer time ends in New York":    {"2026-11-01T12:30:00Z", "America/New_York", false},
		"half an hour later":                           {"2026-11-01T13:00:00Z", "America/New_York", true},
		"the day before, with summer time":             {"2026-10-31T12:30:00Z", "America/New_York", true},
		"two zones, one before 8":                      {"2026-11-18T15:30:00Z", "America/Boise America/Los_Angeles", false},
		"two zones, both after 8":                      {"2026-11-18T16:00:00Z", "America/Boise America/Los_Angeles", true},
		"two zones, both before 21":                    {"2026-11-19T03:30:00Z", "America/Boise America/Los_Angeles", true},
		"two zones, one after 21":                      {"2026-11-19T04:00:00Z", "America/Boise America/Los_Angeles", false},
		"no zone":                                      {"2026-11-18T12:00:00Z", "", false},
		"an unknown zone":                              {"2026-11-18T12:00:00Z", "Etc/Unknown", false},
		"one of two is unknown":                        {"2026-11-18T12:00:00Z", "Europe/London Etc/Unknown", false},
		"a zone that does not exist":                   {"2026-11-18T12:00:00Z", "Europe/Atlantis", false},
		"the zone of this machine":                     {"2026-11-18T12:00:00Z", "Local", false},
		"eight zones":                                  {"2026-11-18T12:00:00Z", strings.Repeat("UTC ", 8), true},
		"nine zones":                                   {"2026-11-18T12:00:00Z", strings.Repeat("UTC ", 9), false},
		"a zone with half an hour, 8:00":               {"2026-11-18T02:30:00Z", "Asia/Kolkata", true},
		"a zone with half an hour, 7:59":               {"2026-11-18T02:29:00Z", "Asia/Kolkata", false},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Contains(at, strings.Fields(c.zones)); got != c.want {
			t.Errorf("%s: within hours %v, want %v", name, got, c.want)
		}
	}
	if !(Hours{}).Contains(time.Now(), nil) {
		t.Error("the zero value of Hours excludes a time")
	}
	for _, bad := range []string{"8-21", "08:00", "21:00-08:00", "08:00-08:00", "08:00-24:01", "08:60-21:00", "25:00-26:00", " 08:00-21:00", "08:00-21:00,22:00-23:00"} {
		if _, err := ParseHours(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	if h, err := ParseHours("00:00-24:00"); err != nil || !h.Contains(time.Date(2026, 1, 1, 23, 59, 59, 0, time.UTC), []string{"UTC"}) {
		t.Errorf("00:00-24:00: %v, want the last second of a day within it", err)
	}
}

// The zones are those of the number: a British mobile number has three, an American toll-free number more than eight.
func TestHoursOfNumbers(t *testing.T) {
	t.Parallel()
	h, _ := ParseHours("08:00-21:00")
	noon := time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)
	for number, want := range map[string]bool{"+447911123456": true, "+12085550100": false, "+18005550100": false, "+881612345678": false, "+40742070688": true} {
		n, err := ParseNumber(number, "")
		if err != nil || h.Contains(noon, n.TimeZones) != want {
			t.Errorf("%s with zones %v: %v, want within hours %v", number, n.TimeZones, err, want)
		}
	}
}

// A hundred requests at once at a limit of three are exactly three calls, for every limit.
func TestLimitsHoldUnderConcurrency(t *testing.T) {
	for name, set := range map[string]func(*Limits){
		"minute": func(l *Limits) { l.KeyPerMinute = 3 }, "key": func(l *Limits) { l.KeyPerDay = 3 },
		"destination": func(l *Limits) { l.DestinationPerDay = 3 }, "country": func(l *Limits) { l.CountryPerDay = 3 },
		"budget": func(l *Limits) { l.SpendPerDay = 399_999 },
	} {
		h := newHarness(t)
		set(&h.Guards.Limits)
		var callers sync.WaitGroup
		var mu sync.Mutex
		placed := 0
		for i := range 100 {
			callers.Go(func() {
				if _, err := h.Place(t.Context(), newRequest(fmt.Sprintf("k%d", i))); err == nil {
					mu.Lock()
					placed++
					mu.Unlock()
				} else if !fault.Is(err, fault.RateLimited) {
					t.Errorf("%s: %v, want fault.RateLimited", name, err)
				}
			})
		}
		callers.Wait()
		if placed != 3 {
			t.Errorf("%s: %d calls were placed, want 3", name, placed)
		}
		h.expectRequests(3)
		h.expectQuotas("country 3, key 3, minute 3, spend 300000, to 3")
	}
}

// Limits count the number that is dialled, for all keys and spellings (threat C6 in shared/docs/security.md).
func TestLimitsCountTheDialledNumber(t *testing.T) {
	h := newHarness(t)
	h.Guards.Limits.DestinationPerDay = 2
	for i, number := range []string{"+14155550100", "+1 (415) 555-0100", "415.555.0100", "(415) 555 0100"} {
		r := newRequest("none")
		r.PhoneNumber, r.Principal = number, auth.Principal{ID: fmt.Sprint("id", i), Name: fmt.Sprint("key", i)}
		if _, err := h.place(r); (i < 2) != (err == nil) || i >= 2 && faultCode(err) != "destination_limit" {
			t.Errorf("request %d, to %s: %v; want two calls, then destination_limit", i+1, number, err)
		}
	}
	h.advance(7 * time.Hour) // the next day in UTC
	if _, err := h.place(newRequest("none")); err != nil {
		t.Errorf("a day later: %v", err)
	}
	h.Guards.Limits.KeyPerMinute = 1
	if _, err := h.place(newRequest("none")); faultCode(err) != "key_limit" || fault.From(err).RetryAfter != 30*time.Second && fault.From(err).RetryAfter != time.Minute {
		t.Errorf("at the limit per minute: %v, Retry-After %s; want key_limit until the minute ends", err, fault.From(err).RetryAfter)
	}
	h.advance(time.Minute)
	if _, err := h.place(newRequest("none")); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}

// A campaign asks before it calls: the same rules apply, and quotas are read and not taken.
func TestEligible(t *testing.T) {
	h := newHarness(t)
	for number, want := range map[string]string{string(recipient): "", "+15559876543": "invalid_phone_number", "+19005551234": "number_type_blocked",
		"+5352345678": "country_blocked", "+14155550150": "number_type_blocked", "": "invalid_phone_number"} {
		if err := h.CheckEligible(t.Context(), number, ""); faultCode(err) != want {
			t.Errorf("%q: %v, want %q", number, err, want)
		}
	}
	h.Guards.Limits.DestinationPerDay = 1
	if _, err := h.place(newRequest("k1")); err != nil {
		t.Fatal(err)
	}
	if err := h.CheckEligible(t.Context(), string(recipient), ""); faultCode(err) != "destination_limit" {
		t.Errorf("after a call, at a limit of one: %v, want destination_limit", err)
	}
	h.expectQuotas(quotasOfOneCall)
	h.expectRequests(1)
	h.Guards.Hours, _ = ParseHours("08:00-21:00")
	for zone, want := range map[string]string{"": "", "America/New_York": "", "Asia/Tokyo": "quiet_hours", "Nowhere": "quiet_hours"} {
		if err := h.CheckEligible(t.Context(), "+14155550101", zone); faultCode(err) != want {
			t.Errorf("a contact in %q: %v, want %q", zone, err, want)
		}
	}
	h.ledger.doNotCall["+14155550101"] = true
	if err := h.CheckEligible(t.Context(), "+14155550101", ""); faultCode(err) != "do_not_call" {
		t.Errorf("a number on the do-not-call list: %v, want do_not_call", err)
	}
	h.ledger.failBefore = func(string, int) error { return fault.New(fault.Unavailable, "unavailable") }
	if err := h.CheckEligible(t.Context(), "+14155550102", ""); !fault.Is(err, fault.Unavailable) {
		t.Errorf("the ledger fails: %v, want fault.Unavailable", err)
	}
}
