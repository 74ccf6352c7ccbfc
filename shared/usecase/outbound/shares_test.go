package outbound

import (
	"fmt"
	"testing"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
)

// placeUntilRejected places calls with a key, each to another number, until one is rejected. It returns how many were placed,
// and the code of the rejection.
func (h *harness) placeUntilRejected(key auth.Principal, most int, numbers func(i int) string) (placed int, code string) {
	h.t.Helper()
	for i := range most {
		r := newRequest("none")
		r.Principal, r.PhoneNumber = key, numbers(i)
		if _, err := h.place(r); err != nil {
			return i, faultCode(err)
		}
	}
	return most, ""
}

func inTheUSA(i int) string { return fmt.Sprintf("+14155550%d", 100+i%50) }
func oneNumber(int) string  { return string(recipient) }
func inRomania(i int) string {
	return fmt.Sprintf("+4074207%04d", i)
}

func limitOf[T any](n T) *T { return &n }

// TestNoisyNeighbour lets one key place calls at full rate until it is rejected. Another key must still place its calls: by
// the share that the deployment gives each key, and by what the key's entry says.
func TestNoisyNeighbour(t *testing.T) {
	for name, c := range map[string]struct {
		set     func(l *Limits)
		limits  auth.Limits
		numbers func(i int) string
		placed  int
		code    string
	}{
		"the deployment's spend":        {func(l *Limits) { l.SpendPerDay, l.OfKey = 60_000_000, 50 }, auth.Limits{}, inTheUSA, 300, "key_limit"},
		"the least share of the spend":  {func(l *Limits) { l.SpendPerDay, l.OfKey = 30_000_000, 40 }, auth.Limits{}, inTheUSA, 250, "key_limit"},
		"the deployment's country":      {func(l *Limits) { l.CountryPerDay, l.OfKey = 400, 50 }, auth.Limits{}, inTheUSA, 200, "key_limit"},
		"the least share of a country":  {func(l *Limits) { l.CountryPerDay, l.OfKey = 150, 50 }, auth.Limits{}, inTheUSA, 100, "key_limit"},
		"the entry's spend":             {nil, auth.Limits{SpendPerDay: limitOf[aurora.MicroUSD](299_999)}, inTheUSA, 2, "key_limit"},
		"no spend":                      {nil, auth.Limits{SpendPerDay: limitOf[aurora.MicroUSD](0)}, inTheUSA, 0, "key_limit"},
		"the entry's country":           {nil, auth.Limits{CallsToCountryPerDay: limitOf[int64](3)}, inTheUSA, 3, "key_limit"},
		"the entry's number":            {nil, auth.Limits{CallsToNumberPerDay: limitOf[int64](2)}, oneNumber, 2, "key_limit"},
		"the entry's calls in a minute": {nil, auth.Limits{CallsPerMinute: limitOf[int64](4)}, inTheUSA, 4, "key_limit"},
		"the entry's calls in a day":    {nil, auth.Limits{CallsPerDay: limitOf[int64](5)}, inTheUSA, 5, "key_limit"},
		"more than the deployment":      {func(l *Limits) { l.CountryPerDay = 6 }, auth.Limits{CallsToCountryPerDay: limitOf[int64](1000)}, inTheUSA, 6, "country_limit"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			if c.set != nil {
				c.set(&h.Guards.Limits)
			}
			noisy := auth.Principal{ID: "00000000000a", Limits: c.limits}
			if placed, code := h.placeUntilRejected(noisy, 1001, c.numbers); placed != c.placed || code != c.code {
				t.Errorf("%d calls and then %q, want %d and %s", placed, code, c.placed, c.code)
			}
			if c.code != "key_limit" {
				return
			}
			if placed, code := h.placeUntilRejected(auth.Principal{ID: "00000000000b"}, 3, c.numbers); placed != 3 {
				t.Errorf("another key without a name: %d calls and then %q, want 3", placed, code)
			}
			named := auth.Principal{ID: "00000000000c", Name: "00000000000a"} // spelled as the noisy key's id
			if placed, code := h.placeUntilRejected(named, 1, c.numbers); placed != 1 {
				t.Errorf("a key with a name: %q, want a call", code)
			}
		})
	}
}

// The limit of a country is one of each country, and a rejected call takes nothing of the key's limits.
func TestKeyLimitsOfCountries(t *testing.T) {
	h := newHarness(t)
	key := auth.Principal{ID: "00000000000a", Name: "acme", Limits: auth.Limits{CallsToCountryPerDay: limitOf[int64](2), CallsPerDay: limitOf[int64](5)}}
	for _, numbers := range []func(int) string{inTheUSA, inRomania} {
		if placed, code := h.placeUntilRejected(key, 10, numbers); placed != 2 || code != "key_limit" {
			t.Errorf("%s: %d calls and then %q, want 2 and key_limit", numbers(0), placed, code)
		}
	}
	h.expectQuotas("country 4, key 4, key-country 4, minute 4, spend 400000, to 4")
	renewed := key
	renewed.ID = "00000000000b"
	if placed, _ := h.placeUntilRejected(renewed, 1, inTheUSA); placed != 0 {
		t.Error("the holder's next key has limits of its own, want those of its name")
	}
}
