package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"
	"github.com/go-json-experiment/json/jsontext"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
)

// event is an HTTP request as a REST API or a function URL describes it.
type event interface {
	// header returns the request's header. Its names are in the case in which the caller sent them.
	header() http.Header
	// principal returns the result of the authorizer, nil if it has let nobody in. hasAuthorizer is false for a function URL.
	principal() (p *auth.Principal, hasAuthorizer bool)
	// method returns the request's method.
	method() string
	// gatewayRequestID returns API Gateway's id of the request; empty at a function URL, whose id is Lambda's own.
	gatewayRequestID() string
	// body returns the body as it is in the event.
	body() (text string, isBase64 bool)
	// request converts the event to a request.
	request(ctx context.Context) (*http.Request, error)
	// withoutBody returns the event without its body, for an error response.
	withoutBody() event
	// newRecorder and streamingResponse make a response in the form that this kind of event requires.
	newRecorder() recorder
	streamingResponse(status int, h http.Header, body *pipe) any
}

// recorder collects a buffered response.
type recorder interface {
	http.ResponseWriter
	response() (any, error)
}

// parseEvent parses an event of either kind. Only events of function URLs have a version.
func parseEvent(raw json.RawMessage) (event, error) {
	rest, text, split := splitBody(raw)
	var probe struct {
		Version    string `json:"version"`
		HTTPMethod string `json:"httpMethod"`
	}
	if err := json.Unmarshal(rest, &probe); err != nil {
		return nil, err
	}
	if probe.Version == "2.0" {
		var e events.APIGatewayV2HTTPRequest
		err := json.Unmarshal(rest, &e)
		if split {
			e.Body = text
		}
		return (*urlEvent)(&e), err
	}
	if probe.HTTPMethod == "" {
		return nil, errors.New("not an HTTP event: it has neither version 2.0 nor httpMethod")
	}
	var e events.APIGatewayProxyRequest
	err := json.Unmarshal(rest, &e)
	if split {
		e.Body = text
	}
	return (*restEvent)(&e), err
}

// splitBody returns the event's body, and the event with an empty one in its place. encoding/json reads its input twice
// for each Unmarshal; a body of some megabytes is read only once here. ok is false, and rest is the whole event, if the
// event has no body or is not valid JSON: then encoding/json says what is wrong.
func splitBody(raw json.RawMessage) (rest json.RawMessage, body string, ok bool) {
	d := jsontext.NewDecoder(bytes.NewBuffer(raw), jsontext.AllowDuplicateNames(true))
	if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
		return raw, "", false
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadValue()
		if err != nil {
			return raw, "", false
		}
		isBody := string(name) == `"body"`
		value, err := d.ReadValue()
		if err != nil || isBody && (ok || value.Kind() != '"') {
			return raw, "", false
		}
		if isBody {
			text, err := jsontext.AppendUnquote(make([]byte, 0, len(value)), value)
			if err != nil {
				return raw, "", false
			}
			end := int(d.InputOffset())
			rest = slices.Concat(raw[:end-len(value)], json.RawMessage(`""`), raw[end:])
			body, ok = string(text), true
		}
	}
	if t, err := d.ReadToken(); err != nil || t.Kind() != '}' || !ok {
		return raw, "", false
	}
	return rest, body, true
}

type restEvent events.APIGatewayProxyRequest

func (e *restEvent) header() http.Header {
	if len(e.MultiValueHeaders) > 0 {
		return http.Header(e.MultiValueHeaders)
	}
	return multiHeader(e.Headers)
}

func (e *restEvent) principal() (*auth.Principal, bool) {
	if h, ok := auth.PrincipalFromContext(e.RequestContext.Authorizer); ok {
		return &h, true
	}
	return nil, true
}

func (e *restEvent) method() string { return e.HTTPMethod }

func (e *restEvent) gatewayRequestID() string { return e.RequestContext.RequestID }

func (e *restEvent) body() (string, bool) { return e.Body, e.IsBase64Encoded }

func (e *restEvent) request(ctx context.Context) (*http.Request, error) {
	base, path := e.splitPath()
	if err := checkAddress(e.HTTPMethod, path); err != nil {
		return nil, err
	}
	inAPI := events.APIGatewayProxyRequest(*e)
	inAPI.Path = path
	var a core.RequestAccessor
	return a.EventToRequestWithContext(context.WithValue(ctx, basePathKey{}, base), inAPI)
}

func (e *restEvent) withoutBody() event {
	return &restEvent{HTTPMethod: e.HTTPMethod, Resource: e.Resource, Path: e.Path, RequestContext: e.RequestContext}
}

