// Package twiliowiring builds the client of Twilio, and the functions that answer Twilio's requests about calls.
//
// # Decisions
//
// It does not link the tables of phone numbers: a caller waits while such a function starts.
//
// A function that answers calls starts without VOICE_RELAY_URL: every caller then hears an apology or reaches the fallback
// number, and the log says what is missing. A function that does not start would leave them with Twilio's own error sentence.
package twiliowiring

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/speech"
	"example.com/aurora/shared/transport/twilioapi"
	"example.com/aurora/shared/usecase/callcontrol"
)

// ReadClient returns the client of Twilio.
func ReadClient(s *lambdaapp.Settings, secrets *secretsmanager.Store) *twilio.Client {
	name := s.Required("TWILIO_SECRET")
	return twilio.New(twilio.Options{
		Credentials: func(ctx context.Context) (string, error) { return secrets.Secret(ctx, name) },
		BaseURL:     s.Optional("TWILIO_BASE_URL", ""),
	})
}

// ReadRelayURL returns the address of our WebSocket as it stands in TwiML. An address that Twilio would not accept is logged,
// and counts as none.
func ReadRelayURL(s *lambdaapp.Settings) string {
	address := s.Optional("VOICE_RELAY_URL", "")
	if address == "" {
		return ""
	}
	if err := checkRelayURL(address); err != nil {
		s.Warn("VOICE_RELAY_URL " + err.Error() + ": no call is connected by ConversationRelay")
		return ""
	}
	return address
}

// checkRelayURL returns what is wrong with an address. Twilio signs a query in another way than the rest, so there is none.
func checkRelayURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "wss" || u.Host == "" || u.User != nil {
		return errors.New("must be an address such as wss://abc123.execute-api.us-east-1.amazonaws.com/prod")
	}
	if u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return errors.New("must have no query and no fragment")
	}
	if len(address) > maxURL {
		return errors.New("is too long")
	}
	return nil
}

// maxURL bounds the address, which is part of TwiML with at most 4,000 characters.
const maxURL = 500

// ReadLimits reads how many calls may come in within a minute.
func ReadLimits(s *lambdaapp.Settings) callcontrol.Limits {
	return callcontrol.Limits{OfCaller: int64(s.PositiveInt("LIMIT_INCOMING_CALLER_PER_MINUTE", 30)), OfAssistant: int64(s.PositiveInt("LIMIT_INCOMING_ASSISTANT_PER_MINUTE", 300))}
}

// ReadVoice reads the settings of a function that answers Twilio's requests about calls, and returns the connections that its
// first request needs.
func ReadVoice(s *lambdaapp.Settings, limits callcontrol.Limits) (twilioapi.Voice, []lambdaapp.Connection) {
	secrets := secretsmanager.New(lambdaapp.AWSConfig, time.Now)
	assistants := dynamo.NewAssistants(lambdaapp.AWSConfig, s.Required("ASSISTANTS_TABLE"), time.Now)
	ledger := s.Required("LEDGER_TABLE")
	calls := dynamo.NewPhoneCalls(lambdaapp.AWSConfig, ledger, time.Now, rand.Text)
	service := &callcontrol.Service{
		Assistants: assistants,
		Calls:      calls,
		Tasks:      sqs.NewPhoneTasks(lambdaapp.AWSConfig, s.Required("PHONE_TASKS_QUEUE_URL")),
		Counter:    dynamo.NewOutbound(lambdaapp.AWSConfig, ledger, time.Now),
		Limits:     limits,
		RelayURL:   ReadRelayURL(s),
		Plain:      speech.Text,
		Now:        time.Now,
		NewToken:   rand.Text,
	}
	voice := twilioapi.Voice{Verifier: ReadClient(s, secrets), Calls: service, PublicURL: s.Optional("PUBLIC_URL", "")}
	return voice, []lambdaapp.Connection{secrets.Open(s.Optional("TWILIO_SECRET", "")), assistants.Open, calls.Open}
}
