package auth_test

import (
	"context"
	"errors"
	"testing"

	"example.com/aurora/shared/core/auth"
)

const methodARN = "arn:aws:execute-api:us-east-1:123456789012:abc123/prod/POST/api/v1/openai/chat/completions"

func TestAuthorizer(t *testing.T) {
	keys, store := newKeyStore(`[{"digest":"` + hexDigest(apiKey) + `","name":"acme","assistants":["a1"]}]`)
	decide := auth.BearerPolicy.Authorizer(keys)

	r, err := decide(context.Background(), auth.Request{MethodArn: methodARN, Headers: map[string]string{"authorization": "Bearer " + apiKey}})
	if err != nil {
		t.Fatal(err)
	}
	s := r.PolicyDocument.Statement[0]
	if s.Effect != "Allow" || len(s.Resource) != 1 || s.Resource[0] != "arn:aws:execute-api:us-east-1:123456789012:abc123/prod/POST/api/v1/openai/*" {
		t.Errorf("statement = %+v", s)
	}
	if r.Context["keyName"] != "acme" || r.Context["keyId"] != hexDigest(apiKey)[:12] || r.Context["keyKind"] != "api" || r.Context["keyAssistants"] != `["a1"]` {
		t.Errorf("context = %v", r.Context)
	}

	r, err = decide(context.Background(), auth.Request{MethodArn: methodARN, MultiValueHeaders: map[string][]string{"Authorization": {"Bearer " + apiKey, "Bearer " + nextAPIKey}}})
	if err != nil || r.PolicyDocument.Statement[0].Effect != "Deny" || r.Context["keyId"] != nil {
		t.Errorf("two values: %+v, %v", r, err)
	}

	store.Err = errors.New("away")
	if r, err := decide(context.Background(), auth.Request{MethodArn: methodARN, Headers: map[string]string{"Authorization": "Bearer " + apiKey}}); err == nil {
		t.Errorf("store away: %+v, want an error", r)
	}
}
