package erasure

import (
	"encoding/json"
	"strings"
	"testing"

	"example.com/aurora/shared/core/aurora"
)

func TestNumberInTexts(t *testing.T) {
	const us, mexican, british, brazilian aurora.Phone = "+14155550123", "+525512345678", "+442079460958", "+5511987654321"
	for name, c := range map[string]struct {
		number aurora.Phone
		text   string
		want   string // "" if the number is not in the text
	}{
		"E.164":                             {us, "call +14155550123 now", "call [erased] now"},
		"national with hyphens":             {us, "call 415-555-0123, please", "call [erased], please"},
		"national in parentheses":           {us, "call (415) 555.0123", "call [erased]"},
		"NANP without a plus":               {us, "1 415 555 0123", "[erased]"},
		"00 for the plus":                   {us, "0014155550123", "[erased]"},
		"011 from the United States":        {british, "011 44 20 7946 0958", "[erased]"},
		"twice":                             {us, "+14155550123 or 4155550123", "[erased] or [erased]"},
		"beside another number":             {us, "4155550123 4155550124", "[erased] 4155550124"},
		"a number of digits behind it":      {us, "call 4155550123 2 times", "call [erased] 2 times"},
		"full-width digits":                 {us, "４１５－５５５－０１２３", "[erased]"},
		"in an address":                     {us, "sip:+14155550123@example.com", "sip:[erased]@example.com"},
		"escaped in a URL":                  {us, "?from=%2B14155550123&to=x", "?from=%2B[erased]&to=x"},
		"trunk prefix":                      {british, "+44 (0)20 7946 0958", "[erased]"},
		"national with a zero":              {british, "020 7946 0958", "[erased]"},
		"Mexico with its old 1":             {mexican, "+5215512345678", "[erased]"},
		"Brazil without its 9":              {brazilian, "+55 11 8765 4321", "[erased]"},
		"UTF-16":                            {us, "4\x001\x005\x005\x005\x005\x000\x001\x002\x003\x00", "[erased]\x00"},
		"another number":                    {us, "+14155550124", ""},
		"part of a longer number":           {us, "1714155550123", ""},
		"a time in milliseconds":            {us, "41555501230", ""},
		"the end of another country's":      {us, "+914155550123", ""},
		"the end of another one in groups":  {us, "+91 415 555 0123", ""},
		"digits that are far apart":         {us, "415 people, 555 0123", ""},
		"words between":                     {us, "415 and 5550123", ""},
		"no digits":                         {us, "hello", ""},
		"digits of a date and the rest":     {us, "2026-11-25T10:00:00Z", ""},
		"the same last digits, other code":  {us, "+442155550123", ""},
		"another one in front, with spaces": {us, "+1 415 555 0124 415 555 0123", "+1 415 555 0124 [erased]"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMatcher(c.number)
			want := c.want
			if want == "" {
				want = c.text
			}
			if got := m.remove(c.text); got != want || m.in(c.text) != (c.want != "") {
				t.Errorf("%q becomes %q, found %v; want %q", c.text, got, m.in(c.text), want)
			}
		})
	}
}

func TestNumberInJSON(t *testing.T) {
	m := newMatcher("+14155550123")
	for text, want := range map[string]string{
		`{"n":14155550123,"s":"+14155550123"}`:               `{"n":null,"s":"[erased]"}`,
		`{"s":"415\u00a0555\u20110123"}`:                     `{"s":"[erased]"}`,
		`{"s":"\uff14\uff11\uff15 555 0123 \u00e9"}`:         `{"s":"[erased] \u00e9"}`,
		`{"s":"\"quoted\" 4155550123","n":[4155550123]}`:     `{"s":"\"quoted\" [erased]","n":[null]}`,
		`{"timestamp":1795014286704,"id":"415-555-0123-ab"}`: `{"timestamp":1795014286704,"id":"[erased]-ab"}`,
		`{"n":[-4155550123,4155550123.5,1e5]}`:               `{"n":[null,null,1e5]}`,
		`{"s":"nothing","n":4155550124}`:                     `{"s":"nothing","n":4155550124}`,
		`{"s":"line\n415 555 0123\nline"}`:                   `{"s":"line\n[erased]\nline"}`,
	} {
		got := string(m.removeFromBody([]byte(text)))
		if got != want || !json.Valid([]byte(got)) {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
	}
}

// No text makes the search fail or leaves the number in it, and a document that is JSON stays JSON.
func FuzzRemoveNumber(f *testing.F) {
	for _, s := range []string{`{"a":"+1 415 555 0123","b":4155550123}`, "4155550123", `"\u0034155550123`, "+(415)5550123\\", "٤١٥٥٥٥٠١٢٣"} {
		f.Add(s)
	}
	m := newMatcher("+14155550123")
	f.Fuzz(func(t *testing.T, s string) {
		body := m.removeFromBody([]byte(s))
		if m.inBody(body) && !strings.Contains(s, Erased) {
			t.Errorf("%q becomes %q, in which the number still stands", s, body)
		}
		if isJSON([]byte(s)) && json.Valid([]byte(s)) && !json.Valid(body) {
			t.Errorf("%s becomes %s, which is not JSON", s, body)
		}
	})
}
