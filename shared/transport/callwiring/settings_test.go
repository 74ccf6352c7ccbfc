package callwiring_test

import (
	"strings"
	"testing"

	"example.com/aurora/shared/transport/callwiring"
	"example.com/aurora/shared/transport/lambdaapp"
)

// newSettings returns the required settings, and changes as names and values.
func newSettings(changes ...string) *lambdaapp.Settings {
	env := map[string]string{"ASSISTANTS_TABLE": "a", "LEDGER_TABLE": "l", "TWILIO_SECRET": "t"}
	for i := 0; i < len(changes); i += 2 {
		env[changes[i]] = changes[i+1]
	}
	return lambdaapp.NewSettings(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
}

func TestDefaults(t *testing.T) {
	s := newSettings()
	service, _ := callwiring.ReadService(s, callwiring.NewSecrets())
	guards := service.Guards
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	if guards.Limits.KeyPerMinute != 10 || guards.Limits.SpendPerDay != 50_000_000 || guards.RequireConsent {
		t.Errorf("the defaults are %+v, want 10 calls per minute, 50 dollars per day and no consent", guards)
	}
	if calls, eligibility := callwiring.ReadLookups(newSettings()); calls == nil || eligibility == nil {
		t.Error("valid settings give no look-ups")
	}
}

// A rule with a typing error must not act as a rule that is switched off.
func TestInvalidRules(t *testing.T) {
	for name, value := range map[string]string{"ALLOWED_COUNTRIES": "XX", "DEFAULT_REGION": "Mars", "REQUIRE_CONSENT": "yes please", "CALLING_HOURS": "9-5",
		"LIMIT_KEY_PER_MINUTE": "0", "LIMIT_KEY_SHARE_PERCENT": "101", "LIMIT_SPEND_PER_DAY_USD": "lots", "CALL_ESTIMATE_USD": "-1"} {
		s := newSettings(name, value)
		callwiring.ReadService(s, callwiring.NewSecrets())
		if err := s.Err(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v, want an error that names the setting", name, value, err)
		}
		s = newSettings(name, value)
		if calls, eligibility := callwiring.ReadLookups(s); calls != nil || eligibility != nil {
			t.Errorf("%s=%s: the webhook got look-ups, want none", name, value)
		}
		if err := s.Err(); err != nil {
			t.Errorf("%s=%s: the webhook would not start: %v", name, value, err)
		}
	}
}
