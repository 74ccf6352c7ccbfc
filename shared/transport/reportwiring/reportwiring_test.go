package reportwiring_test

import (
	"maps"
	"strings"
	"testing"

	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/reportwiring"
)

// A function without a sender or a public URL starts with a warning. Without any other setting it does not start.
func TestNewMaker(t *testing.T) {
	complete := map[string]string{"ASSISTANTS_TABLE": "a", "CALLS_TABLE": "c", "LEDGER_TABLE": "l", "BUCKET": "b", "OPENAI_SECRET": "o", "MODEL_SECRETS": "t/",
		"DEFAULT_MODEL": "one, two", "LINKS_SECRET": "k", "MAIL_FROM": "aurora@example.com", "PUBLIC_URL": "https://aurora.example.com"}
	read := func(change map[string]string) *lambdaapp.Settings {
		env := maps.Clone(complete)
		maps.Copy(env, change)
		s := lambdaapp.NewSettings(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
		m := reportwiring.NewMaker(s, reportwiring.APITiming)
		if len(m.Models) != 2 && env["DEFAULT_MODEL"] != "" || m.Mail.Ready() != (env["MAIL_FROM"] != "") || m.PublicURL != env["PUBLIC_URL"] {
			t.Errorf("with %v: models %v, mail ready %v, public URL %q", change, m.Models, m.Mail.Ready(), m.PublicURL)
		}
		return s
	}
	if s := read(nil); s.Err() != nil || len(s.Warnings()) > 0 {
		t.Errorf("with all settings: error %v, warnings %v; want none", s.Err(), s.Warnings())
	}
	for name := range complete {
		s := read(map[string]string{name: ""})
		if isOptional := name == "MAIL_FROM" || name == "PUBLIC_URL"; isOptional {
			if s.Err() != nil || len(s.Warnings()) != 1 || !strings.Contains(s.Warnings()[0], name) {
				t.Errorf("without %s: error %v, warnings %v; want one warning that names it", name, s.Err(), s.Warnings())
			}
		} else if s.Err() == nil || !strings.Contains(s.Err().Error(), name) {
			t.Errorf("without %s: error %v, want one that names it", name, s.Err())
		}
	}
}
