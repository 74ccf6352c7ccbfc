package callwiring

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/phonetables"
	"example.com/aurora/shared/transport/contactwiring"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/speech"
	"example.com/aurora/shared/transport/twiliowiring"
	"example.com/aurora/shared/usecase/outbound"
	"example.com/aurora/shared/usecase/webhook"
)

// ReadService reads the settings of a function that places calls or checks whether one may be placed. It also returns the connections
// to the tables.
func ReadService(s *lambdaapp.Settings, secrets *secretsmanager.Store) (*outbound.Service, []lambdaapp.Connection) {
	assistants := dynamo.NewAssistants(lambdaapp.AWSConfig, s.Required("ASSISTANTS_TABLE"), time.Now)
	ledger := dynamo.NewOutbound(lambdaapp.AWSConfig, s.Required("LEDGER_TABLE"), time.Now)
	return &outbound.Service{
		Assistants: assistants,
		Ledger:     ledger,
		Provider:   twiliowiring.ReadClient(s, secrets),
		Guards:     readGuards(s),
		StreamURL:  s.Optional("VOICE_STREAM_URL", ""),
		VoiceMode:  readVoiceMode(s),
		Relay: outbound.Relay{URL: twiliowiring.ReadRelayURL(s), Tokens: dynamo.NewPhoneCalls(lambdaapp.AWSConfig, s.Required("LEDGER_TABLE"), time.Now, rand.Text),
			Plain: speech.Text, NewToken: rand.Text},
		Now:   time.Now,
		Count: lambdaapp.Count,
		NewID: rand.Text,
	}, []lambdaapp.Connection{assistants.Open, ledger.Open}
}

// readVoiceMode reads how answered calls are connected with the assistant.
func readVoiceMode(s *lambdaapp.Settings) aurora.VoiceMode {
	mode := aurora.VoiceMode(s.Optional("VOICE_MODE", ""))
	switch mode {
	case "", aurora.VoiceModeRelay, aurora.VoiceModeStream:
	default:
		s.Reject("VOICE_MODE", errors.New("must be relay or stream"))
	}
	return mode
}

// ReadLookups reads the settings by which the webhook finds outbound calls and checks whether a number may be called. If
// a setting is invalid, both results are nil: no number is eligible, but the function still starts, because it has
// reports to store.
func ReadLookups(s *lambdaapp.Settings) (aurora.OutboundCallFinder, webhook.EligibilityChecker) {
	fork := s.Fork()
	service, _ := ReadService(fork, NewSecrets())
	if err := fork.Err(); err != nil {
		slog.ErrorContext(context.Background(), "the settings of outbound calls are invalid: no number is eligible, and no call is known as outbound", "event", "settings.invalid", "error", err)
		return nil, nil
	}
	return service.Ledger, service
}

// ReadPlacing reads the settings of a function that places calls: its service, the keys of its callers, and the connections that
// its first request needs. None is to the telephone provider: a request that places a call is sent once, and a connection that
// died before it would leave the call's outcome unknown.
func ReadPlacing(s *lambdaapp.Settings) (*outbound.Service, auth.KeySource, []lambdaapp.Connection) {
	secrets := NewSecrets()
	service, connections := ReadService(s, secrets)
	names := []string{s.Optional("INTERNAL_KEYS_SECRET", ""), s.Optional("EXTERNAL_KEYS_SECRET", ""), s.Optional("TWILIO_SECRET", "")}
	return service, ReadKeys(s, secrets), append(connections, secrets.Open(names...))
}

// ReadKeys returns the API keys of partners and of our own tools. A function URL has no authorizer, so the function
// authenticates requests itself.
func ReadKeys(s *lambdaapp.Settings, secrets *secretsmanager.Store) auth.KeySource {
	return &auth.KeyStore{
		Secrets:     secrets,
		Now:         time.Now,
		SecretNames: map[auth.KeyKind]string{auth.KindInternal: s.Required("INTERNAL_KEYS_SECRET"), auth.KindExternal: s.Required("EXTERNAL_KEYS_SECRET")},
		OnUnusable:  func(ctx context.Context) { lambdaapp.Count(ctx, "KeysUnusable") },
	}
}

// NewSecrets returns the store of a function's secrets.
func NewSecrets() *secretsmanager.Store { return secretsmanager.New(lambdaapp.AWSConfig, time.Now) }

// readGuards reads the deployment's rules for outbound calls.
func readGuards(s *lambdaapp.Settings) outbound.Guards {
	g := outbound.Guards{Limits: outbound.Limits{
		KeyPerMinute:      int64(s.PositiveInt("LIMIT_KEY_PER_MINUTE", 10)),
		KeyPerDay:         int64(s.PositiveInt("LIMIT_KEY_PER_DAY", 500)),
		DestinationPerDay: int64(s.PositiveInt("LIMIT_DESTINATION_PER_DAY", 20)),
		CountryPerDay:     int64(s.PositiveInt("LIMIT_COUNTRY_PER_DAY", 200)),
	}}
	g.Limits.SpendPerDay = contactwiring.ReadSpend(s)
	g.Limits.OfKey = contactwiring.ReadKeyShare(s)
	g.Countries = contactwiring.ReadCountries(s)
	var err error
	g.Limits.EstimatePerCall, err = aurora.ParseUSD(s.Optional("CALL_ESTIMATE_USD", "0.10"))
	s.Reject("CALL_ESTIMATE_USD", err)
	g.DefaultRegion, err = contact.ParseRegion(s.Optional("DEFAULT_REGION", ""))
	s.Reject("DEFAULT_REGION", err)
	phonetables.Use(g.DefaultRegion)
	g.Hours, err = outbound.ParseHours(s.Optional("CALLING_HOURS", ""))
	s.Reject("CALLING_HOURS", err)
	if g.RequireConsent, err = strconv.ParseBool(s.Optional("REQUIRE_CONSENT", "false")); err != nil {
		s.Reject("REQUIRE_CONSENT", errors.New("must be true or false"))
	}
	return g
}
