package auth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

const (
	linkKey      = "links-0123456789abcdef0123456789abcdef"
	otherLinkKey = "links-ffffffffffffffffffffffffffffffff"
	linkedObject = "reports/riley/weekly/2026-11-23T0000/report.html"
)

var linkTime = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func newLinks(text string, now time.Time) *auth.Links {
	return &auth.Links{Secrets: &testkit.Secrets{Values: map[string]string{"links": text}}, SecretName: "links", BaseURL: "https://aurora.example.com/v1/", Objects: noObjects{}, Now: func() time.Time { return now }}
}

// noObjects is a bucket without revocations.
type noObjects struct{}

func (noObjects) List(context.Context, string, string) iter.Seq2[string, error] {
	return func(func(string, error) bool) {}
}

func (noObjects) Read(context.Context, string) ([]byte, time.Time, error) {
	return nil, time.Time{}, fault.New(fault.NotFound, "There is no such object.")
}

func newToken(t testing.TB, l *auth.Links, key string) string {
	t.Helper()
	made, err := l.NewToken(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestLinks(t *testing.T) {
	l := newLinks(linkKey, linkTime)
	link, err := l.URL(t.Context(), linkedObject)
	made, ok := strings.CutPrefix(link, "https://aurora.example.com/v1/api/reports/view#")
	if err != nil || !ok || strings.Trim(made, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		t.Fatalf("link = %q, error %v; want one to /api/reports/view#", link, err)
	}
	if key, err := l.Verify(t.Context(), made); key != linkedObject || err != nil {
		t.Errorf("Verify = %q, %v; want %q", key, err, linkedObject)
	}
	l.BaseURL = ""
	if link, err := l.URL(t.Context(), linkedObject); link != "" || err != nil {
		t.Errorf("without a base URL: link = %q, error %v; want none", link, err)
	}
	for _, key := range []string{"", "reports/", "eoc/_/undated/a.json", "reports", "/reports/a", "reports/../eoc/a", "reports/./a", "reports//a", "Reports/a", "reports/a/" + strings.Repeat("x", 1024)} {
		if _, err := l.NewToken(t.Context(), key); err == nil {
			t.Errorf("%.40q was signed", key)
		}
	}
}

// TestFault67ClockSkew: clocks differ by at most five minutes, before the link begins and after it has ended.
func TestFault67ClockSkew(t *testing.T) {
	made := newToken(t, newLinks(linkKey, linkTime), linkedObject)
	for name, c := range map[string]struct {
		after time.Duration
		valid bool
	}{
		"immediately": {0, true}, "made by a clock five minutes fast": {-5 * time.Minute, true}, "and a second": {-5*time.Minute - time.Second, false},
		"made tomorrow": {-24 * time.Hour, false}, "after 29 days": {29 * 24 * time.Hour, true}, "on its last second": {30*24*time.Hour - time.Second, true},
		"ended four minutes ago": {30*24*time.Hour + 4*time.Minute, true}, "ended five minutes ago": {30*24*time.Hour + 5*time.Minute, false},
		"ended long ago": {400 * 24 * time.Hour, false},
	} {
		t.Run("fault 67: "+name, func(t *testing.T) {
			key, err := newLinks(linkKey, linkTime.Add(c.after)).Verify(t.Context(), made)
			if c.valid && (err != nil || key != linkedObject) || !c.valid && !fault.Is(err, fault.Unauthorized) {
				t.Errorf("Verify = %q, %v; want valid: %v", key, err, c.valid)
			}
		})
	}
}

func TestInvalidTokens(t *testing.T) {
	l := newLinks(linkKey, linkTime)
	made := newToken(t, l, linkedObject)
	raw, err := base64.RawURLEncoding.DecodeString(made)
	if err != nil {
		t.Fatal(err)
	}
	mustReject := func(what, token string) {
		t.Helper()
		if key, err := l.Verify(t.Context(), token); !fault.Is(err, fault.Unauthorized) || key != "" {
			t.Errorf("%s: Verify = %q, %v; want unauthorized", what, key, err)
		}
	}
	for i := range raw { // every bit counts
		for bit := range 8 {
			changed := append([]byte(nil), raw...)
			changed[i] ^= 1 << bit
			mustReject("a flipped bit", base64.RawURLEncoding.EncodeToString(changed))
		}
	}
	for i := range len(made) { // every letter counts: no other spelling of the same bytes is accepted
		for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=.%\n" {
			if byte(c) != made[i] {
				mustReject("another letter", made[:i]+string(c)+made[i+1:])
			}
		}
		mustReject("a shorter one", made[:i])
		mustReject("a line end", made[:i]+"\n"+made[i:])
	}
	for _, longer := range []string{"A", "=", "==", "\r\n", " ", ".", "%00", made} {
		mustReject("a longer one", made+longer)
	}
	mustReject("nothing", "")
	mustReject("another's", newToken(t, newLinks(otherLinkKey, linkTime), linkedObject))
	mustReject("too long a one", strings.Repeat("A", 1<<20))
}

func TestSigningKeys(t *testing.T) {
	made := newToken(t, newLinks(otherLinkKey, linkTime), linkedObject)
	if _, err := newLinks(linkKey+"\n"+otherLinkKey+"\n", linkTime).Verify(t.Context(), made); err != nil {
		t.Errorf("a token of the previous key is rejected: %v", err)
	}
	if got := newToken(t, newLinks(linkKey+" "+otherLinkKey, linkTime), linkedObject); got != newToken(t, newLinks(linkKey, linkTime), linkedObject) {
		t.Error("the newest key does not sign")
	}
	for _, text := range []string{"", " ", "short", linkKey + " short"} {
		if _, err := newLinks(text, linkTime).Verify(t.Context(), made); !fault.Is(err, fault.Internal) {
			t.Errorf("secret %q: error = %v, want internal", text, err)
		}
	}
	l := newLinks("", linkTime)
	for give, want := range map[error]fault.Kind{
		fault.New(fault.NotFound, "A secret is missing."): fault.Internal, fault.New(fault.Unavailable, "Not now."): fault.Unavailable} {
		l.Secrets = &testkit.Secrets{Err: give}
		if _, err := l.NewToken(t.Context(), linkedObject); fault.From(err).Kind != want || !errors.Is(err, give) {
			t.Errorf("store error %v became %v, want kind %v with the cause", give, err, want)
		}
	}
}

func TestTokenIn(t *testing.T) {
	for pasted, want := range map[string]string{
		"AQ": "AQ", " AQ\n": "AQ", "https://a.example.com/prod/api/reports/view#AQ": "AQ", "https://a.example.com/api/reports/view/AQ": "AQ", "": "", "https://a.example.com/": "",
	} {
		if got := auth.TokenIn(pasted); got != want {
			t.Errorf("TokenIn(%q) = %q, want %q", pasted, got, want)
		}
	}
}

func TestRevocationKey(t *testing.T) {
	for report, want := range map[string]string{"": "reports/links-revoked.json", "riley/weekly/2026-11-23T0000": "reports/riley/weekly/2026-11-23T0000/links-revoked.json"} {
		if key, err := auth.RevocationKey(report); key != want || err != nil {
			t.Errorf("RevocationKey(%q) = %q, %v; want %q", report, key, err, want)
		}
	}
	for _, report := range []string{"riley", "riley/weekly", "riley/weekly/", "/weekly/x", "a/../b", "riley/weekly/x/transcripts", "reports/riley/weekly/x"} {
		if key, err := auth.RevocationKey(report); err == nil {
			t.Errorf("RevocationKey(%q) = %q, want an error", report, key)
		}
	}
	for object, want := range map[string]string{linkedObject: "riley/weekly/2026-11-23T0000", "reports/riley/weekly/x/transcripts/c1.html": "riley/weekly/x", "eoc/a/b/c/d": "", "reports/a": ""} {
		if got := aurora.ReportNumber(object); got != want {
			t.Errorf("ReportNumber(%q) = %q, want %q", object, got, want)
		}
	}
	l := newLinks(linkKey, linkTime)
	if got := auth.UnverifiedObject(newToken(t, l, linkedObject)); got != linkedObject {
		t.Errorf("UnverifiedObject = %q, want %q", got, linkedObject)
	}
	if got := auth.UnverifiedObject("AQ"); got != "" {
		t.Errorf("UnverifiedObject of no token = %q", got)
	}
}

func FuzzVerify(f *testing.F) {
	l := newLinks(linkKey, linkTime)
	made := newToken(f, l, linkedObject)
	for _, s := range []string{made, "", "A", made[1:], made + "A", "..", "reports/a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := l.Verify(context.Background(), s)
		if err == nil && (s != made || key != linkedObject) {
			t.Errorf("%q was accepted for %q", s, key)
		}
		if err != nil && !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%q: %v", s, err)
		}
	})
}
