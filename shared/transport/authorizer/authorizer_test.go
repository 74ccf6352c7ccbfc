package authorizer_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
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

// TestSecretIsNoList breaks the key secret by hand, for a new and for a warm process. No caller may be told that its key is
// invalid: API Gateway answers an error of the authorizer with 500.
func TestSecretIsNoList(t *testing.T) {
	const entry = `{"name":"vapi","signature":{"scheme":"vapi-hmac","secret":"whsec-0123456789abcdef0123456789abcdef"}}`
	list := `["` + apiKey + `",` + entry + `]`
	requests := map[string]authorizer.Request{
		"a key":       {Headers: map[string]string{"Flask-Api-Key": apiKey}, MethodArn: methodARN},
		"a signature": {Headers: map[string]string{"X-Signature": strings.Repeat("0", 64), "X-Timestamp": "1"}, MethodArn: methodARN},
	}
	for _, broken := range []string{"", "null", "{}", list[:len(list)-1], apiKey} {
		secrets := &testkit.Secrets{Values: map[string]string{"api": list}}
		now, reports := time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC), 0
		newProcess := func() func(context.Context, authorizer.Request) (authorizer.Response, error) {
			return authorizer.New(auth.WebhookPolicy, &auth.KeyStore{Now: func() time.Time { return now }, Secrets: secrets,
				SecretNames: map[auth.KeyKind]string{auth.KindAPI: "api"}, OnUnusable: func(context.Context) { reports++ }})
		}
		warm := newProcess()
		if _, err := warm(t.Context(), requests["a key"]); err != nil {
			t.Fatal(err)
		}
		secrets.Values["api"] = broken
		for name, r := range requests {
			t.Run("fault 73: a new process and "+name, func(t *testing.T) {
				reports = 0
				if answer, err := newProcess()(t.Context(), r); err == nil || reports == 0 {
					t.Errorf("secret %q: answer %+v, %d reports; want an error and a report", broken, answer, reports)
				}
			})
			t.Run("fault 73: a warm process and "+name, func(t *testing.T) {
				reports = 0
				answer, err := warm(t.Context(), r)
				if err != nil || answer.PolicyDocument.Statement[0].Effect != "Allow" || reports == 0 {
					t.Errorf("secret %q: answer %+v, %v, %d reports; want Allow and a report", broken, answer, err, reports)
				}
			})
		}
		now = now.Add(time.Hour)
		t.Run("fault 73: an hour later", func(t *testing.T) {
			if answer, err := warm(t.Context(), requests["a key"]); err == nil {
				t.Errorf("secret %q: answer %+v, want an error", broken, answer)
			}
		})
	}
}

// TestSignedRequestIsPassedOn checks that a request that claims to be signed reaches the function without a principal, and
// only where a live entry signs requests in that form.
func TestSignedRequestIsPassedOn(t *testing.T) {
	const entry = `{"name":"vapi","signature":{"scheme":"vapi-hmac","secret":"whsec-0123456789abcdef0123456789abcdef"}}`
	signature := strings.Repeat("0", 64) // an authorizer cannot check it
	for name, c := range map[string]struct {
		secret string
		policy auth.Policy
		h      map[string]string
		allow  bool
	}{
		"signed":                        {"[" + entry + "]", auth.WebhookPolicy, map[string]string{"X-Signature": signature, "X-Timestamp": "1"}, true},
		"signed in another form":        {"[" + entry + "]", auth.WebhookPolicy, map[string]string{"X-Retell-Signature": "v=1,d=" + signature}, false},
		"a signature of another length": {"[" + entry + "]", auth.WebhookPolicy, map[string]string{"X-Signature": signature[2:], "X-Timestamp": "1"}, false},
		"no signature":                  {"[" + entry + "]", auth.WebhookPolicy, map[string]string{"X-Timestamp": "1"}, false},
		"no entry that signs":           {`["` + otherKey + `"]`, auth.WebhookPolicy, map[string]string{"X-Signature": signature, "X-Timestamp": "1"}, false},
		"another policy":                {"[" + entry + "]", auth.BearerPolicy, map[string]string{"X-Signature": signature, "X-Timestamp": "1"}, false},
	} {
		handle := authorizer.New(c.policy, &auth.KeyStore{Now: time.Now, Secrets: testkit.EverySecret(c.secret), SecretNames: map[auth.KeyKind]string{auth.KindAPI: "api"}})
		r, err := handle(t.Context(), authorizer.Request{MethodArn: methodARN, Headers: c.h})
		if err != nil || (r.PolicyDocument.Statement[0].Effect == "Allow") != c.allow {
			t.Errorf("%s: %+v, %v; want allowed: %v", name, r, err, c.allow)
		}
		if p, ok := auth.PrincipalFromContext(r.Context); ok {
			t.Errorf("%s: the function would take the request for that of %+v", name, p)
		}
	}
}
