package eventtest

import (
	"context"
	"encoding/json"
	"testing"

	"example.com/aurora/shared/dev/eventcase"
	"example.com/aurora/shared/transport/authorizer"
)

// RunAuthorizer sends the cases of an authorizer to it. A case wants the whole answer: principalId, policy and context.
func RunAuthorizer(t *testing.T, function string, authorize func(context.Context, authorizer.Request) (authorizer.Response, error)) {
	t.Helper()
	RunAuthorizerCases(t, function, func(*testing.T, *eventcase.Case) func(context.Context, authorizer.Request) (authorizer.Response, error) {
		return authorize
	})
}

// RunAuthorizerCases is RunAuthorizer with an authorizer of each case's own.
func RunAuthorizerCases(t *testing.T, function string, newAuthorizer func(*testing.T, *eventcase.Case) func(context.Context, authorizer.Request) (authorizer.Response, error)) {
	t.Helper()
	Run(t, function, func(t *testing.T, c *eventcase.Case, event json.RawMessage) Observed {
		var r authorizer.Request
		if err := json.Unmarshal(event, &r); err != nil {
			t.Fatal(err)
		}
		answer, err := newAuthorizer(t, c)(Context(t), r)
		if err != nil {
			return Observed{Effects: map[string]any{"failure": err.Error()}}
		}
		var fields map[string]any
		if err := json.Unmarshal(encode(t, answer), &fields); err != nil {
			t.Fatal(err)
		}
		fields["policy"] = fields["policyDocument"]
		delete(fields, "policyDocument")
		return Observed{Effects: fields}
	})
}
