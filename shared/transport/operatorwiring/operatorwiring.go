// Package operatorwiring builds what authenticates operators, for the operators' API and its authorizer.
package operatorwiring

import (
	"context"
	"crypto/rand"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/lambdaapp"
)

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
