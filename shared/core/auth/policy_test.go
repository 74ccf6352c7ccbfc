package auth_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

const (
	apiKey     = "aur_api_0123456789abcdef0123456789abcdef"
	nextAPIKey = "aur_api_fedcba9876543210fedcba9876543210"
	otherKey   = "aur_internal_0123456789abcdef0123456789"
)

func newKeyStore(text string) (*auth.KeyStore, *testkit.Secrets) {
	store := &testkit.Secrets{Values: map[string]string{"api": text, "internal": `["` + otherKey + `"]`}}
	return &auth.KeyStore{Now: time.Now, Secrets: store, SecretNames: map[auth.KeyKind]string{auth.KindAPI: "api", auth.KindInternal: "internal"}}, store
}

func hexDigest(key string) string {
	d := sha256.Sum256([]byte(key))
	return hex.EncodeToString(d[:])
}

func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h[pairs[i]] = append(h[pairs[i]], pairs[i+1])
	}
	return h
}

// TestBearerPolicy checks what is accepted as a bearer token; shared/docs/security.md lists the threats.
func TestBearerPolicy(t *testing.T) {
	keys, _ := newKeyStore(fmt.Sprintf(`["%s",{"digest":"sha256:%s","name":"acme"}]`, apiKey, hexDigest(nextAPIKey)))
	for name, c := range map[string]struct {
		h    http.Header
		pass bool
	}{
		"valid":                  {header("Authorization", "Bearer "+apiKey), true},
		"second live key":        {header("Authorization", "Bearer "+nextAPIKey), true},
		"lower case name":        {header("authorization", "Bearer "+apiKey), true},
		"upper case name":        {header("AUTHORIZATION", "Bearer "+apiKey), true},
		"scheme in any case":     {header("Authorization", "bEARER "+apiKey), true},
		"same value twice":       {header("Authorization", "Bearer "+apiKey, "Authorization", "Bearer "+apiKey), true},
		"same value joined":      {header("authorization", "Bearer "+apiKey+",Bearer "+apiKey), true},
		"absent":                 {header(), false},
		"empty":                  {header("Authorization", ""), false},
		"space":                  {header("Authorization", " "), false},
		"scheme alone":           {header("Authorization", "Bearer"), false},
		"scheme and space":       {header("Authorization", "Bearer "), false},
		"two spaces":             {header("Authorization", "Bearer  "+apiKey), false},
		"tab":                    {header("Authorization", "Bearer\t"+apiKey), false},
		"no scheme":              {header("Authorization", apiKey), false},
		"Basic":                  {header("Authorization", "Basic "+apiKey), false},
		"Token":                  {header("Authorization", "Token "+apiKey), false},
		"trailing space":         {header("Authorization", "Bearer "+apiKey+" "), false},
		"trailing newline":       {header("Authorization", "Bearer "+apiKey+"\n"), false},
		"trailing NUL":           {header("Authorization", "Bearer "+apiKey+"\x00"), false},
		"two keys":               {header("Authorization", "Bearer "+apiKey+" "+apiKey), false},
		"comma":                  {header("Authorization", "Bearer "+apiKey+",x"), false},
		"two different values":   {header("Authorization", "Bearer "+apiKey, "Authorization", "Bearer "+nextAPIKey), false},
		"two casings":            {header("Authorization", "Bearer "+apiKey, "authorization", "Bearer "+nextAPIKey), false},
		"different joined":       {header("authorization", "Bearer "+apiKey+",Bearer "+nextAPIKey), false},
		"minus one":              {header("Authorization", "Bearer "+apiKey[:len(apiKey)-1]), false},
		"plus one":               {header("Authorization", "Bearer "+apiKey+"0"), false},
		"upper cased":            {header("Authorization", "Bearer "+strings.ToUpper(apiKey)), false},
		"another kind":           {header("Authorization", "Bearer "+otherKey), false},
		"in another header":      {header("FLASK-API-KEY", apiKey), false},
		"the digest":             {header("Authorization", "Bearer "+hexDigest(apiKey)), false},
		"the stored digest":      {header("Authorization", "Bearer sha256:"+hexDigest(nextAPIKey)), false},
		"null":                   {header("Authorization", "Bearer null"), false},
		"10 KB":                  {header("Authorization", "Bearer "+strings.Repeat("k", 10<<10)), false},
		"one byte":               {header("Authorization", "Bearer k"), false},
		"not ASCII":              {header("Authorization", "Bearer "+apiKey[:len(apiKey)-1]+"ä"), false},
		"look-alike":             {header("Authorization", "Bearer а"+apiKey[1:]), false},
		"SQL":                    {header("Authorization", "Bearer ' OR '1'='1' -- 0123456789abcdef0123"), false},
		"wildcard":               {header("Authorization", "Bearer ********************************"), false},
		"JWT without algorithm":  {header("Authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.xxxxxxxxxxxx"), false},
		"another header as well": {header("Authorization", "Bearer "+apiKey, "X-HTTP-Method-Override", "DELETE"), true},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := auth.BearerPolicy.Authenticate(t.Context(), c.h, keys)
			if c.pass && (err != nil || key.Kind != auth.KindAPI) {
				t.Errorf("rejected: %v", err)
			}
			if !c.pass && !fault.Is(err, fault.Unauthorized) {
				t.Errorf("err = %v, want unauthorized", err)
			}
		})
	}
}

