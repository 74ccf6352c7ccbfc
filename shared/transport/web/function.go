package web

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/core/metric"
	"example.com/aurora/shared/core/safego"
)

const (
	// MaxEventBody is Lambda's own limit on the size of an event, 6 MB. No body can be larger.
	MaxEventBody = 6 << 20
	// MaxCallBody is the limit of the chat and call routes, 1 MB.
	MaxCallBody = 1 << 20

	softMargin  = 2 * time.Second // the handler's context ends this long before Lambda ends the process
	hardMargin  = time.Second     // a stream that is not read is aborted this long before
	authTimeout = 2 * time.Second // to check a key at a function URL
)

// HandlerFunc serves one request. An error that it returns before it has written anything becomes the response. After that an
// error ends the response: a stream of server-sent events with an error event, any other response by breaking off.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// Route is a method and a path of a function. Paths match exactly. A segment in braces, such as {period}, matches any one segment
// that is not empty; r.PathValue("period") returns it. Where a request matches several paths, the one whose segments are literal
// where the others have braces is meant.
type Route struct {
	Method, Path string
	Handler      HandlerFunc
}

// Function is a Lambda function that serves HTTP.
type Function struct {
	// Policy says which keys the function accepts.
	Policy auth.Policy
	// Keys checks keys at the function URL, and signatures where the policy accepts them. It is nil for a function that has
	// no URL and takes no signatures.
	Keys auth.KeySource
	// NoAuth turns the check of keys off, for a handler that checks a signature.
	NoAuth bool
	// Routes lists what the function serves.
	Routes []Route
	// MaxBody is the largest body in bytes, after base64 decoding.
	MaxBody int
	// Now is the clock by which signatures and keys expire; nil means time.Now.
	Now func() time.Time
	// Stream sends responses while they are written. The template must set the same invoke mode.
	Stream bool
}

// Invoke serves one event. It is the handler for lambdaapp.Start.
func (f *Function) Invoke(ctx context.Context, raw json.RawMessage) (any, error) {
	e, err := parseEvent(raw)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		soft, cancel := context.WithDeadline(ctx, deadline.Add(-softMargin))
		if f.Stream {
			// The stream goes on after Invoke has returned; it calls cancel when it ends.
			return f.startStream(soft, cancel, deadline.Add(-hardMargin), e)
		}
		defer cancel()
		ctx = soft
	} else if f.Stream {
		return f.startStream(ctx, func() {}, time.Time{}, e)
	}
	w := e.newRecorder()
	if err := f.serve(ctx, w, e); err != nil {
		return nil, err
	}
	return w.response()
}

// BufferedHandler serves a function that does not stream as a lambda.Handler. See Function.Buffered.
type BufferedHandler struct{ f *Function }

// Buffered returns the function as a lambda.Handler. The Lambda library hands it the event's bytes as they are; for Invoke
// it would decode and copy them first, which takes a few milliseconds for each megabyte.
func (f *Function) Buffered() BufferedHandler { return BufferedHandler{f} }

// Invoke serves one event.
func (h BufferedHandler) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	response, err := h.f.Invoke(ctx, event)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // as the Lambda library encodes
	if err := e.Encode(response); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// serve checks the key and the size, converts the event to a request, and calls the handler of its route. It returns an
// error only if a response had begun and could not be finished.
func (f *Function) serve(ctx context.Context, rw http.ResponseWriter, e event) error {
	start := time.Now()
	ctx = logfields.New(ctx)
	logfields.Set(ctx, logfields.GatewayRequestID, e.gatewayRequestID())
	w := &statusRecorder{ResponseWriter: rw}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		w.Header().Set("X-Request-Id", lc.AwsRequestID)
	}
	now := start
	if f.Now != nil {
		now = f.Now()
	}
	var principal auth.Principal
	rejected := checkHeader(e)
	if rejected == nil {
		principal, rejected = f.authenticate(ctx, e, now)
	}
	ctx = context.WithValue(ctx, principalKey{}, &principal)
	if rejected == nil {
		rejected = checkBody(e, f.MaxBody)
	}
	if rejected != nil {
		e = e.withoutBody()
	}
	r, err := e.request(ctx)
	if err != nil {
		// This happens for an invalid path or method only.
		rejected = fault.New(fault.Invalid, "The request's address cannot be read.").Because(err)
		r = (&http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/"}}).WithContext(ctx)
	}
	if rejected != nil {
		writeError(w, r, rejected)
	} else {
		f.callHandler(w, r)
	}
	slog.InfoContext(ctx, "request served", "event", "request.served", "method", r.Method, "path", f.pattern(r), "status", w.status, "bytes", w.bytes,
		"ms", time.Since(start).Milliseconds(), "keyId", principal.ID)
	return w.abortErr
}

// pattern returns the path of the route that a request matches, or "unknown". The path of the request itself may hold a
// token, also where it matches no route, so no log line holds it.
func (f *Function) pattern(r *http.Request) string {
	if route, ok := f.match(r); ok {
		return route.Path
	}
	return "unknown"
}

// authenticate returns the caller's principal. With NoAuth the handler checks a signature, and the principal is empty.
func (f *Function) authenticate(ctx context.Context, e event, now time.Time) (auth.Principal, error) {
	if f.NoAuth {
		return auth.Principal{}, nil
	}
	h := e.header()
	principal, hasAuthorizer := e.principal()
	if hasAuthorizer && (principal != nil || !f.Policy.AcceptsSignatures()) {
		if principal == nil || principal.IsExpired(now) || f.Policy.HasConflictingHeader(h) {
			return auth.Principal{}, errNoKey
		}
		return *principal, nil
	}
	if f.Keys == nil {
		return auth.Principal{}, errNoKey
	}
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	var key auth.Key
	var err error = errNoKey
	if !hasAuthorizer { // an authorizer that passed on no principal has found no key
		key, err = f.Policy.Authenticate(ctx, h, f.Keys)
	}
	if fault.Is(err, fault.Unauthorized) && f.Policy.AcceptsSignatures() {
		key, err = f.authenticateSignature(ctx, e, now)
	}
	if err != nil {
		return auth.Principal{}, err
	}
	return key.Principal(), nil
}

