// Package operatorwiring builds the parts of the operators' API, and what authenticates operators for it and for its authorizer.
package operatorwiring

import (
	"context"
	"crypto/rand"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/usecase/timeline"
)

// NewTimelines reads the settings of a function and returns what finds the timelines of calls.
func NewTimelines(s *lambdaapp.Settings) *timeline.Service {
	ledger := s.Required("LEDGER_TABLE")
	return &timeline.Service{
		Records:  dynamo.NewTraces(lambdaapp.AWSConfig, s.Required("TRACES_TABLE"), 0),
		Aliases:  dynamo.NewLedger(lambdaapp.AWSConfig, ledger, time.Now),
		Rows:     dynamo.NewCalls(lambdaapp.AWSConfig, s.Required("CALLS_TABLE"), 0),
		Outbound: dynamo.NewOutbound(lambdaapp.AWSConfig, ledger, time.Now),
		Now:      time.Now,
	}
}

// NewOperators reads the settings of a function and returns what authenticates operators, with the connections that it needs.
func NewOperators(s *lambdaapp.Settings) (*auth.Operators, []lambdaapp.Connection) {
	secrets := secretsmanager.New(lambdaapp.AWSConfig, time.Now)
	ledger := dynamo.NewLedger(lambdaapp.AWSConfig, s.Required("LEDGER_TABLE"), time.Now)
	keys := &auth.KeyStore{
		Secrets:     secrets,
		Now:         time.Now,
		SecretNames: map[auth.KeyKind]string{auth.KindInternal: s.Required("INTERNAL_KEYS_SECRET")},
		OnUnusable:  func(ctx context.Context) { lambdaapp.Count(ctx, "KeysUnusable") },
	}
	operators := &auth.Operators{
		Keys:       keys,
		Secrets:    secrets,
		SecretName: s.Required("SESSIONS_SECRET"),
		Stage:      s.Required("STAGE"),
		Ended:      ledger,
		Now:        time.Now,
		NewID:      rand.Text,
	}
	return operators, []lambdaapp.Connection{secrets.Open(keys.SecretNames[auth.KindInternal]), secrets.Open(operators.SecretName), ledger.Open}
}