func TestWebhookPolicyNeedsOneValidHeader(t *testing.T) {
	keys, _ := newKeyStore(`["` + apiKey + `"]`)
	for _, h := range []http.Header{
		header("FLASK-API-KEY", apiKey), header("flask-api-key", apiKey), header("BINARYTINT_API_KEY", apiKey), header("Binarytint-Api-Key", apiKey),
		header("X-Vapi-Secret", apiKey), header("Authorization", "Bearer "+apiKey),
		header("FLASK-API-KEY", "wrong", "X-Vapi-Secret", apiKey), header("FLASK-API-KEY", strings.Repeat("w", 40), "BINARYTINT-API-KEY", apiKey),
	} {
		if _, err := auth.WebhookPolicy.Authenticate(t.Context(), h, keys); err != nil {
			t.Errorf("%v rejected: %v", h, err)
		}
	}
	for _, h := range []http.Header{
		header(), header("FLASK-API-KEY", otherKey), header("X-API-KEY", apiKey), header("FLASK-API-KEY", "Bearer "+apiKey),
		header("FLASK-API-KEY", apiKey, "flask-api-key", nextAPIKey),
		header("FLASK-API-KEY", apiKey, "X-Vapi-Secret", "a", "x-vapi-secret", "b"),
	} {
		if _, err := auth.WebhookPolicy.Authenticate(t.Context(), h, keys); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%v: %v, want unauthorized", h, err)
		}
	}
}

func TestNoKeysNoAccess(t *testing.T) {
	h := header("Authorization", "Bearer "+apiKey)
	for name, text := range map[string]string{"empty list": `[]`, "empty key": `[""]`, "short key": `["short"]`, "empty digest": `["sha256:"]`,
		"empty object": `[{}]`} {
		t.Run(name, func(t *testing.T) {
			keys, _ := newKeyStore(text)
			if _, err := auth.BearerPolicy.Authenticate(t.Context(), h, keys); !fault.Is(err, fault.Unauthorized) {
				t.Errorf("err = %v, want unauthorized", err)
			}
			if _, err := auth.BearerPolicy.Authenticate(t.Context(), header("Authorization", "Bearer "), keys); !fault.Is(err, fault.Unauthorized) {
				t.Errorf("an empty key: error = %v, want unauthorized", err)
			}
		})
	}
	keys, store := newKeyStore(`["` + apiKey + `"]`)
	store.Err = errors.New("no answer")
	if _, err := auth.BearerPolicy.Authenticate(t.Context(), h, keys); !fault.Is(err, fault.Unavailable) {
		t.Errorf("store unavailable: error = %v, want unavailable", err)
	}
	if _, err := auth.BearerPolicy.Authenticate(t.Context(), h, &auth.KeyStore{Now: time.Now, Secrets: store}); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("a kind without a secret: error = %v, want unauthorized", err)
	}
}

func TestMalformedKeysCostNoStoreCall(t *testing.T) {
	keys, store := newKeyStore(`["` + apiKey + `"]`)
	for range 10_000 {
		_, _ = auth.BearerPolicy.Authenticate(t.Context(), header("Authorization", "Bearer nope"), keys)
	}
	if n := store.Reads(); n != 0 {
		t.Errorf("the secret store was read %d times; want 0", n)
	}
}

func TestParseKeys(t *testing.T) {
	parsed, err := auth.ParseKeys(fmt.Sprintf(`["%s","sha256:%s",{"digest":"%s","name":"acme","assistants":["a1","a2"]},"short",7]`,
		apiKey, hexDigest(nextAPIKey), hexDigest(otherKey)))
	if err == nil || !strings.Contains(err.Error(), "entry 3") || !strings.Contains(err.Error(), "entry 4") {
		t.Errorf("error = %v, want one that names entries 3 and 4", err)
	}
	if err != nil && strings.Contains(err.Error(), "short") {
		t.Errorf("the error repeats an entry: %v", err)
	}
	if len(parsed) != 3 {
		t.Fatalf("keys = %+v, want the first three entries", parsed)
	}
	if parsed[0].Name != hexDigest(apiKey)[:12] {
		t.Errorf("name of a key without one = %q, want the start of its digest", parsed[0].Name)
	}
	if parsed[2].Name != "acme" || len(parsed[2].Assistants) != 2 {
		t.Errorf("third key = %+v, want acme with two assistants", parsed[2])
	}
}

// TestInvalidKeysAreReportedAsLongAsTheyLast checks that an alarm on the reports does not end while the secret is still wrong.
func TestInvalidKeysAreReportedAsLongAsTheyLast(t *testing.T) {
	keys, store := newKeyStore(`["` + apiKey + `","short"]`)
	reports := 0
	keys.OnUnusable = func(context.Context) { reports++ }
	authenticate := func() {
		t.Helper()
		if _, err := auth.BearerPolicy.Authenticate(t.Context(), header("Authorization", "Bearer "+apiKey), keys); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		authenticate()
	}
	if reports != 3 {
		t.Errorf("reported %d times for three requests, want 3", reports)
	}
	store.Values["api"] = `["` + apiKey + `"]`
	if authenticate(); reports != 3 {
		t.Errorf("reported %d times after the entry was removed, want 3", reports)
	}
}

func FuzzBearerPolicy(f *testing.F) {
	f.Add("Bearer " + apiKey)
	f.Add("bearer  x")
	f.Fuzz(func(t *testing.T, v string) {
		keys, _ := newKeyStore(`["` + apiKey + `"]`)
		_, err := auth.BearerPolicy.Authenticate(t.Context(), header("Authorization", v), keys)
		if err == nil && !strings.Contains(v, apiKey) {
			t.Errorf("%q was accepted", v)
		}
	})
}