// errNoKey is what Policy.Authenticate returns without a key.
var errNoKey = fault.New(fault.Unauthorized, "A valid API key is required.")

// authenticateSignature returns the key that a request was signed with. What an authorizer said of the signature does not
// matter, since it has not seen the body. The signed bytes are those of the body, which nothing has parsed yet.
func (f *Function) authenticateSignature(ctx context.Context, e event, now time.Time) (auth.Key, error) {
	r := auth.SignedRequest{Method: e.method(), Header: e.header()}
	text, isBase64 := e.body()
	r.Body = []byte(text)
	if isBase64 {
		var err error
		if r.Body, err = base64.StdEncoding.DecodeString(text); err != nil {
			return auth.Key{}, errNoKey
		}
	}
	return f.Policy.AuthenticateSignature(ctx, r, f.Keys, now)
}

type principalKey struct{}

// SetPrincipal sets the principal of a request that a handler has authenticated itself, in a function with NoAuth.
func SetPrincipal(r *http.Request, p auth.Principal) {
	if held, ok := r.Context().Value(principalKey{}).(*auth.Principal); ok {
		*held = p
	}
}

// PrincipalOf returns the principal whose key a request had.
func PrincipalOf(r *http.Request) auth.Principal {
	if held, ok := r.Context().Value(principalKey{}).(*auth.Principal); ok {
		return *held
	}
	return auth.Principal{}
}

// callHandler calls the route's handler, and turns an error or a panic into a response.
func (f *Function) callHandler(w *statusRecorder, r *http.Request) {
	err := safego.Call(func() error {
		h, err := f.findRoute(w, r)
		if err != nil {
			return err
		}
		return h(w, r)
	})
	safego.LogPanic(r.Context(), err)
	if _, panicked := errors.AsType[*safego.PanicError](err); panicked {
		err = fault.New(fault.Internal, "Something went wrong on our side.").Because(err)
	}
	if err != nil {
		w.fail(r, err)
	}
}

func (f *Function) findRoute(w http.ResponseWriter, r *http.Request) (HandlerFunc, error) {
	route, ok := f.match(r)
	if !ok {
		return nil, fault.New(fault.NotFound, "There is nothing at this address.").WithCode("unknown_route")
	}
	var allow []string
	for _, other := range f.Routes {
		if other.Path != route.Path {
			continue
		}
		if other.Method == r.Method {
			return other.Handler, nil
		}
		allow = append(allow, other.Method)
	}
	slices.Sort(allow)
	w.Header().Set("Allow", strings.Join(allow, ", "))
	return nil, fault.Newf(fault.MethodNotAllowed, "This address takes %s.", strings.Join(allow, " and "))
}

// match returns a route whose path the request has, and sets the values of the segments in braces. Of several paths it takes
// the one that is literal where the others have braces, as API Gateway does.
func (f *Function) match(r *http.Request) (best Route, ok bool) {
	segments := strings.Split(r.URL.EscapedPath(), "/")
	var values map[string]string
	var literal []bool
	for _, route := range f.Routes {
		v, l, matches := route.values(segments)
		if matches && (!ok || moreLiteral(l, literal)) {
			best, values, literal, ok = route, v, l, true
		}
	}
	for name, value := range values {
		r.SetPathValue(name, value)
	}
	return best, ok
}

// values returns the values of a route's segments in braces, and which of its segments are literal. It is not ok if a path does
// not match.
func (t Route) values(segments []string) (values map[string]string, literal []bool, ok bool) {
	wanted := strings.Split(t.Path, "/")
	if len(wanted) != len(segments) {
		return nil, nil, false
	}
	literal = make([]bool, len(wanted))
	for i, w := range wanted {
		name, variable := strings.CutPrefix(w, "{")
		if literal[i] = !variable; literal[i] {
			if segments[i] != w {
				return nil, nil, false
			}
			continue
		}
		value, err := url.PathUnescape(segments[i])
		if err != nil || value == "" {
			return nil, nil, false
		}
		if values == nil {
			values = map[string]string{}
		}
		values[strings.TrimSuffix(name, "}")] = value
	}
	return values, literal, true
}

// moreLiteral reports whether a path has a literal segment at the first place where another one differs from it.
func moreLiteral(a, b []bool) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i]
		}
	}
	return false
}

// statusRecorder records the status and the size of a response.
type statusRecorder struct {
	http.ResponseWriter
	status, bytes int
	writeErr      error // why a write failed: the reader has disconnected or does not read
	abortErr      error // why a response that had begun could not be finished
}

func (w *statusRecorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *statusRecorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += n
	if err != nil {
		w.writeErr = err
	}
	return n, err
}

// fail sends an error response, or ends a response that has begun.
func (w *statusRecorder) fail(r *http.Request, err error) {
	if w.status == 0 {
		writeError(w, r, err)
		return
	}
	if w.writeErr == nil {
		metric.CountAnswer(r.Context(), err)
	}
	slog.ErrorContext(r.Context(), "response ended with an error", "event", "response.failed", "error", err)
	if !isSSE(w.Header()) {
		w.abortErr = err
		return
	}
	object, merr := json.Marshal(map[string]ErrorObject{"error": NewErrorObject(err)})
	if merr == nil {
		merr = WriteEvent(w, object)
	}
	if merr != nil {
		w.abortErr = merr
	}
}
