package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// maxGatewayBody is API Gateway's limit for the body of a request, in bytes.
const maxGatewayBody = 10 << 20

// gateway is API Gateway's REST API with the features that template.yaml uses.
type gateway struct {
	plan      apiPlan
	stage     string
	basePath  string               // of a custom domain, such as /voice; "" is none
	functions map[string]*function // by ARN
	cache     *authorizerCache
	log       *logFile
	println   func(line string)
}

// exchange is one request and the state of its response.
type exchange struct {
	w                 http.ResponseWriter
	r                 *http.Request
	body              []byte
	base, path        string // the base path that the request came with, and its path within the API, both escaped
	id, trace         string
	start             time.Time
	route             *routePlan
	params            map[string]string
	authorizerContext map[string]any // the context that the authorizer returned
	status            int
	errorKind         string
}

// ServeHTTP serves one request.
func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{w: w, r: r, id: newID(), trace: newTrace(), start: time.Now()}
	x.base, x.path = g.splitBasePath(r.URL.EscapedPath())
	w.Header().Set("X-Amzn-Requestid", x.id)
	w.Header().Set("X-Amzn-Trace-Id", x.trace)
	defer func() { g.logAccess(x) }()
	known := false
	x.route, x.params, known = g.match(r.Method, x.path)
	if known && r.Method == http.MethodOptions && x.route == nil && g.plan.cors != nil {
		g.preflight(x)
		return
	}
	if x.route == nil {
		g.writeGatewayResponse(x, "MISSING_AUTHENTICATION_TOKEN", 403, "Missing Authentication Token")
		return
	}
	body, err := readBody(r, maxGatewayBody)
	switch {
	case errors.Is(err, errTooLarge):
		g.writeGatewayResponse(x, "REQUEST_TOO_LARGE", 413, "Request Too Long")
		return
	case err != nil:
		g.writeGatewayResponse(x, "BAD_REQUEST_BODY", 400, "Invalid request body")
		return
	}
	x.body = body
	if !g.authorize(x) {
		return
	}
	g.invoke(x)
}

// maxDrain is how much of a body over its limit is still read, in bytes: many clients read a response only after they have
// sent the whole request.
const maxDrain = 64 << 20

func readBody(r *http.Request, limit int) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(limit)+1))
	if err == nil && len(body) > limit {
		_, _ = io.CopyN(io.Discard, r.Body, maxDrain) // the response is the same for any size
		return nil, errTooLarge
	}
	return body, err
}

// splitBasePath returns the base path with which a request came, and the rest of its path. A path without the base path is one
// of API Gateway's own address.
func (g *gateway) splitBasePath(path string) (base, rest string) {
	if rest, found := strings.CutPrefix(path, g.basePath+"/"); found {
		return g.basePath, "/" + rest
	}
	return "", path
}

// match returns the route of a request with its path parameters. known means that the path has a route for some method.
func (g *gateway) match(method, path string) (found *routePlan, params map[string]string, known bool) {
	best := -1
	for _, r := range g.plan.routes {
		p, score := matchPath(r.path, path)
		if score < 0 {
			continue
		}
		known = true
		if r.method != method && r.method != "ANY" {
			continue
		}
		if score = score*2 + btoi(r.method == method); score > best {
			best, found, params = score, r, p
		}
	}
	return found, params, known
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// matchPath compares a path with a route's path. A score of -1 is no match; more literal segments score higher.
func matchPath(route, actual string) (map[string]string, int) {
	want := strings.Split(strings.Trim(route, "/"), "/")
	got := strings.Split(strings.TrimSuffix(strings.TrimPrefix(actual, "/"), "/"), "/")
	params, score := map[string]string{}, 0
	for i, w := range want {
		name, variable := strings.CutPrefix(w, "{")
		name = strings.TrimSuffix(name, "}")
		greedy, all := strings.CutSuffix(name, "+")
		switch {
		case variable && all:
			if i >= len(got) {
				return nil, -1
			}
			params[greedy] = unescape(strings.Join(got[i:], "/"))
			return params, score
		case i >= len(got) || got[i] == "" && len(got) > 1:
			return nil, -1
		case variable:
			params[name] = unescape(got[i])
			score++
		case unescape(got[i]) != w:
			return nil, -1
		default:
			score += 100
		}
	}
	if len(got) != len(want) {
		return nil, -1
	}
	return params, score
}

func unescape(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

func (g *gateway) preflight(x *exchange) {
	h := x.w.Header()
	for property, header := range map[string]string{"AllowOrigin": "Access-Control-Allow-Origin", "AllowHeaders": "Access-Control-Allow-Headers",
		"AllowMethods": "Access-Control-Allow-Methods", "MaxAge": "Access-Control-Max-Age"} {
		if value := strings.Trim(toString(g.plan.cors[property]), "'"); value != "" {
			h.Set(header, value)
		}
	}
	x.status = http.StatusOK
	x.w.WriteHeader(x.status)
}

// invoke invokes the route's function and writes its response.
func (g *gateway) invoke(x *exchange) {
	f := g.functions[x.route.function.arn]
	event, err := json.Marshal(g.proxyEvent(x))
	if err != nil {
		g.writeGatewayResponse(x, "DEFAULT_5XX", 500, "Internal server error")
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.r.Context()), x.route.timeout)
	defer cancel()
	answer, err := f.invoke(ctx, newID(), x.trace, event)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		g.writeGatewayResponse(x, "INTEGRATION_TIMEOUT", 504, "Endpoint request timed out")
	case errors.Is(err, errTooLarge):
		g.writeGatewayResponse(x, "REQUEST_TOO_LARGE", 413, "Request Too Long")
	case err != nil: // throttled, or the stack is stopping
		g.writeGatewayResponse(x, "DEFAULT_5XX", 500, "Internal server error")
	case answer.failure != nil:
		g.writeGatewayResponse(x, "DEFAULT_5XX", 502, "Internal server error")
	case x.route.streams:
		g.writeStream(ctx, x, answer)
	default:
		g.writeBuffered(x, answer)
	}
}

