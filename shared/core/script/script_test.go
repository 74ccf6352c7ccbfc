package script_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/script"
)

func noon() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

func same(s string) string { return s }

func TestGreeting(t *testing.T) {
	outbound := &aurora.OutboundContext{Name: "Ann \x00<Lee>", Info: "a delivery"}
	for name, c := range map[string]struct {
		text  string
		facts script.Facts
		want  string
	}{
		"nothing":              {"", script.Facts{}, ""},
		"only space":           {" \n\t", script.Facts{}, ""},
		"plain words":          {"Hello, this is Avery.", script.Facts{}, "Hello, this is Avery."},
		"lines":                {"Hello,\n\n  this is Avery.\x07", script.Facts{}, "Hello, this is Avery."},
		"variables":            {"Hi {{ outbound_call.name }}, {{ assistant_name }} about {{ outbound_call.info }}.", script.Facts{Outbound: outbound}, "Hi Ann <Lee>, Avery about a delivery."},
		"no such variable":     {"Hi{{ outbound_call.name }}!", script.Facts{}, "Hi!"},
		"a withheld number":    {"You call from {{ caller_phone_number }}.", script.Facts{CallerNumber: "+266696687"}, "You call from ."},
		"a template that ends": {"Hello. {% if", script.Facts{}, "Hello."},
		"the time":             {`It is {{ "now" | date: "%H" }}.`, script.Facts{}, "It is 12."},
	} {
		c.facts.Now = noon
		a := aurora.Assistant{Configuration: aurora.Configuration{AssistantName: "Avery", AssistantFirstMessage: aurora.Text(c.text)}}
		if got := script.Greeting(t.Context(), a, c.facts, same); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// A greeting is bounded in characters, and in characters as escaped XML.
func TestLongGreeting(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want int // characters
	}{
		"1000 characters":  {strings.Repeat("a", 1000), 1000},
		"1001 characters":  {strings.Repeat("a", 1001), 1000},
		"sentences":        {strings.Repeat("This is a sentence. ", 200), 999},
		"words":            {strings.Repeat("word ", 400), 999},
		"quotes":           {strings.Repeat(`"`, 4000), 333},
		"Chinese":          {strings.Repeat("你好。", 500), 999},
		"four-byte runes":  {strings.Repeat("👋", 1500), 1000},
		"invalid at 1,000": {strings.Repeat("a", 999) + "\xff\xfe" + strings.Repeat("b", 10), 1000},
	} {
		a := aurora.Assistant{Configuration: aurora.Configuration{AssistantFirstMessage: aurora.Text(c.text)}}
		got := script.Greeting(t.Context(), a, script.Facts{Now: noon}, same)
		if n := utf8.RuneCountInString(got); n != c.want || !utf8.ValidString(got) {
			t.Errorf("%s: %d characters, want %d: %.40q", name, n, c.want, got)
		}
	}
}

func TestNotice(t *testing.T) {
	for _, c := range []struct{ notice, language, want string }{
		{"", "", "This call is recorded."},
		{"", "es-MX", "Esta llamada se graba."},
		{"", "ga", "This call is recorded."},
		{" We record\ncalls. ", "es", "We record calls."},
		{strings.Repeat("b", 1001), "", strings.Repeat("b", 1000)},
	} {
		a := aurora.Assistant{Language: c.language, Recording: aurora.RecordingSettings{Notice: c.notice}}
		if got := script.Notice(a); got != c.want {
			t.Errorf("%q in %q: %q, want %q", c.notice, c.language, got, c.want)
		}
	}
}

// Every language has all sentences.
func TestSentences(t *testing.T) {
	for _, tag := range []string{"", "en", "es", "fr-CA", "DE", "pt-BR", "it", "nl", "xx", "e"} {
		s := script.In(tag)
		for _, sentence := range []string{s.Apology, s.Connecting, s.NoService, s.Busy, s.NoAnswer, s.Notice, s.StillThere, s.Goodbye} {
			if sentence == "" {
				t.Errorf("%q: a sentence is missing in %+v", tag, s)
			}
		}
	}
}
