package callwiring_test

import (
	"strings"
	"testing"

	"example.com/aurora/shared/transport/callwiring"
	"example.com/aurora/shared/transport/lambdaapp"
)

func newSettings(change ...string) *lambdaapp.Settings {
	env := map[string]string{"ASSISTANTS_TABLE": "a", "LEDGER_TABLE": "l", "TWILIO_SECRET": "t"}
	for i := 0; i < len(change); i += 2 {
		env[change[i]] = change[i+1]
	}
	return lambdaapp.NewSettings(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
}

// A rule that is mistyped must not be a rule that is off.
func TestUnreadableRules(t *testing.T) {
	s := newSettings()
	if service := callwiring.ReadService(s, callwiring.NewSecrets()); s.Err() != nil || service.Guards.Limits.KeyPerMinute != 10 || service.Guards.Limits.SpendPerDay != 50_000_000 || service.Guards.RequireConsent {
		t.Fatalf("%v, %+v", s.Err(), service.Guards)
	}
	for name, value := range map[string]string{"ALLOWED_COUNTRIES": "XX", "DEFAULT_REGION": "Mars", "REQUIRE_CONSENT": "yes please", "CALLING_HOURS": "9-5",
		"LIMIT_KEY_PER_MINUTE": "0", "LIMIT_SPEND_PER_DAY_USD": "lots", "CALL_ESTIMATE_USD": "-1"} {
		s := newSettings(name, value)
		callwiring.ReadService(s, callwiring.NewSecrets())
		if err := s.Err(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: %v", name, value, err)
		}
		s = newSettings(name, value)
		if calls, eligibility := callwiring.ReadLookups(s); calls != nil || eligibility != nil {
			t.Errorf("%s=%s: the webhook got look-ups, want none", name, value)
		}
		if err := s.Err(); err != nil {
			t.Errorf("%s=%s: the webhook would not start: %v", name, value, err)
		}
	}
	if calls, eligibility := callwiring.ReadLookups(newSettings()); calls == nil || eligibility == nil {
		t.Error("valid settings give no look-ups")
	}
}
