package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

// authorizerTimeout is API Gateway's time limit for an authorizer.
const authorizerTimeout = 29 * time.Second

// authorizerCache holds authorizers' decisions, each for the time that the authorizer's plan allows.
type authorizerCache struct {
	now       func() time.Time
	mu        sync.Mutex
	decisions map[string]cachedDecision
}

type cachedDecision struct {
	decision *decision
	until    time.Time
}

func (c *authorizerCache) get(key string) *decision {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d, ok := c.decisions[key]; ok && c.now().Before(d.until) {
		return d.decision
	}
	return nil
}

func (c *authorizerCache) put(key string, d *decision, ttl time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	for k, old := range c.decisions {
		if !now.Before(old.until) {
			delete(c.decisions, k)
		}
	}
	c.decisions[key] = cachedDecision{decision: d, until: now.Add(ttl)}
}

// authorize asks the route's authorizer whether the request may pass. If not, it has written the response and returns false.
func (g *gateway) authorize(x *exchange) bool {
	a := g.plan.authorizers[x.route.authorizer]
	if a == nil {
		return true
	}
	identity, ok := a.identity(x.r)
	if !ok {
		g.writeGatewayResponse(x, "UNAUTHORIZED", http.StatusUnauthorized, "Unauthorized")
		return false
	}
	key := ""
	if a.ttl > 0 && len(identity) > 0 {
		b, _ := json.Marshal(append([]string{a.name}, identity...)) // encoding strings cannot fail
		key = string(b)
	}
	policy := g.cache.get(key)
	if key == "" || policy == nil {
		var err error
		if policy, err = g.callAuthorizer(x, a, identity); err != nil {
			var problem *authorizerError
			if errors.As(err, &problem) && problem.unauthorized {
				g.writeGatewayResponse(x, "UNAUTHORIZED", http.StatusUnauthorized, "Unauthorized")
				return false
			}
			g.log.writePlatformLine(x.id, fmt.Sprintf("authorizer %s: %v", a.name, err))
			kind := "AUTHORIZER_FAILURE"
			if errors.As(err, &problem) {
				kind = "AUTHORIZER_CONFIGURATION_ERROR"
			}
			g.writeGatewayResponse(x, kind, http.StatusInternalServerError, "")
			return false
		}
		if key != "" {
			g.cache.put(key, policy, a.ttl)
		}
	}
	if !policy.allows(g.methodARN(x)) {
		g.writeGatewayResponse(x, "ACCESS_DENIED", http.StatusForbidden, "User is not authorized to access this resource")
		return false
	}
	x.authorizerContext = policy.authorizerContext()
	return true
}

// identity returns the values of the identity sources. ok is false if one is missing: API Gateway needs all of them.
func (a *authorizerPlan) identity(r *http.Request) (sources []string, ok bool) {
	var values []string
	for _, name := range a.headers {
		v := r.Header.Get(name)
		if strings.EqualFold(name, "Host") {
			v = r.Host
		}
		values = append(values, v)
	}
	for _, name := range a.queries {
		values = append(values, r.URL.Query().Get(name))
	}
	for _, v := range values {
		if v == "" {
			return nil, false
		}
	}
	if a.token && a.pattern != "" {
		if ok, err := regexp.MatchString("^(?:"+a.pattern+")$", values[0]); err != nil || !ok {
			return nil, false
		}
	}
	return values, true
}

// methodARN has the path without the base path of a custom domain: policies hold for every address of the API.
func (g *gateway) methodARN(x *exchange) string {
	return fmt.Sprintf("arn:aws:execute-api:%s:%s:%s/%s/%s/%s", region, account, apiID, g.stage, x.r.Method, strings.TrimPrefix(unescape(x.path), "/"))
}

// authorizerError means that an authorizer answered with an error or without a valid policy.
type authorizerError struct {
	unauthorized bool
	message      string
}

func (p *authorizerError) Error() string { return p.message }

func (g *gateway) callAuthorizer(x *exchange, a *authorizerPlan, identity []string) (*decision, error) {
	f := g.functions[a.arn]
	if f == nil {
		return nil, &authorizerError{message: "there is no function " + a.arn}
	}
	var event map[string]any
	if a.token {
		event = map[string]any{"type": "TOKEN", "methodArn": g.methodARN(x), "authorizationToken": identity[0]}
	} else {
		event = g.proxyEvent(x)
		delete(event, "body")
		delete(event, "isBase64Encoded")
		event["type"], event["methodArn"] = "REQUEST", g.methodARN(x)
	}
	payload, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), authorizerTimeout)
	defer cancel()
	answer, err := f.invoke(ctx, newID(), x.trace, payload)
	switch {
	case err != nil:
		return nil, err
	case answer.failure != nil:
		return nil, &authorizerError{unauthorized: answer.failure.Message == "Unauthorized", message: answer.failure.Error()}
	case answer.stream != nil:
		_ = answer.stream.body.Close()
		return nil, &authorizerError{message: "the authorizer answered with a stream, which API Gateway does not take"}
	}
	return readDecision(answer.payload)
}
