package contact_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/fault"
)

// textWith sends text messages with a key, each to another number, until one is rejected.
func (h *harness) textWith(key aurora.KeyShare, most int) (sent int, err error) {
	h.t.Helper()
	for i := range most {
		t := contact.Text{From: riley, Key: key, To: aurora.Phone(fmt.Sprintf("+1415555%04d", 100+i%50)), Body: "Hi"}
		if err := h.SendText(h.t.Context(), t, func(context.Context) error { return nil }); err != nil {
			return i, err
		}
	}
	return most, nil
}

// One key sends text messages at full rate until it is rejected; another key still sends.
func TestShareOfTexts(t *testing.T) {
	some := func(n int64) *int64 { return &n }
	spend := func(n aurora.MicroUSD) *aurora.MicroUSD { return &n }
	for name, c := range map[string]struct {
		set  func(l *contact.MessageLimits)
		key  aurora.KeyShare
		sent int
	}{
		"the deployment's country":  {func(l *contact.MessageLimits) { l.TextsToCountryPerDay, l.OfKey = 1000, 40 }, aurora.KeyShare{}, 400},
		"the least of a country":    {func(l *contact.MessageLimits) { l.TextsToCountryPerDay, l.OfKey = 400, 40 }, aurora.KeyShare{}, 300},
		"the deployment's messages": {func(l *contact.MessageLimits) { l.TextsPerDay, l.OfKey = 1500, 40 }, aurora.KeyShare{}, 600},
		"the deployment's spend":    {func(l *contact.MessageLimits) { l.SpendPerDay, l.OfKey = 60_000_000, 50 }, aurora.KeyShare{}, 600},
		"the entry's messages":      {nil, aurora.KeyShare{TextsPerDay: some(2)}, 2},
		"the entry's country":       {nil, aurora.KeyShare{TextsToCountryPerDay: some(3)}, 3},
		"the entry's spend":         {nil, aurora.KeyShare{SpendPerDay: spend(249_999)}, 4},
		"no spend":                  {nil, aurora.KeyShare{SpendPerDay: spend(0)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.Limits = contact.MessageLimits{TextsToNumberPerMinute: 9999, TextsToNumberPerDay: 9999, TextsOfAssistantPerDay: 9999, TextsToCountryPerDay: 9999, TextsPerDay: 9999,
				TextPartEstimate: 50_000, SpendPerDay: 9_999_000_000, OfKey: 100}
			if c.set != nil {
				c.set(&h.Limits)
			}
			c.key.Account = "n-acme"
			sent, err := h.textWith(c.key, 1001)
			if f := fault.From(err); err == nil || sent != c.sent || f.Kind != fault.RateLimited || f.Code != contact.CodeKey || strings.Count(f.Message, ".") != 1 {
				t.Errorf("%d messages and then %v; want %d and key_limit in one sentence", sent, err, c.sent)
			}
			if sent, err := h.textWith(aurora.KeyShare{Account: "i-00000000000b"}, 3); sent != 3 {
				t.Errorf("another key: %v, want 3 messages", err)
			}
		})
	}
}

// Calls and text messages of one key use one share of the spend.
func TestShareOfSpendIsForCallsAndTexts(t *testing.T) {
	h := newHarness(t)
	budget := aurora.MicroUSD(150_000)
	key := aurora.KeyShare{Account: "n-acme", SpendPerDay: &budget}
	call := func() error {
		return h.Take(t.Context(), contact.Calls, h.NewID(), contact.SharePercent(50).SpendOfKey(key, 100_000, 50_000_000, h.clock, "Used up."))
	}
	if err := call(); err != nil {
		t.Fatal(err)
	}
	if sent, err := h.textWith(key, 2); sent != 1 || code(err) != contact.CodeKey {
		t.Errorf("%d messages and then %v, want 1 and key_limit", sent, err)
	}
	if err := call(); code(err) != contact.CodeKey {
		t.Errorf("a call: %v, want key_limit", err)
	}
	h.clock = h.clock.Add(24 * time.Hour)
	if err := call(); err != nil {
		t.Errorf("a call on the next day: %v", err)
	}
}
