package emulator

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// writeGatewayResponse writes the template's gateway response of this kind, or API Gateway's own.
func (g *gateway) writeGatewayResponse(x *exchange, kind string, status int, message string) {
	fallback := "DEFAULT_4XX"
	if status >= 500 {
		fallback = "DEFAULT_5XX"
	}
	response, ok := g.plan.responses[kind]
	if !ok {
		response = g.plan.responses[fallback]
	}
	if response.status != 0 {
		status = response.status
	}
	body := `{"message":$context.error.messageString}`
	if t, ok := response.templates["application/json"]; ok {
		body = t
	}
	h := x.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Amzn-Errortype", errorTypes[kind])
	if h.Get("X-Amzn-Errortype") == "" {
		h.Set("X-Amzn-Errortype", "InternalServerErrorException")
	}
	vars := x.contextVariables(kind, message, g.stage)
	for name, value := range response.headers {
		h.Set(name, x.headerValue(value, vars))
	}
	x.status, x.errorKind = status, kind
	x.w.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write([]byte(expand(body, vars))) // the client may be gone
	}
}

var errorTypes = map[string]string{
	"MISSING_AUTHENTICATION_TOKEN": "MissingAuthenticationTokenException", "UNAUTHORIZED": "UnauthorizedException",
	"ACCESS_DENIED": "AccessDeniedException", "REQUEST_TOO_LARGE": "RequestEntityTooLargeException", "BAD_REQUEST_BODY": "BadRequestException",
	"AUTHORIZER_CONFIGURATION_ERROR": "AuthorizerConfigurationException", "AUTHORIZER_FAILURE": "AuthorizerFailureException",
}

// contextVariables returns the $context variables that a gateway response may use. As in AWS, the message of a failed
// authorizer is null, so a response template must not put it in quotes.
func (x *exchange) contextVariables(kind, message, stage string) map[string]string {
	quoted := "null"
	if message != "" {
		b, _ := json.Marshal(message) // encoding a string cannot fail
		quoted = string(b)
	}
	vars := map[string]string{
		"context.requestId": x.id, "context.extendedRequestId": x.id, "context.error.message": message, "context.error.messageString": quoted,
		"context.error.responseType": kind, "context.stage": stage, "context.apiId": apiID, "context.httpMethod": x.r.Method,
		"context.path": x.pathWithStage(stage), "context.identity.sourceIp": sourceIP(x.r), "context.requestTimeEpoch": strconv.FormatInt(x.start.UnixMilli(), 10),
	}
	if x.route != nil {
		vars["context.resourcePath"] = x.route.path
	}
	for name, value := range x.authorizerContext {
		vars["context.authorizer."+name] = toString(value)
	}
	return vars
}

var variablePattern = regexp.MustCompile(`\$\{[a-zA-Z]+(?:\.[a-zA-Z0-9_-]+)+\}|\$[a-zA-Z]+(?:\.[a-zA-Z0-9_-]+)+`)

// expand replaces the variables in a template. An unknown variable becomes empty.
func expand(text string, vars map[string]string) string {
	return variablePattern.ReplaceAllStringFunc(text, func(match string) string {
		return vars[strings.Trim(match, "${}")]
	})
}

// headerValue evaluates a header mapping: 'fixed', context.requestId or method.request.header.Origin.
func (x *exchange) headerValue(mapping string, vars map[string]string) string {
	if fixed, ok := strings.CutPrefix(mapping, "'"); ok {
		return strings.TrimSuffix(fixed, "'")
	}
	if name, ok := strings.CutPrefix(mapping, "method.request.header."); ok {
		return x.r.Header.Get(name)
	}
	return vars[mapping]
}
