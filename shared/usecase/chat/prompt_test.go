package chat_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/chat"
)

// renderPrompt returns the prompt that the model gets for a template, in a time zone and at a time.
func renderPrompt(t *testing.T, template, zone string, at time.Time, variables map[string]any) string {
	t.Helper()
	a := storedAssistant("a1", template)
	a.TimeZone, a.OrgName, a.AssistantName, a.AssistantPhoneNumber = aurora.Text(zone), "Harbor Dental", "Riley", "+15551230100"
	m := &recordingModel{}
	s := &chat.Service{Assistants: testkit.NewAssistants(a), Chain: singleModel(m), Now: func() time.Time { return at }}
	turn, err := s.Turn(t.Context(), chat.Request{TargetAssistantID: "a1", Messages: userSaysHi, Customer: chat.Customer{Number: "+15557654321", Name: "Dana"},
		Session: &chat.Session{ID: "c1", ContextVariables: variables}})
	if err != nil {
		t.Fatal(err)
	}
	endOf(t, turn)
	if first := m.request.Messages[0]; first.Role == agent.RoleSystem {
		return first.Content
	}
	return ""
}

func TestDateFilter(t *testing.T) {
	const clock = `{{ "now" | date: "%Y-%m-%d %H:%M" }}`
	for _, c := range []struct{ template, zone, at, want string }{
		{clock, "Europe/Bucharest", "2026-03-29T00:59:59Z", "2026-03-29 02:59"},
		{clock, "Europe/Bucharest", "2026-03-29T01:00:00Z", "2026-03-29 04:00"}, // this hour is skipped: summer time begins
		{clock, "America/New_York", "2026-11-01T05:30:00Z", "2026-11-01 01:30"},
		{clock, "America/New_York", "2026-11-01T06:30:00Z", "2026-11-01 01:30"}, // this hour comes twice: summer time ends
		{clock, "", "2026-11-01T06:30:00Z", "2026-11-01 06:30"},
		{clock, "Nowhere/City", "2026-11-01T06:30:00Z", "2026-11-01 06:30"},
		{`{{ now | date: "%A %-d %B" }}`, "Asia/Kolkata", "2026-12-31T18:30:00Z", "Friday 1 January"},
		{`{{ "today" | date: "%H" }}`, "Pacific/Kiritimati", "2026-01-01T00:00:00Z", "14"},
		{`{{ "now" | date: "%H:%M", "America/Los_Angeles" }}`, "Asia/Kolkata", "2026-07-01T20:00:00Z", "13:00"}, // in the form of Vapi's date filter
		{`{{ "now" | date: "%H:%M", "Nowhere" }}`, "UTC", "2026-07-01T20:00:00Z", "20:00"},
		{`{{ "2026-01-01" | date: "%A" }}`, "America/New_York", "2026-07-01T20:00:00Z", "Thursday"}, // a date without a time is the same day in every time zone
		{`{{ "2026-01-01 23:30" | date: "%d %H" }}`, "Pacific/Auckland", "2026-07-01T20:00:00Z", "01 23"},
		{`{{ "2026-01-01T00:00:00Z" | date: "%d %H" }}`, "America/New_York", "2026-07-01T20:00:00Z", "31 19"},
		{`{{ 0 | date: "%Y" }}`, "UTC", "2026-07-01T20:00:00Z", "1970"},
		{`{{ "soon" | date: "%Y" }}|{{ missing | date: "%Y" }}|{{ true | date }}`, "UTC", "2026-07-01T20:00:00Z", "soon||true"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if got := renderPrompt(t, c.template, c.zone, at, nil); got != c.want {
			t.Errorf("%s in %s at %s: %q, want %q", c.template, c.zone, c.at, got, c.want)
		}
	}
}

func TestPromptVariables(t *testing.T) {
	variables := map[string]any{"name": "{{ org_name }}{% raw %}", "n": int64(1000000), "f": 1234567.5, "l": []any{1e6, "x"}, "o": map[string]any{"k": 2e6}, "org_name": "Evil", "now": "never"}
	for template, want := range map[string]string{
		"no markup {":                  "no markup {",
		"{{ org_name }} {{ call_id }}": "Harbor Dental c1",
		"{{ customer.number }} {{ customer.name }} {{ caller_phone_number }}":                  "+15557654321 Dana +15557654321",
		"{{ assistant_id }} {{ assistant_name }} {{ assistant_phone_number }} {{ time_zone }}": "a1 Riley +15551230100 UTC",
		"[{{ unknown }}{{ unknown.deeper[3].still }}]":                                         "[]",
		"{{ name }}":                           "{{ org_name }}{% raw %}", // a value is not a template
		"{{ name | append: name }}":            "{{ org_name }}{% raw %}{{ org_name }}{% raw %}",
		"{{ n }} {{ f }} {{ l[0] }} {{ o.k }}": "1000000 1234567.5 1000000 2000000",
		"{% if n > 999999 and f < 1234568 and f > 1.5 %}many{% endif %}{{ f | times: 2 | floor }}": "many2469135",
		"{% if org_name == 'Evil' %}fooled{% endif %}":                                             "",
	} {
		if got := renderPrompt(t, template, "UTC", clock(), variables); got != want {
			t.Errorf("%s: %q, want %q", template, got, want)
		}
	}
}

// What cannot be rendered is left empty. Neither the model nor the log gets the template.
func TestBrokenTemplate(t *testing.T) {
	log := testkit.CaptureLog(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("CANARY"), 0o600); err != nil {
		t.Fatal(err)
	}
	up := strings.Repeat("../", 30) + strings.TrimPrefix(secret, "/")
	for _, broken := range []string{"{{", "{{ a | }}", "{% endif %}", "{% if secretive %}", "{{ a | secretive }}", "{{ 1 | divided_by: unknown }}", "{% unknown secretive %}",
		`{% include "` + secret + `" %}`, `{% include "` + up + `" %}`, `{% assign f = "` + up + `" %}{% include f %}`, `{% render "` + secret + `" %}`, `{% render "prompt.go" %}`,
		"{% for i in (1..1000000) %}0123456789{% endfor %}", "{% for i in (1..million) %}{% endfor %}", "{% assign s = 'x' %}{% for i in (1..99) %}{% assign s = s | append: s %}{% endfor %}"} {
		log.Reset()
		got := renderPrompt(t, "You are {{ assistant_name }}.\n"+broken+"\nBe brief.", "UTC", clock(), map[string]any{"million": 1e6})
		if want := []string{"You", "are", "Riley.", "Be", "brief."}; !slices.Equal(strings.Fields(got), want) {
			t.Errorf("%s was rendered as %.100q, want %q", broken, got, want)
		}
		if !strings.Contains(log.String(), `"event":"prompt.render_failed"`) || !strings.Contains(log.String(), `"line":2`) {
			t.Errorf("%s: no warning with the line in the log: %s", broken, log.String())
		}
		if strings.Contains(log.String(), "secretive") {
			t.Errorf("the log quotes the template: %s", log.String())
		}
	}
}

func TestCheckPrompt(t *testing.T) {
	for template, valid := range map[string]bool{"": true, "plain": true, "{{ a | date: '%H' }}": true, "{{ a | }}": false, "{% if %}": false, "{% endif %}": false,
		"{{ a | shout }}": false, "{{ 1 | divided_by: a }}": false, "{% for i in (1..1000000000) %}{% endfor %}": false} {
		if problems := chat.CheckPrompt(template); (problems == nil) != valid {
			t.Errorf("CheckPrompt(%q) = %v, want problems: %v", template, problems, !valid)
		}
	}
}

// FuzzPrompt checks that no template breaks a turn or reads a file.
func FuzzPrompt(f *testing.F) {
	for _, seed := range []string{`{{ "a" | slice: 5, 9 }}`, `{% include "../../../../../../../../etc/passwd" %}`, `{{ l | sort | join: f }}`, `{% assign a = n %}{{ a | plus: f | date: "%c" }}`,
		`{% for i in (1..n) reversed limit: f %}{% cycle "a", l %}{% endfor %}`, "{% liquid\nassign a = l\n echo a %}", "{% case n %}{% when 1 or f %}{% endcase %}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, template string) {
		if got := renderPrompt(t, template, "UTC", clock(), map[string]any{"n": int64(1), "f": 1.5, "l": []any{"a", 1.0}}); strings.Contains(got, "root:x:") && !strings.Contains(template, "root:x:") {
			t.Fatal("a file was read")
		}
	})
}
