package web

import (
	"bytes"
	"context"
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
	"example.com/aurora/shared/core/safego"
)

const (
	// MaxEventBody is the most that Lambda lets into a function, as a whole event: 6 MB. The body of one that came
	// through is never larger.
	MaxEventBody = 6 << 20
	// MaxCallBody is the limit on chat and call routes: 1 MB.
	MaxCallBody = 1 << 20

	softMargin  = 2 * time.Second // a handler's context ends this long before Lambda kills the process
	hardMargin  = time.Second     // a streamed answer that nobody reads ends this long before
	authTimeout = 2 * time.Second // for checking a key at a function URL
)

// HandlerFunc serves one request. Until it has written anything it may return an error, which becomes the answer.
// After that an error ends the answer: with an error event where it streams, cut short where it does not.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// Route is one address of a function. Paths match exactly, but that a last segment such as {period} stands for any one
// segment that is not empty, which r.PathValue("period") then gives.
type Route struct {
	Method, Path string
	Handler      HandlerFunc
}

// Function is a Lambda that speaks HTTP.
type Function struct {
	// Policy says which keys open the function.
	Policy auth.Policy
	// Keys are asked at the function URL; nil for a function that has none.
	Keys auth.KeySource
	// Open says that the handler itself knows its callers, by a signature: no key is asked for.
	NoAuth bool
	// Routes are the function's addresses.
	Routes []Route
	// MaxBody is the largest body in bytes, after base64.
	MaxBody int
	// Stream sends answers on as they are written, which the template must agree with.
	Stream bool
}

// Invoke serves one event; it is what lambdaapp.Start is given.
func (f *Function) Invoke(ctx context.Context, raw json.RawMessage) (any, error) {
	e, err := parseEvent(raw)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		soft, cancel := context.WithDeadline(ctx, deadline.Add(-softMargin))
		if f.Stream {
			// The stream outlives this call; it cancels when it ends.
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

// serve answers one event: key, size, request, route, handler, in this order. The error says that an answer had begun
// and broke off.
func (f *Function) serve(ctx context.Context, rw http.ResponseWriter, e event) error {
	start := time.Now()
	w := &statusRecorder{ResponseWriter: rw}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		w.Header().Set("X-Request-Id", lc.AwsRequestID)
	}
	holder, refused := f.authenticate(ctx, e)
	ctx = context.WithValue(ctx, principalKey{}, holder)
	if refused == nil {
		refused = checkBody(e, f.MaxBody)
	}
	if refused != nil {
		e = e.withoutBody()
	}
	r, err := e.request(ctx)
	if err != nil {
		// Only a path or a method that is none gets here.
		refused = fault.New(fault.Invalid, "The request's address cannot be read.").Because(err)
		r = (&http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/"}}).WithContext(ctx)
	}
	if refused != nil {
		writeError(w, r, refused)
	} else {
		f.callHandler(w, r)
	}
	slog.InfoContext(ctx, "request", "method", r.Method, "path", r.URL.Path, "status", w.status, "bytes", w.bytes,
		"ms", time.Since(start).Milliseconds(), "keyId", holder.ID)
	return w.abortErr
}

// authenticate returns whom the key let in. An open function knows its callers itself.
func (f *Function) authenticate(ctx context.Context, e event) (auth.Principal, error) {
	if f.NoAuth {
		return auth.Principal{}, nil
	}
	h := e.header()
	if holder, ok := e.principal(); ok {
		if holder == nil || f.Policy.HasConflictingHeader(h) {
			return auth.Principal{}, fault.New(fault.Unauthorized, "A valid API key is required.")
		}
		return *holder, nil
	}
	if f.Keys == nil {
		return auth.Principal{}, fault.New(fault.Unauthorized, "This function has no door of its own.")
	}
	ctx, cancel := context.WithTimeout(ctx, authTimeout)
	defer cancel()
	entry, err := f.Policy.Authenticate(ctx, h, f.Keys)
	if err != nil {
		return auth.Principal{}, err
	}
	return entry.Principal(), nil
}

type principalKey struct{}

// PrincipalOf is whose key opened the door for a request.
func PrincipalOf(r *http.Request) auth.Principal {
	h, _ := r.Context().Value(principalKey{}).(auth.Principal)
	return h
}

// callHandler calls the route's handler and answers for what it returns or panics with.
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
	var allow []string
	for _, route := range f.Routes {
		if !route.matches(r) {
			continue
		}
		if route.Method == r.Method {
			return route.Handler, nil
		}
		allow = append(allow, route.Method)
	}
	if len(allow) == 0 {
		return nil, fault.New(fault.NotFound, "There is nothing at this address.").WithCode("unknown_route")
	}
	slices.Sort(allow)
	w.Header().Set("Allow", strings.Join(allow, ", "))
	return nil, fault.Newf(fault.MethodNotAllowed, "This address takes %s.", strings.Join(allow, " and "))
}

// matches reports whether a request is for the route's path, and sets the path's value.
func (t Route) matches(r *http.Request) bool {
	path := r.URL.EscapedPath()
	before, name, ok := strings.Cut(t.Path, "{")
	if !ok {
		return path == t.Path
	}
	segment, ok := strings.CutPrefix(path, before)
	if !ok || segment == "" || strings.Contains(segment, "/") {
		return false
	}
	value, err := url.PathUnescape(segment)
	if err != nil {
		return false
	}
	r.SetPathValue(strings.TrimSuffix(name, "}"), value)
	return true
}

// statusRecorder remembers what was answered.
type statusRecorder struct {
	http.ResponseWriter
	status, bytes int
	abortErr      error // why an answer that had begun could not be finished
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
	return n, err
}

// fail answers with an error, or ends an answer that has begun.
func (w *statusRecorder) fail(r *http.Request, err error) {
	if w.status == 0 {
		writeError(w, r, err)
		return
	}
	slog.ErrorContext(r.Context(), "answer broke off", "error", err)
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
