package auth

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/core/fault"
)

// keyTimeout is how long an authorizer waits for the keys. KindAPI Gateway waits 29 s, a caller on the phone does not.
const keyTimeout = 2 * time.Second

type (
	// Request is the event of a REQUEST authorizer.
	Request = events.APIGatewayCustomAuthorizerRequestTypeRequest
	// Response is its answer.
	Response = events.APIGatewayCustomAuthorizerResponse
)

// Authorizer is the policy as a Lambda of KindAPI Gateway: Allow with the key's name in the context, Deny, which the
// gateway's responses turn into 401, or an error where the keys cannot be loaded, which is a 500 and never a pass.
func (p Policy) Authorizer(keys KeySource) func(context.Context, Request) (Response, error) {
	return func(ctx context.Context, r Request) (Response, error) {
		ctx, cancel := context.WithTimeout(ctx, keyTimeout)
		defer cancel()
		h := http.Header(r.MultiValueHeaders)
		if len(h) == 0 {
			h = make(http.Header, len(r.Headers))
			for k, v := range r.Headers {
				h[k] = []string{v}
			}
		}
		entry, err := p.Authenticate(ctx, h, keys)
		switch {
		case fault.Is(err, fault.Unauthorized):
			slog.InfoContext(ctx, "denied", "policy", p.Name, "path", r.Path, "from", r.RequestContext.Identity.SourceIP)
			return p.response("Deny", "anonymous", r.MethodArn, nil), nil
		case err != nil:
			slog.ErrorContext(ctx, "keys unavailable", "policy", p.Name, "error", err)
			return Response{}, err
		}
		slog.InfoContext(ctx, "allowed", "policy", p.Name, "path", r.Path, "keyId", entry.ID(), "keyName", entry.Name)
		return p.response("Allow", entry.ID(), r.MethodArn, entry.Principal().authorizerContext()), nil
	}
}

// response grants or denies the policy's own routes of the KindAPI and stage that asked.
func (p Policy) response(effect, principal, methodARN string, context map[string]any) Response {
	base := methodARN // arn:aws:execute-api:region:account:api/stage/METHOD/path
	if parts := strings.SplitN(methodARN, "/", 3); len(parts) == 3 {
		base = parts[0] + "/" + parts[1] + "/"
	}
	resources := make([]string, len(p.routes))
	for i, r := range p.routes {
		resources[i] = base + r
	}
	return Response{
		PrincipalID: principal,
		PolicyDocument: events.APIGatewayCustomAuthorizerPolicy{
			Version:   "2012-10-17",
			Statement: []events.IAMPolicyStatement{{Action: []string{"execute-api:Invoke"}, Effect: effect, Resource: resources}},
		},
		Context: context,
	}
}
