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

// authorizerTimeout is how long API Gateway waits for an authorizer.
const authorizerTimeout = 29 * time.Second

// authorizerCache keeps what authorizers said, for as long as each allows.
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

// authorize asks the route's authorizer. Where it says no, the answer has been written.
func (g *gateway) authorize(x *exchange) bool {
	a := g.plan.authorizers[x.route.authorizer]
	if a == nil {
		return true
	}
	identity, there := a.identity(x.r)
	if !there {
		g.writeGatewayResponse(x, "UNAUTHORIZED", http.StatusUnauthorized, "Unauthorized")
		return false
	}
	key := ""
	if a.ttl > 0 && len(identity) > 0 {
		b, _ := json.Marshal(append([]string{a.name}, identity...)) // strings always encode
		key = string(b)
	}
	said := g.cache.get(key)
	if key == "" || said == nil {
		var err error
		if said, err = g.callAuthorizer(x, a, identity); err != nil {
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
			g.cache.put(key, said, a.ttl)
		}
	}
	if !said.allows(g.methodARN(x)) {
		g.writeGatewayResponse(x, "ACCESS_DENIED", http.StatusForbidden, "User is not authorized to access this resource")
		return false
	}
	x.authorizerContext = said.authorizerContext()
	return true
}

// identity reads the identity sources; every one has to be there.
func (a *authorizerPlan) identity(r *http.Request) ([]string, bool) {
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

func (g *gateway) methodARN(x *exchange) string {
	return fmt.Sprintf("arn:aws:execute-api:%s:%s:%s/%s/%s/%s", region, account, apiID, g.stage, x.r.Method, strings.TrimPrefix(x.r.URL.Path, "/"))
}

// authorizerError is an authorizer that answered with an error, or with no policy.
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
		return nil, &authorizerError{message: "the authorizer answered with a stream"}
	}
	return readDecision(answer.payload)
}
