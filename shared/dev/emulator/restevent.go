package emulator

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// proxyEvent returns the event of a Lambda proxy integration (payload format 1.0).
func (g *gateway) proxyEvent(x *exchange) map[string]any {
	single, multi := proxyHeaders(x.r, x.trace)
	query, multiQuery := proxyQuery(x.r)
	body, encoded := any(nil), false
	if len(x.body) > 0 {
		body = string(x.body)
		if g.isBinary(x.r.Header.Get("Content-Type")) {
			body, encoded = base64.StdEncoding.EncodeToString(x.body), true
		}
	}
	var params any
	if len(x.params) > 0 {
		params = x.params
	}
	return map[string]any{
		"resource": x.route.path, "path": x.r.URL.EscapedPath(), "httpMethod": x.r.Method,
		"headers": single, "multiValueHeaders": multi,
		"queryStringParameters": query, "multiValueQueryStringParameters": multiQuery,
		"pathParameters": params, "stageVariables": nil, "requestContext": g.requestContext(x),
		"body": body, "isBase64Encoded": encoded,
	}
}

func (g *gateway) requestContext(x *exchange) map[string]any {
	c := map[string]any{
		"resourceId": "local", "resourcePath": x.route.path, "httpMethod": x.r.Method, "extendedRequestId": x.id,
		"requestTime": x.start.UTC().Format("02/Jan/2006:15:04:05 -0700"), "requestTimeEpoch": x.start.UnixMilli(),
		"path": x.pathWithStage(g.stage), "accountId": account, "protocol": x.r.Proto, "stage": g.stage,
		"domainPrefix": apiID, "domainName": x.r.Host, "requestId": x.id, "apiId": apiID, "deploymentId": apiID,
		"identity": map[string]any{"sourceIp": sourceIP(x.r), "userAgent": userAgentOrNil(x.r), "cognitoIdentityPoolId": nil, "accountId": nil,
			"cognitoIdentityId": nil, "caller": nil, "accessKey": nil, "cognitoAuthenticationType": nil,
			"cognitoAuthenticationProvider": nil, "userArn": nil, "user": nil},
	}
	if x.authorizerContext != nil {
		c["authorizer"] = x.authorizerContext
	}
	return c
}

// pathWithStage returns the path of the context. On a custom domain it has the base path in the place of the stage.
func (x *exchange) pathWithStage(stage string) string {
	if x.base != "" {
		return x.base + x.path
	}
	return "/" + stage + x.path
}

// proxyHeaders returns a request's headers and those that API Gateway adds. The names are in Go's canonical case, because
// net/http does not keep the client's spelling as API Gateway does.
func proxyHeaders(r *http.Request, trace string) (map[string]string, map[string][]string) {
	multi := map[string][]string{}
	for name, values := range r.Header {
		if name != "Connection" && name != "Upgrade" {
			multi[name] = values
		}
	}
	_, port, _ := net.SplitHostPort(r.Host)
	multi["Host"] = []string{r.Host}
	multi["X-Amzn-Trace-Id"] = []string{trace}
	multi["X-Forwarded-For"] = []string{strings.Join(append(slices.Clone(r.Header["X-Forwarded-For"]), sourceIP(r)), ", ")}
	multi["X-Forwarded-Port"] = []string{port}
	multi["X-Forwarded-Proto"] = []string{"http"}
	single := map[string]string{}
	for name, values := range multi {
		single[name] = values[len(values)-1]
	}
	return single, multi
}

// proxyQuery returns the decoded query parameters: the last value of each, and all values. Both are nil without a query.
func proxyQuery(r *http.Request) (any, any) {
	query := r.URL.Query()
	if len(query) == 0 {
		return nil, nil
	}
	single := map[string]string{}
	for name, values := range query {
		single[name] = values[len(values)-1]
	}
	return single, map[string][]string(query)
}

func sourceIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "127.0.0.1"
	}
	return host
}

func userAgentOrNil(r *http.Request) any {
	if a := r.UserAgent(); a != "" {
		return a
	}
	return nil
}

// proxyAnswer is a function's response to a proxy event.
type proxyAnswer struct {
	StatusCode        int
	Headers           map[string]string
	MultiValueHeaders map[string][]string
	Cookies           []string
	Body              string
	IsBase64Encoded   bool
}

// readProxyAnswer reads a response as API Gateway does. The status is required and may be a string; header values may be
// numbers or booleans. Any other deviation makes the response malformed.
func readProxyAnswer(payload []byte) (*proxyAnswer, error) {
	var in struct {
		StatusCode        json.RawMessage            `json:"statusCode"`
		Headers           map[string]json.RawMessage `json:"headers"`
		MultiValueHeaders map[string][]string        `json:"multiValueHeaders"`
		Cookies           []string                   `json:"cookies"`
		Body              *string                    `json:"body"`
		IsBase64Encoded   bool                       `json:"isBase64Encoded"`
	}
	if err := json.Unmarshal(payload, &in); err != nil {
		return nil, fmt.Errorf("malformed proxy response: %w", err)
	}
	out := &proxyAnswer{StatusCode: toInt(strings.Trim(string(in.StatusCode), `"`), 0), Headers: map[string]string{},
		MultiValueHeaders: in.MultiValueHeaders, Cookies: in.Cookies, IsBase64Encoded: in.IsBase64Encoded}
	if out.StatusCode < 100 || out.StatusCode > 599 {
		return nil, fmt.Errorf("malformed proxy response: status %s", in.StatusCode)
	}
	if in.Body != nil {
		out.Body = *in.Body
	}
	for name, raw := range in.Headers {
		var value any
		if json.Unmarshal(raw, &value) != nil || value == nil {
			continue
		}
		switch value := value.(type) {
		case string:
			out.Headers[name] = value
		case map[string]any, []any:
			return nil, fmt.Errorf("malformed proxy response: header %s", name)
		default:
			out.Headers[name] = string(raw)
		}
	}
	return out, nil
}

// writeHeaders sets the response's headers. For a name in both forms the multi-value form counts.
func (p *proxyAnswer) writeHeaders(h http.Header) {
	for name, value := range p.Headers {
		h.Set(name, value)
	}
	for name, values := range p.MultiValueHeaders {
		h.Del(name)
		for _, v := range values {
			h.Add(name, v)
		}
	}
	for _, c := range p.Cookies {
		h.Add("Set-Cookie", c)
	}
	h.Del("Content-Length")    // net/http sets it
	h.Del("Transfer-Encoding") // net/http chooses it
	h.Del("Connection")
}

// decodeBase64 decodes standard base64.
func decodeBase64(s string) ([]byte, error) { return base64.StdEncoding.DecodeString(s) }

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func newTrace() string {
	id := strings.ReplaceAll(newID(), "-", "")
	return fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", time.Now().Unix(), id[:24], id[8:24])
}