// splitPath returns the base path of the custom domain that the request came to, "" without one, and the path within the API.
// The event's path holds both, and the stage as well where the domain's mapping names none
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-mappings.html). Its resource is the route that the
// gateway chose, without these and without a slash at the end.
func (e *restEvent) splitPath() (base, path string) {
	if e.Resource == "" || strings.Contains(e.Resource, "+}") {
		return "", e.Path // the resource does not say where a base path would end
	}
	resource := strings.Split(e.Resource, "/")[1:]
	segments := strings.Split(strings.TrimSuffix(e.Path, "/"), "/")
	first := len(segments) - len(resource)
	if first < 1 || !strings.HasPrefix(e.Path, "/") {
		return "", e.Path
	}
	for i, name := range resource {
		segment, err := url.PathUnescape(segments[first+i])
		switch {
		case err != nil || segment == "":
			return "", e.Path
		case strings.HasPrefix(name, "{"):
		case segment != name:
			return "", e.Path
		default:
			segments[first+i] = name
		}
	}
	return strings.Join(segments[:first], "/"), "/" + strings.Join(segments[first:], "/")
}

type restRecorder struct{ *core.ProxyResponseWriter }

func (e *restEvent) newRecorder() recorder    { return restRecorder{core.NewProxyResponseWriter()} }
func (r restRecorder) response() (any, error) { return r.GetProxyResponse() }
func (e *restEvent) streamingResponse(status int, h http.Header, body *pipe) any {
	return &events.APIGatewayProxyStreamingResponse{StatusCode: status, MultiValueHeaders: h, Body: body}
}

type urlEvent events.APIGatewayV2HTTPRequest

func (e *urlEvent) header() http.Header                { return multiHeader(e.Headers) }
func (e *urlEvent) principal() (*auth.Principal, bool) { return nil, false }
func (e *urlEvent) method() string                     { return e.RequestContext.HTTP.Method }
func (e *urlEvent) gatewayRequestID() string           { return "" }
func (e *urlEvent) body() (string, bool)               { return e.Body, e.IsBase64Encoded }
func (e *urlEvent) request(ctx context.Context) (*http.Request, error) {
	if err := checkAddress(e.RequestContext.HTTP.Method, e.RawPath); err != nil {
		return nil, err
	}
	var a core.RequestAccessorV2
	return a.EventToRequestWithContext(ctx, events.APIGatewayV2HTTPRequest(*e))
}

func (e *urlEvent) withoutBody() event {
	return &urlEvent{Version: e.Version, RawPath: e.RawPath, RequestContext: e.RequestContext}
}

type urlRecorder struct{ *core.ProxyResponseWriterV2 }

func (e *urlEvent) newRecorder() recorder    { return urlRecorder{core.NewProxyResponseWriterV2()} }
func (r urlRecorder) response() (any, error) { return r.GetProxyResponse() }
func (e *urlEvent) streamingResponse(status int, h http.Header, body *pipe) any {
	single := make(map[string]string, len(h))
	for k, v := range h {
		single[k] = v[0]
	}
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: status, Headers: single, Body: body}
}

var errInvalidAddress = errors.New("the method or the path is not valid")

// checkAddress returns an error for an event that cannot become a request. Package core would print its path, which may
// hold the token of a report link. The error does not hold it.
func checkAddress(method, path string) error {
	if _, err := http.NewRequest(method, "https://aurora.invalid"+path, nil); err != nil {
		return errInvalidAddress
	}
	return nil
}

func multiHeader(single map[string]string) http.Header {
	h := make(http.Header, len(single))
	for k, v := range single {
		h[k] = append(h[k], v)
	}
	return h
}

// maxHeaderBytes limits all names and values of a request's headers together. API Gateway takes 10,240 bytes; what a function URL
// takes is not documented.
const maxHeaderBytes = 32 << 10

// checkHeader rejects headers that are too large.
func checkHeader(e event) error {
	size := 0
	for name, values := range e.header() {
		for _, v := range values {
			size += len(name) + len(v)
		}
	}
	if size > maxHeaderBytes {
		return fault.New(fault.TooLarge, "The headers are too large.").WithCode("headers_too_large")
	}
	return nil
}

// checkBody rejects a body that is too large after base64 decoding, or that cannot be decoded.
func checkBody(e event, limit int) error {
	text, isBase64 := e.body()
	size := len(text)
	if isBase64 {
		size = base64.StdEncoding.DecodedLen(size)
	}
	if size > limit+2 { // DecodedLen may count two bytes of padding
		return bodyTooLarge(limit)
	}
	if isBase64 {
		b, err := base64.StdEncoding.AppendDecode(nil, []byte(text))
		if err != nil {
			return fault.New(fault.Invalid, "The body is not valid base64.").WithCode("invalid_body").Because(err)
		}
		size = len(b)
	}
	if size > limit {
		return bodyTooLarge(limit)
	}
	return nil
}

func bodyTooLarge(limit int) error {
	return fault.Newf(fault.TooLarge, "The body is larger than the %d bytes that are accepted here.", limit)
}
