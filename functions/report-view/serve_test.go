package main

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/testkit"
)

// fakeBucket is a bucket with one report. down makes it unreachable.
type fakeBucket struct{ down bool }

// revocations holds at most one object, which revokes links.
type revocations struct {
	key     string
	written time.Time
	err     error // of every list
}

func (r revocations) List(_ context.Context, prefix, _ string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		if r.err != nil || r.key != "" && strings.HasPrefix(r.key, prefix) {
			yield(r.key, r.err)
		}
	}
}

func (r revocations) Read(context.Context, string) ([]byte, time.Time, error) {
	return []byte("{}"), r.written, nil
}

func (b fakeBucket) Presign(_ context.Context, key string, lifetime time.Duration) (string, error) {
	if b.down {
		return "", errors.New("no route to host")
	}
	if key != "reports/riley/weekly/2026-11-16T0000/report.html" {
		return "", fault.New(fault.NotFound, "There is no such object.")
	}
	return "https://bucket.example.com/" + key + "?for=" + lifetime.String(), nil
}

func TestCases(t *testing.T) {
	eventtest.Run(t, "report-view", func(t *testing.T, c *eventcase.Case, event json.RawMessage) eventtest.Observed {
		var given struct {
			Opened       time.Duration `yaml:"opened"`       // how long after the link was made
			Unavailable  string        `yaml:"unavailable"`  // secrets, bucket or revocations
			Revoked      string        `yaml:"revoked"`      // the number of a report whose links were revoked, or all
			RevokedAfter time.Duration `yaml:"revokedAfter"` // how long after the link was made
		}
		if err := c.Setup(&given); err != nil {
			t.Fatal(err)
		}
		secrets := testkit.EverySecret("links-0123456789abcdef0123456789abcdef")
		if given.Unavailable == "secrets" {
			secrets.Err = fault.New(fault.Unavailable, "The secret store did not answer.").WithRetryAfter(time.Second)
		}
		revoked := revocations{written: eventtest.ReportTime().Add(given.RevokedAfter)}
		if given.Unavailable == "revocations" {
			revoked.err = errors.New("no route to host")
		}
		if given.Revoked != "" {
			key, err := auth.RevocationKey(strings.TrimPrefix(given.Revoked, "all"))
			if err != nil {
				t.Fatal(err)
			}
			revoked.key = key
		}
		links := &auth.Links{Secrets: secrets, SecretName: "links", Objects: revoked,
			Now: func() time.Time { return eventtest.ReportTime().Add(given.Opened) }}
		return eventtest.Invoke(t, serve(links, fakeBucket{down: given.Unavailable == "bucket"}), event)
	})
}
