package report

import (
	"strings"
	"testing"
)

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
			t.Errorf("the link of %.80q is %.120q, want %q", in, got, want)
		}
	}
	if got := safeLink("http://127.0.0.1:3000/", ""); got != "" {
		t.Errorf("an http link without PUBLIC_URL is %q, want none", got)
	}
}
