package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/smoke"
)

// smoke checks the whole stack from outside. Nothing of the test is left, and no call is placed.
func (p *program) smoke(ctx context.Context) error {
	f := p.flags("smoke")
	stage := f.String("stage", "", "a deployed stage; empty for the local stack")
	mail := f.String("mail", "", "the address that the test report is mailed to; empty leaves the mail out")
	number := f.String("number", "", "a number in a country that calls may go to, such as "+smoke.Number+"; it is not called")
	skip := f.String("skip", "", "groups of checks to leave out: "+strings.Join(smoke.Groups(), ","))
	limit := f.String("timeout", "", "the time limit of the whole run, such as 5m")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	timeout := 5 * time.Minute
	if *limit != "" {
		var err error
		if timeout, err = time.ParseDuration(*limit); err != nil || timeout <= 0 {
			return fmt.Errorf("TIMEOUT must be a time such as 5m, not %q", *limit)
		}
	}
	for _, name := range splitList(*skip) {
		if !slices.Contains(smoke.Groups(), name) {
			return fmt.Errorf("SKIP must name some of %s, not %q", strings.Join(smoke.Groups(), ", "), name)
		}
	}
	s, err := p.stack(ctx, *stage)
	if err != nil {
		return err
	}
	var target smoke.Target
	if s.local != nil {
		target, err = smoke.Local(p.dataFolder(), *s.local, s.stage, s.awsConfig, keyring{s})
	} else {
		target, err = smoke.Deployed(ctx, s.stage, s.awsConfig, keyring{s})
	}
	if err != nil {
		return err
	}
	target.Mail, target.Skip = *mail, splitList(*skip)
	if *number != "" {
		to, err := parseNumber(*number, "")
		if err != nil {
			return fmt.Errorf("NUMBER: %w", err)
		}
		target.Number = string(to)
	}
	for kind, name := range map[auth.KeyKind]string{auth.KindAPI: "KEY_API", auth.KindInternal: "KEY_INTERNAL", auth.KindExternal: "KEY_EXTERNAL"} {
		if key := p.env(name); key != "" {
			target.Keys[kind] = key
		}
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return smoke.Run(ctx, target, p.out)
}

// keyring stores the keys of a smoke test as `make key WRITE=1` does.
type keyring struct{ *stack }

func (k keyring) Add(ctx context.Context, kind auth.KeyKind, e smoke.KeyEntry) (string, error) {
	key, digest := newKey(string(kind))
	entry := keyEntry{Digest: "sha256:" + digest, Name: e.Name, Assistants: e.Assistants, ExpiresAt: e.ExpiresAt.UTC().Format(time.RFC3339)}
	if e.NoCalls {
		entry.Limits = map[string]json.Number{"callsPerDay": "0"}
	}
	text, err := entry.text()
	if err != nil {
		return "", err
	}
	secret, err := k.keySecret(string(kind))
	if err == nil {
		_, _, err = secret.edit(ctx, addEntry(text))
	}
	return key, err
}

func (k keyring) Remove(ctx context.Context, kind auth.KeyKind, name string) error {
	secret, err := k.keySecret(string(kind))
	if err != nil {
		return err
	}
	errNone := errors.New("no entry has the name")
	_, _, err = secret.edit(ctx, func(entries []json.RawMessage) ([]json.RawMessage, error) {
		kept := slices.DeleteFunc(entries, func(raw json.RawMessage) bool {
			var e keyEntry
			return json.Unmarshal(raw, &e) == nil && e.Name == name
		})
		if len(kept) == len(entries) {
			return nil, errNone
		}
		return kept, nil
	})
	if errors.Is(err, errNone) {
		return nil
	}
	return err
}
