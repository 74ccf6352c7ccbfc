package authorizer_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/authorizer"
)

const (
	methodARN = "arn:aws:execute-api:us-east-1:123456789012:abc123/prod/POST/api/v1/openai/chat/completions"
	apiKey    = "aur_api_0123456789abcdef0123456789abcdef"
	otherKey  = "aur_api_fedcba9876543210fedcba9876543210"
	digest    = "27b58f2d8cba86e8e89932e98192c8e4b85bd3c8e8ea83448f21b42c3eb2fd3a" // of apiKey
)

func newHandler(secrets *testkit.Secrets) func(t *testing.T, r authorizer.Request) (authorizer.Response, error) {
	handle := authorizer.New(auth.BearerPolicy, &auth.KeyStore{Now: time.Now, Secrets: secrets, SecretNames: map[auth.KeyKind]string{auth.KindAPI: "api"}})
	return func(t *testing.T, r authorizer.Request) (authorizer.Response, error) {
		t.Helper()
		r.MethodArn = methodARN
		return handle(t.Context(), r)
	}
}

func TestAllow(t *testing.T) {
	handle := newHandler(testkit.EverySecret(`[{"digest":"` + digest + `","name":"acme","assistants":["a1"]}]`))
	r, err := handle(t, authorizer.Request{Headers: map[string]string{"authorization": "Bearer " + apiKey}})
	if err != nil {
		t.Fatal(err)
	}
	s := r.PolicyDocument.Statement[0]
	const api = "arn:aws:execute-api:us-east-1:123456789012:abc123/prod/"
	want := []string{api + "POST/api/v1/openai/*", api + "GET/api/v1/openai/models", api + "GET/api/v1/openai/models/*"}
	if s.Effect != "Allow" || !reflect.DeepEqual(s.Resource, want) {
		t.Errorf("statement = %+v, want Allow for %v", s, want)
	}
	context := map[string]any{"keyName": "acme", "keyId": digest[:12], "keyKind": "api", "keyAssistants": `["a1"]`}
	if !reflect.DeepEqual(r.Context, context) {
		t.Errorf("context = %v, want %v", r.Context, context)
	}
	if p, ok := auth.PrincipalFromContext(r.Context); !ok || p.Name != "acme" || len(p.Assistants) != 1 {
		t.Errorf("the function would read the principal %+v, %v", p, ok)
	}
}

func TestDenyTwoDifferentKeys(t *testing.T) {
	handle := newHandler(testkit.EverySecret(`["` + apiKey + `"]`))
	r, err := handle(t, authorizer.Request{MultiValueHeaders: map[string][]string{"Authorization": {"Bearer " + apiKey, "Bearer " + otherKey}}})
	if err != nil {
		t.Fatal(err)
	}
	if effect := r.PolicyDocument.Statement[0].Effect; effect != "Deny" || r.Context["keyId"] != nil {
		t.Errorf("effect %s with the context %v, want Deny without a key", effect, r.Context)
	}
}

func TestErrorIfKeysCannotBeLoaded(t *testing.T) {
	handle := newHandler(&testkit.Secrets{Err: errors.New("unavailable")})
	if r, err := handle(t, authorizer.Request{Headers: map[string]string{"Authorization": "Bearer " + apiKey}}); err == nil {
		t.Errorf("answer %+v, want an error", r)
	}
}
