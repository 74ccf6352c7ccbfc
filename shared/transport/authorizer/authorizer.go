// Package authorizer answers API Gateway's REQUEST authorizer events with the decision of a key policy.
//
// # Decisions
//
// The policy document names every route of the key policy and no other. API Gateway caches it by the key, so a document
// for one route alone would mean 403 on the next one
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html).
//
// The package is apart from web, so that an authorizer's binary stays small and starts fast.
//
// github.com/aws/aws-lambda-go/events: the types of the event and of the answer.
package authorizer

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/metric"
)

// keyTimeout bounds the loading of the keys. API Gateway would wait 29 s, a caller on the telephone does not.
const keyTimeout = 2 * time.Second

type (
	// Request is the event of a REQUEST authorizer.
	Request = events.APIGatewayCustomAuthorizerRequestTypeRequest
	// Response is the authorizer's answer.
	Response = events.APIGatewayCustomAuthorizerResponse
)

// New returns the handler of a Lambda authorizer. It allows a request that has a valid key and passes the principal on. It
// denies one without, which the gateway answers with 401. A request that claims to be signed is passed on without a
// principal, where the policy accepts signatures: an authorizer does not see the body, and the function rejects every
// request without a principal whose signature is not valid. If the keys cannot be loaded, it returns an error, which the
// gateway answers with 500.
func New(policy auth.Policy, keys auth.KeySource) func(context.Context, Request) (Response, error) {
	return func(ctx context.Context, r Request) (Response, error) {
		ctx, cancel := context.WithTimeout(ctx, keyTimeout)
		defer cancel()
		ctx = logfields.New(ctx)
		logfields.Set(ctx, logfields.GatewayRequestID, r.RequestContext.RequestID)
		key, err := policy.Authenticate(ctx, headerOf(r), keys)
		if fault.Is(err, fault.Unauthorized) {
			signed, signatureErr := policy.HasSignature(ctx, headerOf(r), keys)
			if signed {
				slog.InfoContext(ctx, "request passed on for the check of its signature", "event", "access.deferred", "policy", policy.Name, "path", r.Path)
				return newResponse(policy, "Allow", "signature", r.MethodArn, nil), nil
			}
			if signatureErr != nil {
				err = signatureErr
			}
		}
		return decide(ctx, policy, r, key.Principal(), err)
	}
}

// NewOperator returns the handler of the Lambda authorizer of the operators' API. It decides as New, by a key or by the cookie of a
// session.
func NewOperator(operators *auth.Operators) func(context.Context, Request) (Response, error) {
	return func(ctx context.Context, r Request) (Response, error) {
		ctx, cancel := context.WithTimeout(ctx, keyTimeout)
		defer cancel()
		ctx = logfields.New(ctx)
		logfields.Set(ctx, logfields.GatewayRequestID, r.RequestContext.RequestID)
		login, err := operators.Authenticate(ctx, headerOf(r))
		return decide(ctx, auth.OperatorPolicy, r, login.Principal, err)
	}
}

// decide answers a request with a principal, or with the reason why there is none.
func decide(ctx context.Context, policy auth.Policy, r Request, principal auth.Principal, err error) (Response, error) {
	switch {
	case fault.Is(err, fault.Unauthorized):
		metric.CountAnswer(ctx, err)
		slog.InfoContext(ctx, "request denied", "event", "access.denied", "policy", policy.Name, "path", r.Path, "from", r.RequestContext.Identity.SourceIP)
		return newResponse(policy, "Deny", "anonymous", r.MethodArn, nil), nil
	case err != nil:
		slog.ErrorContext(ctx, "keys unavailable", "event", "keys.unavailable", "policy", policy.Name, "error", err)
		return Response{}, err
	}
	slog.InfoContext(ctx, "request allowed", "event", "access.allowed", "policy", policy.Name, "path", r.Path, "keyId", principal.ID, "keyName", principal.Name)
	return newResponse(policy, "Allow", principal.ID, r.MethodArn, principal.AuthorizerContext()), nil
}

func headerOf(r Request) http.Header {
	if len(r.MultiValueHeaders) > 0 {
		return http.Header(r.MultiValueHeaders)
	}
	h := make(http.Header, len(r.Headers))
	for name, value := range r.Headers {
		h[name] = []string{value}
	}
	return h
}

// newResponse allows or denies all routes of the policy, in the API and the stage of the request.
func newResponse(policy auth.Policy, effect, principalID, methodARN string, context map[string]any) Response {
	base := methodARN // arn:aws:execute-api:region:account:api/stage/METHOD/path
	if parts := strings.SplitN(methodARN, "/", 3); len(parts) == 3 {
		base = parts[0] + "/" + parts[1] + "/"
	}
	resources := make([]string, len(policy.Routes))
	for i, route := range policy.Routes {
		resources[i] = base + route
	}
	return Response{
		PrincipalID: principalID,
		PolicyDocument: events.APIGatewayCustomAuthorizerPolicy{
			Version:   "2012-10-17",
			Statement: []events.IAMPolicyStatement{{Action: []string{"execute-api:Invoke"}, Effect: effect, Resource: resources}},
		},
		Context: context,
	}
}
