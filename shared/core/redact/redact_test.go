package redact_test

import (
	"strings"
	"testing"

	"example.com/aurora/shared/core/redact"
)

const hex32 = "0123456789abcdef0123456789abcdef"

func TestText(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"our key":             {"with aur_api_0123456789abcdef.", "with [redacted]."},
		"a model server's":    {"sk-proj-abcdefghijklmnop", "[redacted]"},
		"a Twilio account":    {"AC" + hex32 + " is", "[redacted] is"},
		"a Twilio token":      {"token " + hex32, "token [redacted]"},
		"a bearer token":      {"Bearer abcdefghijklmnop.qrstuv", "[redacted]"},
		"a phone number":      {"call +14155550123 now", "call +14******123 now"},
		"a mail address":      {"to dana@example.com, please", "to [redacted], please"},
		"a signature":         {"?X-Amz-Signature=abcdef0123456789&a=b", "?[redacted]&a=b"},
		"a key in an address": {`Post "https://llm.example.com/v1/chat?api-version=1&api_key=0123&b=2": EOF`, `Post "https://llm.example.com/v1/chat?api-version=1&[redacted]&b=2": EOF`},
		"a token in a query":  {"wss://voice.example.com/s?accessToken=abc#d", "wss://voice.example.com/s?[redacted]#d"},
		"a count of tokens":   {"tokens=5 of maxTokens=7", "tokens=5 of maxTokens=7"},
		"a report link":       {"https://a.example.com/api/reports/view#AQAAAABq_cIgcmVwb3J0cy9yaWxleS93ZWVrbHkvMjAyNi0xMS0xNlQwMDAwL3JlcG9ydC5odG1s2dNI.", "https://a.example.com/api/reports/view#[redacted]."},
		"a hash in a key":     {"eoc/_/undated/g-" + hex32 + ".json", "eoc/_/undated/g-" + hex32 + ".json"},
		"a hash after a /":    {"unrecognised/x/2026/11/22/" + hex32 + ".json", "unrecognised/x/2026/11/22/" + hex32 + ".json"},
		"too short for any":   {"sk-1", "sk-1"},
		"nothing to look for": {"the call ended", "the call ended"},
	} {
		if got := redact.Text(c.in); got != c.want {
			t.Errorf("%s: Text(%q) = %q, want %q", name, c.in, got, c.want)
		}
	}
}

func TestSecret(t *testing.T) {
	if got := redact.Secret("a my-secret b my-secret", "my-secret"); got != "a [redacted] b [redacted]" {
		t.Errorf("Secret = %q", got)
	}
	if got := redact.Secret("a short b", "short"); got != "a short b" {
		t.Errorf("a short secret was looked for: %q", got)
	}
}

func TestCredentials(t *testing.T) {
	for name, c := range map[string]struct {
		in, want string
		n        int
	}{
		"nothing":                   {"I would like to book a table.", "I would like to book a table.", 0},
		"a model server's key":      {"use sk-abcdefghijklmnopqrstuvwx now", "use [removed] now", 1},
		"a short sk- word":          {"the sk-learn package", "the sk-learn package", 0},
		"our key":                   {"aur_api_" + hex32, "[removed]", 1},
		"a bearer token":            {"Authorization: BEARER abcdefghijklmnopqrstuvwx==", "Authorization: BEARER [removed]", 1},
		"a secret in a query":       {"https://x.example.com/?api_key=1&b=2", "https://x.example.com/?api_key=[removed]&b=2", 1},
		"removed before":            {"https://x.example.com/?api_key=[removed]&b=2", "https://x.example.com/?api_key=[removed]&b=2", 0},
		"a Twilio token":            {"the token is " + hex32 + ".", "the token is [removed].", 1},
		"two Twilio tokens":         {hex32 + " " + hex32, "[removed] [removed]", 2},
		"nothing but 32 digits":     {hex32, hex32, 0},
		"33 digits":                 {"the token is " + hex32 + "0", "the token is " + hex32 + "0", 0},
		"a call's id":               {"CA" + hex32 + " ended", "CA" + hex32 + " ended", 0},
		"the hash of an object key": {"stored as eoc/_/undated/g-" + hex32 + ".json", "stored as eoc/_/undated/g-" + hex32 + ".json", 0},
		"a recording link":          {"https://rec.example.com/a?t=" + hex32, "https://rec.example.com/a?t=" + hex32, 0},
		"a phone number stays":      {"call +14155550123 or dana@example.com", "call +14155550123 or dana@example.com", 0},
	} {
		if got, n := redact.Credentials(c.in); got != c.want || n != c.n {
			t.Errorf("%s: Credentials(%q) = %q, %d; want %q, %d", name, c.in, got, n, c.want, c.n)
		}
		if again, n := redact.Credentials(c.want); again != c.want || n != 0 {
			t.Errorf("%s: a second pass changed %q to %q and removed %d", name, c.want, again, n)
		}
	}
}

func TestIsCredentialName(t *testing.T) {
	for _, yes := range []string{"twilioAuthToken", "auth_token", "X-Vapi-Secret", "Authorization", "clientSecret", "API-Key", "passwords", "jwt", "Set-Cookie"} {
		if !redact.IsCredentialName(yes) {
			t.Errorf("%q does not count as a credential's name", yes)
		}
	}
	for _, no := range []string{"promptTokens", "credentialId", "id", "key", "the password was my secret", "tokenizer", strings.Repeat("x", 200) + "token"} {
		if redact.IsCredentialName(no) {
			t.Errorf("%q counts as a credential's name", no)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add("call +14155550123 with aur_api_0123456789abcdef")
	f.Fuzz(func(t *testing.T, s string) {
		got := redact.Text(s + " +14155550199 aur_api_0123456789abcdef ")
		if strings.Contains(got, "5550199") || strings.Contains(got, "0123456789abcdef") {
			t.Errorf("leaked in %q", got)
		}
	})
}

func FuzzCredentials(f *testing.F) {
	f.Add("see https://x.example.com/?secret=abc and " + hex32 + " too")
	f.Fuzz(func(t *testing.T, s string) {
		once, _ := redact.Credentials(s + " sk-abcdefghijklmnopqrstuvwx ")
		if strings.Contains(once, "sk-abcdefghijklmnopqrstuvwx") {
			t.Errorf("leaked in %q", once)
		}
		if twice, n := redact.Credentials(once); n != 0 || twice != once {
			t.Errorf("a second pass changed %q to %q", once, twice)
		}
	})
}
