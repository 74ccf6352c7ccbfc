package eventtest

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/fakeledger"
	"example.com/aurora/shared/dev/golden"
	"example.com/aurora/shared/dev/openapi"
	"example.com/aurora/shared/transport/callapi"
	"example.com/aurora/shared/transport/web"
	"example.com/aurora/shared/usecase/outbound"
)

// The keys of call events at function URLs: our own tools', a partner's, and a partner's that may call for one assistant.
const (
	InternalKey = "aur_internal_0123456789abcdef0123456789abcdef"
	ExternalKey = "aur_external_0123456789abcdef0123456789abcdef"
	ScopedKey   = "aur_external_scoped0123456789abcdef0123456789"
)

// CallRoute is what the serve.go of a route that places calls makes.
type CallRoute func(route web.HandlerFunc, keys auth.KeySource) *web.Function

// Calls plays every event of a route that places calls, each with an empty ledger, and compares the answer and what the
// telephone provider was asked with what a person looked at.
func Calls(t *testing.T, name, route string, in context.Context, f CallRoute) {
	golden.Events(t, name, func(t *testing.T, name string, event json.RawMessage) {
		phone := &telephone{}
		service := &outbound.Service{Assistants: assistants{}, Ledger: fakeledger.New(noon), Provider: phone, Guards: guards(t),
			StreamURL: "wss://voice.example.com/stream", Now: noon, NewID: func() string { return "record-1" }}
		handler := callapi.PlaceHandler(service, route, "a6ff7fee-d3c3-4f1e-a24a-a11c5d750ec4", "https://aurora.example.com")
		answer, err := f(handler, CallKeys()).Invoke(in, event)
		if err != nil {
			t.Fatal(err)
		}
		seen := read(t, answer)
		seen.ContentType, seen.Body, seen.Did = seen.header.Get("Content-Type"), json.RawMessage(seen.raw), phone.dialled
		golden.JSON(t, name, seen)
		openapi.CheckEvent(t, event, seen.Status, seen.header, seen.raw)
	})
}

// noon is a time at which everybody may be called.
func noon() time.Time { return time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC) }

func guards(t *testing.T) outbound.Guards {
	t.Helper()
	countries, err := outbound.ParseCountries("*")
	if err != nil {
		t.Fatal(err)
	}
	return outbound.Guards{Countries: countries, DefaultRegion: "US", Limits: outbound.Limits{KeyPerMinute: 10, KeyPerDay: 500,
		DestinationPerDay: 20, CountryPerDay: 200, SpendPerDay: 50_000_000, EstimatePerCall: 100_000}}
}

// telephone takes every call and notes it.
type telephone struct{ dialled []string }

func (p *telephone) CreateCall(_ context.Context, d aurora.CallRequest) (string, error) {
	p.dialled = append(p.dialled, fmt.Sprintf("call %s from %s for %s, record %s, status to %s", d.To, d.From, d.AssistantID, d.RecordID, d.StatusURL))
	return "CAdfbe15114bfabe08c3c017dcdea96264", nil
}

func (p *telephone) ListCalls(context.Context, aurora.Phone, aurora.Phone, time.Time) ([]aurora.ProviderCall, error) {
	return nil, fault.New(fault.Unavailable, "Nothing is listed here.")
}

type callSecrets struct{}

func (callSecrets) Secret(_ context.Context, name string) (string, error) {
	if name == "internal" {
		return `["` + InternalKey + `"]`, nil
	}
	scoped := fmt.Sprintf(`{"digest":"%x","name":"scoped","assistants":["69299da5-c96b-4125-aed7-58a30103acaa"]}`, sha256.Sum256([]byte(ScopedKey)))
	return strings.Join([]string{`["` + ExternalKey + `"`, scoped + `]`}, ","), nil
}

// CallKeys are the live keys of call events.
func CallKeys() auth.KeySource {
	return &auth.KeyStore{Secrets: callSecrets{}, SecretNames: map[auth.KeyKind]string{auth.KindInternal: "internal", auth.KindExternal: "external"}}
}

// Answers plays every event of a function through play, which returns the answer and what else is worth keeping.
func Answers(t *testing.T, function string, play func(t *testing.T, name string, event json.RawMessage) (answer, also any)) {
	golden.Events(t, function, func(t *testing.T, name string, event json.RawMessage) {
		answer, also := play(t, name, event)
		seen := read(t, answer)
		if len(seen.raw) > 0 { // a redirection has no body
			seen.Body = seen.raw
		}
		golden.JSON(t, name, map[string]any{"status": seen.Status, "body": seen.Body, "after": also})
		openapi.CheckEvent(t, event, seen.Status, seen.header, seen.raw)
	})
}
