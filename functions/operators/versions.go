package main

import (
	"crypto/rand"
	"strings"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/assistantcheck"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/usecase/versions"
)

// newVersions reads the settings of the function and returns what publishes assistants.
func newVersions(s *lambdaapp.Settings) *versions.Service {
	days := s.PositiveInt("AUDIT_RETENTION_DAYS", 400)
	history := dynamo.NewVersions(lambdaapp.AWSConfig, s.Required("HISTORY_TABLE"), time.Duration(days)*24*time.Hour)
	checker := assistantcheck.Checker{MaxRetentionDays: s.PositiveInt("RETENTION_DAYS", 400),
		PrivateHosts: strings.FieldsFunc(s.Optional("TOOL_PRIVATE_HOSTS", ""), func(r rune) bool { return r == ',' || r == ' ' })}
	return &versions.Service{
		Published: dynamo.NewAssistants(lambdaapp.AWSConfig, s.Required("ASSISTANTS_TABLE"), time.Now),
		History:   history,
		Audit:     history,
		Numbers:   dynamo.NewLedger(lambdaapp.AWSConfig, s.Required("LEDGER_TABLE"), time.Now),
		Check:     checker.Check,
		InUse:     s.Optional("HYPERSCALE_ASSISTANT_ID", ""),
		InUseBy:   "HYPERSCALE_ASSISTANT_ID",
		Now:       time.Now,
		NewID:     rand.Text,
	}
}
