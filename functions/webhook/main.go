// Command webhook answers voice providers: it configures assistants, runs their tools, names transfer destinations, and
// stores end-of-call reports.
package main

import (
	"context"
	"os"
	"time"

	"example.com/aurora/shared/adapter/s3"
	"example.com/aurora/shared/adapter/sqs"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/callwiring"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/transport/toolwiring"
	"example.com/aurora/shared/transport/tracewiring"
	"example.com/aurora/shared/usecase/webhook"
)

func main() {
	s := lambdaapp.NewSettings(os.LookupEnv)
	tools := toolwiring.ReadSettings(s)
	outboundCalls, eligibility := callwiring.ReadLookups(s)
	keys := &auth.KeyStore{
		Secrets:     tools.Secrets,
		Now:         time.Now,
		SecretNames: map[auth.KeyKind]string{auth.KindAPI: s.Required("API_KEYS_SECRET")},
		OnUnusable:  func(ctx context.Context) { lambdaapp.Count(ctx, "KeysUnusable") },
	}
	reports := s3.New(lambdaapp.AWSConfig, s.Required("BUCKET"))
	f := newFunction(&webhook.Receiver{
		Assistants:    tools.Assistants,
		Archive:       webhook.Archive{Objects: reports, Assistants: tools.Assistants, Now: time.Now, Count: lambdaapp.Count},
		Queue:         sqs.New(lambdaapp.AWSConfig, s.Required("RAW_QUEUE_URL")),
		Tools:         tools.NewKit(),
		OutboundCalls: outboundCalls,
		Eligibility:   eligibility,
		Traces:        tracewiring.ReadWriter(s),
	}, keys)
	connections := append(tools.Connections(keys.SecretNames[auth.KindAPI]), reports.Open)
	lambdaapp.Start(s, f.Buffered(), connections...)
}
