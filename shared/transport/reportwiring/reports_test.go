package reportwiring_test

import (
	"maps"
	"strings"
	"testing"

	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/reportwiring"
)

// What a deployment lacks for its reports is told when a function starts, and is no reason not to.
func TestNewMaker(t *testing.T) {
	whole := map[string]string{"ASSISTANTS_TABLE": "a", "CALLS_TABLE": "c", "LEDGER_TABLE": "l", "BUCKET": "b", "OPENAI_SECRET": "o", "TOOL_SECRETS": "t/",
		"DEFAULT_MODEL": "one, two", "LINKS_SECRET": "k", "MAIL_FROM": "aurora@example.com", "PUBLIC_URL": "https://aurora.example.com"}
	read := func(change map[string]string) *lambdaapp.Settings {
		env := maps.Clone(whole)
		maps.Copy(env, change)
		s := lambdaapp.NewSettings(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
		m := reportwiring.NewMaker(s, reportwiring.APITiming)
		if len(m.Models) != 2 && env["DEFAULT_MODEL"] != "" || m.Mail.Ready() != (env["MAIL_FROM"] != "") || m.PublicURL != env["PUBLIC_URL"] {
			t.Errorf("%v: %+v", change, m)
		}
		return s
	}
	if s := read(nil); s.Err() != nil || len(s.Warnings()) > 0 {
		t.Errorf("%v, %v", s.Err(), s.Warnings())
	}
	for name := range whole {
		s := read(map[string]string{name: ""})
		if optional := name == "MAIL_FROM" || name == "PUBLIC_URL"; optional {
			if s.Err() != nil || len(s.Warnings()) != 1 || !strings.Contains(s.Warnings()[0], name) {
				t.Errorf("without %s: %v, %v", name, s.Err(), s.Warnings())
			}
		} else if s.Err() == nil || !strings.Contains(s.Err().Error(), name) {
			t.Errorf("without %s: %v", name, s.Err())
		}
	}
}
