package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os/user"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/assistantcheck"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/usecase/versions"
)

// auditRetentionDays is how long audit events of commands are kept, unless AUDIT_RETENTION_DAYS says otherwise.
const auditRetentionDays = 400

// versions returns the use case that publishes assistants in a stack.
func (p *program) versions(s *stack, checker assistantcheck.Checker) (*versions.Service, error) {
	days, err := p.intFromEnv("AUDIT_RETENTION_DAYS", auditRetentionDays)
	if err != nil {
		return nil, err
	}
	config := s.awsConfig("dynamodb")
	history := dynamo.NewVersions(config, s.tableName("history"), time.Duration(days)*24*time.Hour)
	return &versions.Service{Published: dynamo.NewAssistants(config, s.tableName("assistants"), time.Now), History: history, Audit: history,
		Numbers: dynamo.NewLedger(config, s.tableName("ledger"), time.Now), Check: checker.Check, Now: time.Now, NewID: rand.Text}, nil
}

// publication returns the publication of a document by a command.
func publication(document []byte, note string) versions.Publication {
	name := "operator"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	return versions.Publication{ID: rand.Text(), Document: document, Note: note, AllowMissingHandoffs: true,
		Actor: versions.Actor{Name: name, Via: aurora.ViaCLI}}
}

// publish publishes a document. Its error has a line for each complaint.
func publish(ctx context.Context, service *versions.Service, p versions.Publication) (versions.Outcome, error) {
	o, err := service.Publish(ctx, p)
	if f, ok := errors.AsType[*fault.Error](err); ok && len(f.Complaints) > 0 && f.Kind == fault.Invalid {
		return o, fmt.Errorf("\n%s", assistantcheck.Lines(f.Complaints))
	}
	return o, err
}
