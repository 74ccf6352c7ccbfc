package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
)

func bearer(key string) http.Header { return header("Authorization", "Bearer "+key) }

// TestKeyLimitsThatCannotBeRead has entries whose limits are malformed. None of them may become a key without limits.
func TestKeyLimitsThatCannotBeRead(t *testing.T) {
	for _, limits := range []string{
		`"assistants":[]`, `"assistants":[""]`, `"assistants":"a1"`, `"assistants":{"a1":true}`, `"assistants":[1]`,
		`"uses":[]`, `"uses":["Chat"]`, `"uses":["chat","reports"]`, `"uses":"chat"`, `"uses":[null]`,
		`"limits":null`, `"limits":[]`, `"limits":5`, `"limits":{"chatTurnsPerMinutes":5}`, `"limits":{"ChatTurnsPerMinute":5}`, `"limits":{"chatTurnsPerMinute":null}`,
		`"limits":{"spendPerDayUsd":-1}`, `"limits":{"spendPerDayUsd":null}`, `"limits":{"spendPerDayUsd":1e9}`, `"limits":{"callsPerDay":0.5}`, `"limits":{"spend":5}`,
		`"limits":{"chatTurnsPerMinute":-1}`, `"limits":{"chatTurnsPerMinute":"many"}`, `"limits":{"chatTokensPerDay":1.5}`, `"limits":{"chatTokensPerDay":99999999999999999999}`,
		`"expiresAt":""`, `"expiresAt":"tomorrow"`, `"expiresAt":"2026-12-01"`, `"expiresAt":1795312800`,
	} {
		parsed, err := auth.ParseKeys(fmt.Sprintf(`[{"digest":"sha256:%s",%s}]`, hexDigest(apiKey), limits))
		if len(parsed) > 0 || err == nil {
			t.Errorf("%s: keys %+v, error %v; want no key and an error", limits, parsed, err)
		}
	}
}

func TestLimits(t *testing.T) {
	five := int64(5)
	for limits, want := range map[string]auth.Limits{
		``: {}, `,"limits":{}`: {}, `,"limits":{"chatTurnsPerMinute":5}`: {ChatTurnsPerMinute: &five}, `,"limits":{"chatTokensPerDay":"5"}`: {ChatTokensPerDay: &five},
	} {
		keys, err := auth.ParseKeys(fmt.Sprintf(`[{"digest":"sha256:%s"%s}]`, hexDigest(apiKey), limits))
		if err != nil || len(keys) != 1 || !reflect.DeepEqual(keys[0].Principal().Limits, want) {
			t.Errorf("%s: %+v, %v; want one key with limits %+v", limits, keys, err, want)
		}
	}
}

func TestAccount(t *testing.T) {
	accounts := map[string]auth.Principal{}
	for _, p := range []auth.Principal{{ID: "0123456789ab", Name: "0123456789ab"}, {ID: "0123456789ac"}, {ID: "x", Name: "acme"}, {ID: "x", Name: "i-0123456789ab"}, {ID: "x", Name: "a#b"}, {ID: "x", Name: "a b"}} {
		account := p.Account()
		if other, taken := accounts[account]; taken || strings.Contains(account, "#") {
			t.Errorf("account %q of %+v; %+v has it too, or it has a #", account, p, other)
		}
		accounts[account] = p
	}
	if a, b := (auth.Principal{ID: "x", Name: "acme"}).Account(), (auth.Principal{ID: "y", Name: "acme"}).Account(); a != b {
		t.Errorf("accounts %q and %q of two keys with one name, want one", a, b)
	}
}

func TestUses(t *testing.T) {
	for uses, want := range map[string][2]bool{ // chat, webhook
		``: {true, true}, `,"uses":["chat"]`: {true, false}, `,"uses":["webhook"]`: {false, true}, `,"uses":["webhook","chat"]`: {true, true},
	} {
		keys, _ := newKeyStore(fmt.Sprintf(`[{"digest":"sha256:%s"%s}]`, hexDigest(apiKey), uses))
		for i, policy := range []auth.Policy{auth.BearerPolicy, auth.WebhookPolicy} {
			_, err := policy.Authenticate(t.Context(), bearer(apiKey), keys)
			if passed := err == nil; passed != want[i] || err != nil && !fault.Is(err, fault.Unauthorized) {
				t.Errorf("uses %q at policy %s: error %v; want it to pass: %v", uses, policy.Name, err, want[i])
			}
		}
	}
}

