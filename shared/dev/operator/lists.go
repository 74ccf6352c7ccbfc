package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/secretsmanager"
	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/core/phonetables"
	"example.com/aurora/shared/usecase/outbound"
)

// doNotCall adds a number to the do-not-call list, or removes it.
func (p *program) doNotCall(ctx context.Context) error {
	return p.editList(ctx, "do-not-call", "will not be called or texted", "may be called again",
		func(l *dynamo.Ledger, n aurora.Phone) error { return l.AddDoNotCall(ctx, n, "operator") },
		func(l *dynamo.Ledger, n aurora.Phone) (bool, error) { return l.RemoveDoNotCall(ctx, n) })
}

// consent records that a person agreed to be called, or that the consent was withdrawn.
func (p *program) consent(ctx context.Context) error {
	return p.editList(ctx, "consent", "agreed to be called", "has withdrawn the consent",
		func(l *dynamo.Ledger, n aurora.Phone) error { return l.AddConsent(ctx, n, "operator") },
		func(l *dynamo.Ledger, n aurora.Phone) (bool, error) { return l.RemoveConsent(ctx, n) })
}

func (p *program) editList(ctx context.Context, name, added, removed string, add func(*dynamo.Ledger, aurora.Phone) error, remove func(*dynamo.Ledger, aurora.Phone) (bool, error)) error {
	f := p.flags(name)
	number := f.String("number", "", "a number such as +14155550100")
	region := f.String("region", "", "the country of a number without a country code, such as US")
	off := f.String("remove", "", "1 removes it from the list")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	n, err := parseNumber(*number, *region)
	if err != nil {
		return err
	}
	s, err := p.stack(ctx, *stage)
	if err != nil {
		return err
	}
	ledger := dynamo.NewLedger(s.awsConfig("dynamodb"), s.tableName("ledger"), time.Now)
	if *off == "" {
		if err := add(ledger, n); err != nil {
			return err
		}
		p.printLine("%s %s", n, added)
		return nil
	}
	was, err := remove(ledger, n)
	if err != nil {
		return err
	}
	if !was {
		return errors.New("the number was not on the list")
	}
	p.printLine("%s %s", n, removed)
	return nil
}

// parseNumber reads the arguments NUMBER and REGION.
func parseNumber(number, region string) (aurora.Phone, error) {
	country, err := contact.ParseRegion(region)
	if err != nil {
		return "", fmt.Errorf("REGION: %w", err)
	}
	phonetables.Use(country)
	n, ok := aurora.ParsePhone(number)
	if !ok {
		return "", fmt.Errorf("NUMBER must be a number such as +14155550100, or a national one with its REGION, not %q", number)
	}
	return n, nil
}

// reconcile asks the telephone provider about the calls whose outcome is unknown.
func (p *program) reconcile(ctx context.Context) error {
	f := p.flags("reconcile")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	s, err := p.stack(ctx, *stage)
	if err != nil {
		return err
	}
	secrets := secretsmanager.New(s.awsConfig("secretsmanager"), time.Now)
	base := ""
	if s.local != nil {
		base = s.local.Endpoints["twilio"]
	}
	ledger := dynamo.NewOutbound(s.awsConfig("dynamodb"), s.tableName("ledger"), time.Now)
	service := &outbound.Service{
		Ledger: ledger,
		Provider: twilio.New(twilio.Options{BaseURL: base, Credentials: func(ctx context.Context) (string, error) {
			return secrets.Secret(ctx, s.secretName("twilio"))
		}}),
		Now: time.Now, NewID: rand.Text,
	}
	done, err := service.Reconcile(ctx, ledger)
	p.printLine("%d placed, %d never placed, %d still unknown", done.Placed, done.NotPlaced, done.Unknown)
	return err
}
