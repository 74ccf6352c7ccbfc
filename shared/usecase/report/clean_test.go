package report

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestCleanLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in    string
		limit int
		want  string
	}{
		{"", 10, ""},
		{"  a \t\n b  ", 10, "a b"},
		{"a\x00\x1b[31mb\x7f\u0085c", 20, "a[31mb c"},
		{"\u202eevil\u202c \u2066x\u2069\u200b\ufeff", 20, "evil x"},
		{"\xffa\xc3", 20, "\ufffda\ufffd"},
		{"abcdef", 6, "abcdef"},
		{"abcdefg", 6, "abcde…"},
		{"abcde fg", 6, "abcde…"},
		{"abcd efg", 6, "abcd…"},
		{"a" + strings.Repeat("\u0301", 50) + "b", 20, "a\u0301\u0301\u0301\u0301b"},
		{"👨\u200d👩\u200d👧", 20, "👨\u200d👩\u200d👧"},
		{"👨\u200d👩\u200d👧", 3, "👨…"},
		{"مرحبا", 20, "مرحبا"},
		{"x", 0, "…"},
	} {
		if got := cleanLine(c.in, c.limit); got != c.want {
			t.Errorf("%q, %d: %q, want %q", c.in, c.limit, got, c.want)
		}
	}
	if got := cleanLines(" a \r\n b\n\n\n\nc\u2028d ", 50); got != "a\n\nb\n\nc\nd" && got != "a\nb\n\nc\nd" {
		t.Errorf("%q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		s, limit := rapid.String().Draw(t, "text"), rapid.IntRange(1, 30).Draw(t, "limit")
		got := cleanLines(s, limit)
		if utf8.RuneCountInString(got) > limit || !utf8.ValidString(got) || cleanLines(got, limit) != got {
			t.Fatalf("%q, %d: %q", s, limit, got)
		}
	})
}

func TestSafeLink(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                                        "",
		"https://x.example.com/a?b=1&c=2#d":       "https://x.example.com/a?b=1&c=2#d",
		"HTTPS://x.example.com/":                  "https://x.example.com/",
		"https://x.example.com/a b\"<>'\u202eé":   "https://x.example.com/a%20b%22%3C%3E%27%E2%80%AE%C3%A9",
		"http://x.example.com/":                   "",
		"http://127.0.0.1:3000/view/t":            "http://127.0.0.1:3000/view/t",
		"http://127.0.0.1:3001/view/t":            "",
		"http://127.0.0.1:3000@evil.example.com/": "",
		"https://user:pass@x.example.com/":        "",
		"//x.example.com/":                        "",
		"/view/t":                                 "",
		"#top":                                    "",
		"https:x.example.com":                     "",
		"https:///x":                              "",
		"https://:443/":                           "",
		"https://[::1]:8443/":                     "https://[::1]:8443/",
		"https://x\u0430.example.com/":            "",
		"https://x%22.example.com/":               "",
		"javascript:alert(1)":                     "",
		"java\nscript:alert(1)":                   "",
		" https://x.example.com/":                 "",
		"data:text/html,x":                        "",
		"ftp://x.example.com/":                    "",
		"https://x.example.com/" + strings.Repeat("a", maxLinkBytes):   "",
		"https://x.example.com/" + strings.Repeat("é", maxLinkBytes/3): "",
	} {
		if got := safeLink(in, "http://127.0.0.1:3000"); got != want {
			t.Errorf("%.80q: %.120q, want %q", in, got, want)
		}
	}
	if got := safeLink("http://127.0.0.1:3000/", ""); got != "" {
		t.Error(got)
	}
}