// TestExpiry checks a key before, at and after its expiry, while the secret's text stays the same.
func TestExpiry(t *testing.T) {
	expiry := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	keys, _ := newKeyStore(fmt.Sprintf(`["%s",{"digest":"%s","expiresAt":"2026-12-01T01:00:00+01:00"}]`, nextAPIKey, hexDigest(apiKey)))
	for _, c := range []struct {
		now  time.Time
		pass bool
	}{{expiry.Add(-time.Nanosecond), true}, {expiry, false}, {expiry.Add(time.Hour), false}, {expiry.Add(-time.Hour), true}} {
		keys.Now = func() time.Time { return c.now }
		key, err := auth.BearerPolicy.Authenticate(t.Context(), bearer(apiKey), keys)
		if (err == nil) != c.pass {
			t.Errorf("at %v: error %v; want it to pass: %v", c.now, err, c.pass)
		}
		if err == nil && key.Principal().IsExpired(c.now) {
			t.Errorf("at %v: the principal says that its key has expired", c.now)
		}
		if _, err := auth.BearerPolicy.Authenticate(t.Context(), bearer(nextAPIKey), keys); err != nil {
			t.Errorf("at %v: the key beside it is refused: %v", c.now, err)
		}
	}
}

// TestBrokenSecret checks that a secret which cannot be read makes no key invalid: the last list is used for an hour, and the
// problem is reported for every request in that time.
func TestBrokenSecret(t *testing.T) {
	list := `["` + apiKey + `"]`
	for name, broken := range map[string]struct {
		text string
		err  error
	}{"not JSON": {text: apiKey}, "cut off": {text: list[:len(list)-1]}, "two lists": {text: list + list}, "empty": {text: ""}, "white space": {text: " \n"},
		"null": {text: "null"}, "an object": {text: `{"keys":` + list + `}`}, "a string of a list": {text: strconv.Quote(list)},
		"no answer": {list, errors.New("no answer")}, "no secret": {list, fault.New(fault.NotFound, "There is no such secret.")}} {
		t.Run(name, func(t *testing.T) {
			keys, store := newKeyStore(broken.text)
			store.Err = broken.err
			now := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)
			keys.Now = func() time.Time { return now }
			reports, requests := 0, 0
			keys.OnUnusable = func(context.Context) { reports++ }
			request := func(key string) error {
				requests++
				_, err := auth.BearerPolicy.Authenticate(t.Context(), bearer(key), keys)
				return err
			}
			if err := request(apiKey); !fault.Is(err, fault.Unavailable) || strings.Contains(fmt.Sprint(errors.Unwrap(err)), apiKey) {
				t.Fatalf("without a list: error %v, want unavailable, and no key in it", err)
			}
			if reports != requests {
				t.Errorf("without a list: %d reports for %d requests", reports, requests)
			}
			store.Values["api"], store.Err = list, nil
			if err := request(apiKey); err != nil {
				t.Fatalf("with a list: %v", err)
			}
			if reports != requests-1 {
				t.Errorf("with a list: %d reports, want the one from before", reports)
			}
			store.Values["api"], store.Err = broken.text, broken.err
			reads := store.Reads()
			reports, requests = 0, 0
			for range 5 {
				if err := request(apiKey); err != nil {
					t.Fatalf("after a list: %v", err)
				}
				if err := request(nextAPIKey); !fault.Is(err, fault.Unauthorized) {
					t.Fatalf("another key: error %v, want unauthorized", err)
				}
			}
			if n := store.Reads() - reads; n != 1 {
				t.Errorf("the secret was read %d times within ten seconds after it could not be read; want once", n)
			}
			now = now.Add(time.Hour - time.Second)
			if err := request(apiKey); err != nil {
				t.Errorf("a second before the hour ends: %v", err)
			}
			now = now.Add(time.Second)
			if err := request(apiKey); !fault.Is(err, fault.Unavailable) {
				t.Errorf("an hour later: error %v, want unavailable", err)
			}
			if reports != requests {
				t.Errorf("%d reports for %d requests while the secret could not be used", reports, requests)
			}
			store.Values["api"], store.Err = `["`+nextAPIKey+`"]`, nil
			if err := request(nextAPIKey); err != nil || reports != requests-1 {
				t.Errorf("after it could be read again: %v, %d reports for %d requests", err, reports, requests)
			}
		})
	}
}

