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
	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/usecase/outbound"
	"example.com/aurora/shared/usecase/webhook"
)

// Read reads the settings of a function that places calls, or says whether one may be placed.
func Read(s *lambdaapp.Settings, secrets *secretsmanager.Store) *outbound.Service {
	return &outbound.Service{
		Assistants: dynamo.NewAssistants(lambdaapp.AWS, s.Required("ASSISTANTS_TABLE"), time.Now),
		Ledger:     dynamo.NewOutbound(lambdaapp.AWS, s.Required("LEDGER_TABLE"), time.Now),
		Provider:   Telephone(s, secrets),
		Guards:     guards(s),
		StreamURL:  s.Optional("VOICE_STREAM_URL", ""),
		Now:        time.Now,
		Count:      lambdaapp.Count,
		NewID:      rand.Text,
	}
}

// Campaigns let the webhook know the calls that we placed, and who may be called.
type Campaigns struct{ *outbound.Service }

// ReadCampaigns reads the settings of Campaigns. A rule that cannot be read makes nobody eligible and does not stop the
// function, which has reports to take in.
func ReadCampaigns(s *lambdaapp.Settings) webhook.Outbound {
	aside := s.Aside()
	service := Read(aside, Secrets())
	if err := aside.Err(); err != nil {
		slog.Error("nobody is eligible for a call, and no call is known as ours", "error", err)
		return nil
	}
	return Campaigns{service}
}

// Call is what an assistant may know of a call that we placed.
func (c Campaigns) Call(ctx context.Context, idOrSID string) (aurora.OutboundCall, bool, error) {
	return outbound.Call(ctx, c.Ledger, idOrSID)
}

// Telephone is the provider.
func Telephone(s *lambdaapp.Settings, secrets *secretsmanager.Store) *twilio.Client {
	name := s.Required("TWILIO_SECRET")
	return twilio.New(twilio.Options{
		Credentials: func(ctx context.Context) (string, error) { return secrets.Secret(ctx, name) },
		BaseURL:     s.Optional("TWILIO_BASE_URL", ""),
	})
}

// Keys are the live keys of partners and of our own tools, for a function URL.
func Keys(s *lambdaapp.Settings, secrets *secretsmanager.Store) auth.Keys {
	return &auth.Ring{
		Secrets:  secrets,
		Names:    map[auth.Kind]string{auth.Internal: s.Required("INTERNAL_KEYS_SECRET"), auth.External: s.Required("EXTERNAL_KEYS_SECRET")},
		Unusable: func(ctx context.Context) { lambdaapp.Count(ctx, "KeysUnusable") },
	}
}

// Secrets is a function's store of secrets.
func Secrets() *secretsmanager.Store { return secretsmanager.New(lambdaapp.AWS, time.Now) }

// guards reads the deployment's rules.
func guards(s *lambdaapp.Settings) outbound.Guards {
	g := outbound.Guards{Limits: outbound.Limits{
		KeyPerMinute:      int64(s.Number("LIMIT_KEY_PER_MINUTE", 10)),
		KeyPerDay:         int64(s.Number("LIMIT_KEY_PER_DAY", 500)),
		DestinationPerDay: int64(s.Number("LIMIT_DESTINATION_PER_DAY", 20)),
		CountryPerDay:     int64(s.Number("LIMIT_COUNTRY_PER_DAY", 200)),
	}}
	var err error
	g.Limits.SpendPerDay, err = outbound.ParseUSD(s.Optional("LIMIT_SPEND_PER_DAY_USD", "50"))
	s.Reject("LIMIT_SPEND_PER_DAY_USD", err)
	g.Limits.Estimate, err = outbound.ParseUSD(s.Optional("CALL_ESTIMATE_USD", "0.10"))
	s.Reject("CALL_ESTIMATE_USD", err)
	g.Countries, err = outbound.ParseCountries(s.Optional("ALLOWED_COUNTRIES", "*"))
	s.Reject("ALLOWED_COUNTRIES", err)
	g.DefaultRegion, err = outbound.ParseRegion(s.Optional("DEFAULT_REGION", ""))
	s.Reject("DEFAULT_REGION", err)
	g.Hours, err = outbound.ParseHours(s.Optional("CALLING_HOURS", ""))
	s.Reject("CALLING_HOURS", err)
	if g.RequireConsent, err = strconv.ParseBool(s.Optional("REQUIRE_CONSENT", "false")); err != nil {
		s.Reject("REQUIRE_CONSENT", errors.New("must be true or false"))
	}
	return g
}