// writeBuffered writes a buffered response.
func (g *gateway) writeBuffered(x *exchange, answer *reply) {
	if answer.stream != nil { // a buffered route cannot read a stream
		_ = answer.stream.body.Close()
		g.writeGatewayResponse(x, "DEFAULT_5XX", 502, "Internal server error")
		return
	}
	p, err := readProxyAnswer(answer.payload)
	if err != nil {
		g.writeGatewayResponse(x, "DEFAULT_5XX", 502, "Internal server error")
		return
	}
	body := []byte(p.Body)
	if p.IsBase64Encoded && g.isBinary(x.r.Header.Get("Accept")) {
		if body, err = decodeBase64(p.Body); err != nil {
			g.writeGatewayResponse(x, "DEFAULT_5XX", 500, "Internal server error")
			return
		}
	}
	p.writeHeaders(x.w.Header())
	if x.w.Header().Get("Content-Type") == "" {
		x.w.Header().Set("Content-Type", "application/json")
	}
	x.status = p.StatusCode
	x.w.WriteHeader(p.StatusCode)
	_, _ = x.w.Write(body) // the client may be gone
}

// writeStream writes a streamed response as it arrives, until it ends or the route's time limit has passed.
func (g *gateway) writeStream(ctx context.Context, x *exchange, answer *reply) {
	if answer.stream == nil {
		g.writeGatewayResponse(x, "DEFAULT_5XX", 502, "Internal server error")
		return
	}
	defer func() { _ = answer.stream.body.Close() }()
	p, err := readProxyAnswer(answer.stream.prelude)
	if err != nil {
		g.writeGatewayResponse(x, "DEFAULT_5XX", 502, "Internal server error")
		return
	}
	p.writeHeaders(x.w.Header())
	if x.w.Header().Get("Content-Type") == "" {
		x.w.Header().Set("Content-Type", "application/json")
	}
	x.status = p.StatusCode
	x.w.WriteHeader(p.StatusCode)
	stop := context.AfterFunc(ctx, func() { _ = answer.stream.body.Close() })
	defer stop()
	copyFlushed(x.w, answer.stream.body)
}

// copyFlushed copies a streamed body to the client and flushes every piece. If the body breaks off, it also breaks the
// client's connection, so that the response does not look complete.
func copyFlushed(w http.ResponseWriter, body io.Reader) {
	flush := http.NewResponseController(w).Flush
	_ = flush()
	buffer := make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return // the client is gone; the function goes on and the rest is dropped
			}
			_ = flush()
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
}

func (g *gateway) isBinary(kinds string) bool {
	for _, kind := range strings.Split(kinds, ",") {
		kind = strings.TrimSpace(strings.Split(kind, ";")[0])
		for _, b := range g.plan.binary {
			pattern := strings.ReplaceAll(b, "~1", "/")
			if ok, _ := path.Match(pattern, kind); ok || pattern == "*/*" {
				return true
			}
		}
	}
	return false
}

// logAccess logs one line for each request, and prints those that failed.
func (g *gateway) logAccess(x *exchange) {
	name, route := "-", "unknown" // as in AWS, the path itself is not logged: it may hold the token of a report link
	if x.route != nil {
		name, route = x.route.function.folder, x.route.path
	}
	ms := time.Since(x.start).Milliseconds()
	line, _ := json.Marshal(map[string]any{"level": "INFO", "time": x.start.UTC().Format(time.RFC3339Nano), "requestId": x.id, "method": x.r.Method,
		"path": route, "function": name, "status": x.status, "error": x.errorKind, "ms": ms}) // encoding scalars cannot fail
	_, _ = fmt.Fprintf(g.log, "%s\n", line)
	if x.status >= 500 {
		g.println(fmt.Sprintf("gateway: %s %q %d %s after %d ms, %s, request %s", x.r.Method, route, x.status, x.errorKind, ms, name, x.id))
	}
}