// TestListWithoutKeys checks that lists which can be read, and hold no live key, reject every key.
func TestListWithoutKeys(t *testing.T) {
	for name, list := range map[string]string{"empty": `[]`, "expired": `[{"digest":"sha256:` + hexDigest(apiKey) + `","expiresAt":"2020-01-01T00:00:00Z"}]`} {
		keys, _ := newKeyStore(list)
		keys.OnUnusable = func(context.Context) { t.Errorf("%s: reported as unusable", name) }
		if _, err := auth.BearerPolicy.Authenticate(t.Context(), bearer(apiKey), keys); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%s: error %v, want unauthorized", name, err)
		}
	}
}

// TestPrincipalCrossesTheGateway checks that what limits a key survives the authorizer's answer, and that an answer which
// cannot be read is no principal.
func TestPrincipalCrossesTheGateway(t *testing.T) {
	cents := aurora.MicroUSD(250_001)
	for _, p := range []auth.Principal{
		{ID: "0123456789ab", Name: "0123456789ab", Kind: auth.KindAPI},
		{ID: "0123456789ab", Name: "acme", Kind: auth.KindExternal, Assistants: []string{"a1", "a2"}, ExpiresAt: time.Date(2026, 12, 1, 0, 0, 0, 5, time.UTC)},
		{ID: "0123456789ab", Name: "acme", Kind: auth.KindAPI, Limits: auth.Limits{ChatTurnsPerMinute: new(int64), ChatTokensPerDay: new(int64)}},
		{ID: "0123456789ab", Name: "acme", Kind: auth.KindExternal, Limits: auth.Limits{CallsPerMinute: new(int64), CallsPerDay: new(int64), CallsToNumberPerDay: new(int64),
			CallsToCountryPerDay: new(int64), TextsPerDay: new(int64), TextsToCountryPerDay: new(int64), SpendPerDay: &cents}},
	} {
		if got, ok := auth.PrincipalFromContext(p.AuthorizerContext()); !ok || !reflect.DeepEqual(got, p) {
			t.Errorf("got %+v, %v; want %+v", got, ok, p)
		}
	}
	for _, damage := range []map[string]any{{"keyAssistants": "a1"}, {"keyAssistants": "[]"}, {"keyExpiresAt": "soon"}, {"keyId": ""}, {"keyLimits": "5"}, {"keyLimits": `{"x":1}`}} {
		c := auth.Principal{ID: "0123456789ab", Kind: auth.KindAPI}.AuthorizerContext()
		for name, value := range damage {
			c[name] = value
		}
		if p, ok := auth.PrincipalFromContext(c); ok {
			t.Errorf("%v was read as %+v", damage, p)
		}
	}
}

func TestCheckAssistant(t *testing.T) {
	limited := auth.Principal{ID: "k", Assistants: []string{"a1", "a2"}}
	for id, pass := range map[string]bool{"a1": true, "a2": true, "a3": false, "": false, "A1": false, "a1 ": false} {
		if err := limited.CheckAssistant(id); (err == nil) != pass || err != nil && fault.From(err).Code != "assistant_not_allowed" {
			t.Errorf("%q: error %v; want it to pass: %v", id, err, pass)
		}
		if err := (auth.Principal{ID: "k"}).CheckAssistant(id); err != nil {
			t.Errorf("%q for a key without limits: %v", id, err)
		}
	}
}
