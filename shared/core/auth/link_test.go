package auth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
)

const (
	linkKey      = "links-0123456789abcdef0123456789abcdef"
	otherLinkKey = "links-ffffffffffffffffffffffffffffffff"
	linked       = "reports/riley/weekly/2026-11-23T0000/report.html"
)

var linkMade = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// linkSecret is a store of one secret.
type linkSecret struct {
	text string
	err  error
}

func (s linkSecret) Secret(context.Context, string) (string, error) { return s.text, s.err }

func linksAt(text string, now time.Time) *auth.Links {
	return &auth.Links{Secrets: linkSecret{text: text}, Name: "links", Public: "https://aurora.example.com/v1/", Now: func() time.Time { return now }}
}

func token(t testing.TB, l *auth.Links, key string) string {
	t.Helper()
	made, err := l.Token(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestLinks(t *testing.T) {
	l := linksAt(linkKey, linkMade)
	link, err := l.Link(t.Context(), linked)
	made, ok := strings.CutPrefix(link, "https://aurora.example.com/v1/api/reports/view/")
	if err != nil || !ok || strings.Trim(made, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		t.Fatalf("%s %v", link, err)
	}
	if key, err := l.Open(t.Context(), made); key != linked || err != nil {
		t.Errorf("%s %v", key, err)
	}
	l.Public = ""
	if link, err := l.Link(t.Context(), linked); link != "" || err != nil {
		t.Errorf("without an address: %s %v", link, err)
	}
	for _, key := range []string{"", "reports/", "eoc/_/undated/a.json", "reports", "/reports/a", "reports/../eoc/a", "reports/./a", "reports//a", "Reports/a", "reports/a/" + strings.Repeat("x", 1024)} {
		if _, err := l.Token(t.Context(), key); err == nil {
			t.Errorf("%.40q was signed", key)
		}
	}
}

// Row 67: clocks differ by at most five minutes, before the link begins and after it has ended.
func TestFault67(t *testing.T) {
	made := token(t, linksAt(linkKey, linkMade), linked)
	for name, c := range map[string]struct {
		after time.Duration
		open  bool
	}{
		"at once": {0, true}, "made by a clock five minutes fast": {-5 * time.Minute, true}, "and a second": {-5*time.Minute - time.Second, false},
		"made tomorrow": {-24 * time.Hour, false}, "after 29 days": {29 * 24 * time.Hour, true}, "on its last second": {30*24*time.Hour - time.Second, true},
		"ended four minutes ago": {30*24*time.Hour + 4*time.Minute, true}, "ended five minutes ago": {30*24*time.Hour + 5*time.Minute, false},
		"ended long ago": {400 * 24 * time.Hour, false},
	} {
		t.Run("fault 67, "+name, func(t *testing.T) {
			key, err := linksAt(linkKey, linkMade.Add(c.after)).Open(t.Context(), made)
			if c.open && (err != nil || key != linked) || !c.open && !fault.Is(err, fault.Unauthorized) {
				t.Errorf("%q %v", key, err)
			}
		})
	}
}

func TestLinksRefuse(t *testing.T) {
	l := linksAt(linkKey, linkMade)
	made := token(t, l, linked)
	raw, err := base64.RawURLEncoding.DecodeString(made)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what, token string) {
		t.Helper()
		if key, err := l.Open(t.Context(), token); !fault.Is(err, fault.Unauthorized) || key != "" {
			t.Errorf("%s: %q %v", what, key, err)
		}
	}
	for i := range raw { // every bit of it counts
		for bit := range 8 {
			changed := append([]byte(nil), raw...)
			changed[i] ^= 1 << bit
			refused("a flipped bit", base64.RawURLEncoding.EncodeToString(changed))
		}
	}
	for i := range len(made) { // and every letter: no other spelling of the same bytes passes
		for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=.%\n" {
			if byte(c) != made[i] {
				refused("another letter", made[:i]+string(c)+made[i+1:])
			}
		}
		refused("a shorter one", made[:i])
		refused("a line end", made[:i]+"\n"+made[i:])
	}
	for _, longer := range []string{"A", "=", "==", "\r\n", " ", ".", "%00", made} {
		refused("a longer one", made+longer)
	}
	refused("nothing", "")
	refused("another's", token(t, linksAt(otherLinkKey, linkMade), linked))
	refused("too long a one", strings.Repeat("A", 1<<20))
}

func TestLinksKeys(t *testing.T) {
	made := token(t, linksAt(otherLinkKey, linkMade), linked)
	if _, err := linksAt(linkKey+"\n"+otherLinkKey+"\n", linkMade).Open(t.Context(), made); err != nil {
		t.Errorf("the key before the last one: %v", err)
	}
	if got := token(t, linksAt(linkKey+" "+otherLinkKey, linkMade), linked); got != token(t, linksAt(linkKey, linkMade), linked) {
		t.Error("the newest key does not sign")
	}
	for _, text := range []string{"", " ", "short", linkKey + " short"} {
		if _, err := linksAt(text, linkMade).Open(t.Context(), made); !fault.Is(err, fault.Internal) {
			t.Errorf("%q: %v", text, err)
		}
	}
	l := linksAt("", linkMade)
	for give, want := range map[error]fault.Kind{
		fault.New(fault.NotFound, "A secret is missing."): fault.Internal, fault.New(fault.Unavailable, "Away."): fault.Unavailable} {
		l.Secrets = linkSecret{err: give}
		if _, err := l.Token(t.Context(), linked); fault.From(err).Kind != want || !errors.Is(err, give) {
			t.Errorf("%v gives %v", give, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	l := linksAt(linkKey, linkMade)
	made := token(f, l, linked)
	for _, s := range []string{made, "", "A", made[1:], made + "A", "..", "reports/a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, err := l.Open(context.Background(), s)
		if err == nil && (s != made || key != linked) {
			t.Errorf("%q opened %q", s, key)
		}
		if err != nil && !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%q: %v", s, err)
		}
	})
}
