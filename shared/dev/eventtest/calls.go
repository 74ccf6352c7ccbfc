package eventtest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/fakeledger"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/callapi"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/outbound"
)

// The keys in the cases of the call routes: of our own tools, of a partner, and of a partner that may call for one
// assistant only.
const (
	InternalKey = "aur_internal_0123456789abcdef0123456789abcdef"
	ExternalKey = "aur_external_0123456789abcdef0123456789abcdef"
	ScopedKey   = "aur_external_scoped0123456789abcdef0123456789"
)

// RunCalls sends the cases of a function that places calls to it, each with an empty ledger. It observes the answer and
// the calls that the telephone provider was asked for.
func RunCalls(t *testing.T, function, route string, newFunction func(route web.HandlerFunc, keys auth.KeySource) *web.Function) {
	t.Helper()
	Run(t, function, func(t *testing.T, _ *eventcase.Case, event json.RawMessage) Observed {
		provider := &fakeProvider{}
		service := &outbound.Service{Assistants: testkit.NewAssistants(riley, avery), Ledger: fakeledger.New(noon), Provider: provider, Guards: guards(t),
			StreamURL: "wss://voice.example.com/stream", Now: noon, NewID: func() string { return "record-1" }}
		handler := callapi.PlaceHandler(service, route, riley.ID(), "https://aurora.example.com")
		o := Invoke(t, newFunction(handler, CallKeys()), event)
		o.Effects = map[string]any{"calls": provider.calls}
		return o
	})
}

// noon is a time at which every number may be called.
func noon() time.Time { return time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC) }

func guards(t *testing.T) outbound.Guards {
	t.Helper()
	countries, err := contact.ParseCountries("*")
	if err != nil {
		t.Fatal(err)
	}
	return outbound.Guards{Countries: countries, DefaultRegion: "US", Limits: outbound.Limits{KeyPerMinute: 10, KeyPerDay: 500,
		DestinationPerDay: 20, CountryPerDay: 200, SpendPerDay: 50_000_000, EstimatePerCall: 100_000}}
}

// fakeProvider accepts every call and notes it.
type fakeProvider struct{ calls []string }

func (p *fakeProvider) CreateCall(_ context.Context, r aurora.CallRequest) (string, error) {
	p.calls = append(p.calls, fmt.Sprintf("call %s from %s for %s, record %s, status to %s", r.To, r.From, r.AssistantID, r.RecordID, r.StatusURL))
	return "CAdfbe15114bfabe08c3c017dcdea96264", nil
}

func (p *fakeProvider) ListCalls(context.Context, aurora.Phone, aurora.Phone, time.Time) ([]aurora.ProviderCall, error) {
	return nil, fault.New(fault.Unavailable, "Nothing is listed here.")
}

// CallKeys returns the live keys in the cases of the call routes.
func CallKeys() auth.KeySource {
	scoped := fmt.Sprintf(`{"digest":"%x","name":"scoped","assistants":["%s"]}`, sha256.Sum256([]byte(ScopedKey)), avery.ID())
	return &auth.KeyStore{
		Secrets:     &testkit.Secrets{Values: map[string]string{"internal": `["` + InternalKey + `"]`, "external": `["` + ExternalKey + `",` + scoped + `]`}},
		Now:         time.Now,
		SecretNames: map[auth.KeyKind]string{auth.KindInternal: "internal", auth.KindExternal: "external"},
	}
}
