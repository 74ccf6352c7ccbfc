package callwiring_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/aurora/shared/transport/callwiring"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/usecase/outbound"
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

type fakePlacer struct{ request outbound.Request }

func (p *fakePlacer) Place(_ context.Context, r outbound.Request) (outbound.PlacedCall, error) {
	p.request = r
	return outbound.PlacedCall{AssistantNumber: "4639465275", Name: r.Name, Number: r.PhoneNumber, SID: "CAdfbe15114bfabe08c3c017dcdea96264", Replayed: r.IdempotencyKey == "again"}, nil
}

// The document's own example, letter by letter.
func TestPlaceHandler(t *testing.T) {
	p := &fakePlacer{}
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/api/hyperscale/outbound-call", strings.NewReader(`{"phoneNumber":"+14155550100","name":"John Doe","info":"Some relevant info"}`))
	r.Header.Set("Idempotency-Key", "again")
	if err := callwiring.PlaceHandler(p, outbound.RouteHyperscale, "a1", "https://aurora.example.com/")(w, r); err != nil {
		t.Fatal(err)
	}
	want := `{"data":"Call initiated from assistaintPhoneNumber = 4639465275 to John Doe at +14155550100. Call sid = CAdfbe15114bfabe08c3c017dcdea96264","status":"success"}`
	if w.Code != 200 || w.Body.String() != want || w.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("%d %v\n%s\n%s", w.Code, w.Header(), w.Body, want)
	}
	if p.request.AssistantID != "a1" || p.request.PublicURL != "https://aurora.example.com" || p.request.Info != "Some relevant info" {
		t.Errorf("asked %+v", p.request)
	}
	r = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(`{}`))
	r.Header["Idempotency-Key"] = []string{"a", "b"}
	if err := callwiring.PlaceHandler(p, outbound.RouteHyperscale, "a1", "")(w, r); err == nil {
		t.Error("two keys were taken for one")
	}
}
