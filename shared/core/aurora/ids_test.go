package aurora_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"example.com/aurora/shared/core/aurora"
)

// The checks are loops because a compiled expression costs time at each cold start.
func TestIDChecksMatchRegexps(t *testing.T) {
	safe, call := regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`), regexp.MustCompile(`^CA[0-9a-fA-F]{32}$`)
	same := func(t interface{ Errorf(string, ...any) }, s string) {
		if got := aurora.IsSafeID(s); got != safe.MatchString(s) {
			t.Errorf("IsSafeID(%q) = %t, the expression says the opposite", s, got)
		}
		if got := aurora.IsCallSID(s); got != call.MatchString(s) {
			t.Errorf("IsCallSID(%q) = %t, the expression says the opposite", s, got)
		}
	}
	sid := "CA" + strings.Repeat("0", 32)
	for c := range 0x100 { // each byte, in its own place
		same(t, sid[:17]+string([]byte{byte(c)})+sid[18:])
		same(t, string([]byte{byte(c)}))
	}
	for _, s := range []string{"", sid, sid + "\n", sid + "0", sid[:33], "AC" + sid[2:], strings.Repeat("a", 64), strings.Repeat("a", 65)} {
		same(t, s)
	}
	rapid.Check(t, func(t *rapid.T) {
		same(t, rapid.OneOf(rapid.String(), rapid.StringMatching(`(CA)?[0-9a-gA-G_-]{30,66}`)).Draw(t, "s"))
	})
}
