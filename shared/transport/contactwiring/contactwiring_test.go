package contactwiring_test

import (
	"testing"

	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/contactwiring"
	"example.com/aurora/shared/transport/lambdaapp"
)

func read(settings map[string]string) (*contact.Guard, error) {
	s := lambdaapp.NewSettings(func(name string) (string, bool) { v, ok := settings[name]; return v, ok })
	return contactwiring.ReadGuard(s, nil, nil), s.Err()
}

func TestDefaults(t *testing.T) {
	g, err := read(nil)
	if err != nil || g == nil {
		t.Fatalf("guard %v, error %v", g, err)
	}
	want := contact.MessageLimits{TextsToNumberPerMinute: 5, TextsToNumberPerDay: 20, TextsOfAssistantPerDay: 300, TextsToCountryPerDay: 500, TextsPerDay: 1000,
		TextPartEstimate: 50_000, SpendPerDay: 50_000_000, OfKey: 50, MailsOfAssistantPerDay: 200, MailsToAddressPerDay: 400}
	if g.Limits != want || g.Countries.Allows("US") {
		t.Errorf("limits %+v, want %+v, and no country", g.Limits, want)
	}
	if g, _ := read(map[string]string{"ALLOWED_COUNTRIES": "US"}); !g.Countries.Allows("US") || g.Countries.Allows("CA") {
		t.Error("want the USA allowed and no other country")
	}
	if first, second := g.NewID(), g.NewID(); first == second {
		t.Error("two ids are equal")
	}
}

// A rule with a typing error must not act as a rule that is switched off, and the function must start.
func TestInvalidRules(t *testing.T) {
	testkit.DiscardLog(t)
	for _, name := range []string{"ALLOWED_COUNTRIES", "LIMIT_SPEND_PER_DAY_USD", "SMS_ESTIMATE_USD", "LIMIT_KEY_SHARE_PERCENT", "LIMIT_SMS_DESTINATION_PER_MINUTE", "LIMIT_SMS_DESTINATION_PER_DAY",
		"LIMIT_SMS_ASSISTANT_PER_DAY", "LIMIT_SMS_COUNTRY_PER_DAY", "LIMIT_SMS_PER_DAY", "LIMIT_MAIL_ASSISTANT_PER_DAY", "LIMIT_MAIL_DESTINATION_PER_DAY"} {
		if g, err := read(map[string]string{name: "-1"}); g != nil || err != nil {
			t.Errorf("%s=-1: guard %v, error %v; want no guard, and a function that starts", name, g, err)
		}
	}
}
