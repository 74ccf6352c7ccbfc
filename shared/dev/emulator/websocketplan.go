package emulator

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// socketPlan is one WebSocket API of the template.
type socketPlan struct {
	logical    string
	id         string // in the place of the random one that AWS gives an API
	host       string // its name in AWS
	stage      string
	expression string // RouteSelectionExpression
	routes     map[string]*socketRoute
}

type socketRoute struct {
	arn     string // of the function
	timeout time.Duration
}

// socketID returns the id of a WebSocket API.
func socketID(r *resource) string { return strings.ToLower(r.logical) }

func (p *plan) readWebSocketAPI(t *template, r *resource) error {
	properties := toMap(t.resolve(r.properties))
	id := socketID(r)
	api := &socketPlan{logical: r.logical, id: id, host: id + ".execute-api." + region + ".amazonaws.com", stage: toString(properties["StageName"]),
		expression: toString(properties["RouteSelectionExpression"]), routes: map[string]*socketRoute{}}
	if api.stage == "" {
		api.stage = "default"
	}
	if _, ok := selectionPath(api.expression); !ok {
		return fmt.Errorf("RouteSelectionExpression %q is not of the form $request.body.name", api.expression)
	}
	if kind := toString(toMap(properties["Auth"])["AuthType"]); kind != "" && kind != "NONE" {
		p.warnings = append(p.warnings, r.logical+": the emulator does not call the authorizer of a WebSocket API")
	}
	for key, v := range toMap(properties["Routes"]) {
		route := toMap(v)
		api.routes[key] = &socketRoute{arn: toString(route["FunctionArn"]), timeout: defaultRouteTimeout}
		if ms := toInt(route["IntegrationTimeout"], 0); ms > 0 {
			api.routes[key].timeout = time.Duration(ms) * time.Millisecond
		}
	}
	p.webSockets = append(p.webSockets, api)
	return nil
}

// selectionPath returns the path of names in a route selection expression: a, b for $request.body.a.b.
func selectionPath(expression string) (path []string, ok bool) {
	expression = strings.TrimPrefix(expression, "$")
	expression = strings.TrimSuffix(strings.TrimPrefix(expression, "{"), "}")
	rest, ok := strings.CutPrefix(expression, "request.body.")
	rest = strings.TrimSuffix(strings.TrimPrefix(rest, "{"), "}")
	return strings.Split(rest, "."), ok && rest != ""
}

// socketLimits are API Gateway's limits, which LOCAL_WS_ variables lower
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html).
type socketLimits struct {
	message, frame           int // in bytes
	idle, lifetime, function time.Duration
	shuffle                  uint64 // the seed; 0 is off
}

// socketLimitsFrom reads the limits from the environment.
func socketLimitsFrom(environment []string) (socketLimits, error) {
	l := socketLimits{message: 128 << 10, frame: 32 << 10, idle: 10 * time.Minute, lifetime: 2 * time.Hour, function: defaultRouteTimeout}
	for name, limit := range map[string]*int{"LOCAL_WS_MESSAGE_BYTES": &l.message, "LOCAL_WS_FRAME_BYTES": &l.frame} {
		if v := lookupEnv(environment, name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil || n < 1 || n > *limit {
				return l, fmt.Errorf("%s must be a number of bytes from 1 to %d, not %q", name, *limit, v)
			}
			*limit = n
		}
	}
	for name, limit := range map[string]*time.Duration{"LOCAL_WS_IDLE": &l.idle, "LOCAL_WS_LIFETIME": &l.lifetime, "LOCAL_WS_TIMEOUT": &l.function} {
		if v := lookupEnv(environment, name); v != "" {
			d, err := time.ParseDuration(v)
			if err != nil || d <= 0 || d > *limit {
				return l, fmt.Errorf("%s must be a time of at most %s, such as 30s, not %q", name, *limit, v)
			}
			*limit = d
		}
	}
	if v := lookupEnv(environment, "LOCAL_WS_SHUFFLE"); v != "" {
		seed, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			return l, fmt.Errorf("LOCAL_WS_SHUFFLE must be a whole number, the seed, or 0 for none, not %q", v)
		}
		l.shuffle = seed
	}
	return l, nil
}
