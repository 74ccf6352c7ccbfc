package toolwiring_test

import (
	"testing"

	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/toolwiring"
)

// Without valid rules the kit has no guard, so no tool sends a message. A nil pointer would not be a missing guard.
func TestInvalidRulesLeaveNoGuard(t *testing.T) {
	testkit.DiscardLog(t)
	for limit, want := range map[string]bool{"": true, "7": true, "0": false, "many": false} {
		env := map[string]string{"ASSISTANTS_TABLE": "a", "LEDGER_TABLE": "l", "CALLS_TABLE": "c", "TWILIO_SECRET": "t", "TOOL_SECRETS": "s/", "LIMIT_SMS_PER_DAY": limit}
		s := lambdaapp.NewSettings(func(name string) (string, bool) { v, ok := env[name]; return v, ok })
		kit := toolwiring.ReadSettings(s).NewKit()
		if err := s.Err(); err != nil || (kit.Contacts != nil) != want {
			t.Errorf("LIMIT_SMS_PER_DAY=%q: guard %v, error %v; want a guard: %t, and a function that starts", limit, kit.Contacts, err, want)
		}
	}
}
