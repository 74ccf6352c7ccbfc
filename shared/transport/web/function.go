package web

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/lambdaapp"
)

const (
	// EventBody is the most that Lambda lets into a function, as a whole event: 6 MB. The body of one that came
	// through is never larger.
	EventBody = 6 << 20
	// CallBody is the limit on chat and call routes: 1 MB.
	CallBody = 1 << 20

	softMargin = 2 * time.Second // a handler's context ends this long before Lambda kills the process
	hardMargin = time.Second     // a streamed answer that nobody reads ends this long before
	doorTime   = 2 * time.Second // for checking a key at a function URL
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
	Keys auth.Keys
	// Open says that the handler itself knows its callers, by a signature: no key is asked for.
	Open bool
	// Routes are the function's addresses.
	Routes []Route
	// MaxBody is the largest body in bytes, after base64.
	MaxBody int
	// Stream sends answers on as they are written, which the template must agree with.
	Stream bool
}

// Invoke serves one event; it is what boot.Start is given.
func (f *Function) Invoke(ctx context.Context, raw json.RawMessage) (any, error) {
	e, err := parse(raw)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		soft, cancel := context.WithDeadline(ctx, deadline.Add(-softMargin))
		if f.Stream {
			// The stream outlives this call; it cancels when it ends.
			return f.stream(soft, cancel, deadline.Add(-hardMargin), e)
		}
		defer cancel()
		ctx = soft
	} else if f.Stream {
		return f.stream(ctx, func() {}, time.Time{}, e)
	}
	w := e.buffered()
	if err := f.serve(ctx, w, e); err != nil {
		return nil, err
	}
	return w.response()
}

// serve answers one event: key, size, request, route, handler, in this order. The error says that an answer had begun
// and broke off.
func (f *Function) serve(ctx context.Context, rw http.ResponseWriter, e event) error {
	start := time.Now()
	w := &watcher{ResponseWriter: rw}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		w.Header().Set("X-Request-Id", lc.AwsRequestID)
	}
	holder, refused := f.door(ctx, e)
	ctx = context.WithValue(ctx, holderKey{}, holder)
	if refused == nil {
		refused = check(e, f.MaxBody)
	}
	if refused != nil {
		e = e.blank()
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
		f.run(w, r)
	}
	slog.InfoContext(ctx, "request", "method", r.Method, "path", r.URL.Path, "status", w.status, "bytes", w.bytes,
		"ms", time.Since(start).Milliseconds(), "keyId", holder.ID)
	return w.cut
}

// door returns whom the key let in. An open function knows its callers itself.
func (f *Function) door(ctx context.Context, e event) (auth.Holder, error) {
	if f.Open {
		return auth.Holder{}, nil
	}
	h := e.header()
	if holder, ok := e.holder(); ok {
		if holder == nil || f.Policy.Ambiguous(h) {
			return auth.Holder{}, fault.New(fault.Unauthorized, "A valid API key is required.")
		}
		return *holder, nil
	}
	if f.Keys == nil {
		return auth.Holder{}, fault.New(fault.Unauthorized, "This function has no door of its own.")
	}
	ctx, cancel := context.WithTimeout(ctx, doorTime)
	defer cancel()
	entry, err := f.Policy.Decide(ctx, h, f.Keys)
	if err != nil {
		return auth.Holder{}, err
	}
	return entry.Holder(), nil
}

type holderKey struct{}

// HolderOf is whose key opened the door for a request.
func HolderOf(r *http.Request) auth.Holder {
	h, _ := r.Context().Value(holderKey{}).(auth.Holder)
	return h
}

// run calls the route's handler and answers for what it returns or panics with.
func (f *Function) run(w *watcher, r *http.Request) {
	var err error
	defer func() {
		if p := recover(); p != nil {
			slog.ErrorContext(r.Context(), "panic in a handler", "panic", fmt.Sprint(p), "stack", lambdaapp.Stack())
			err = fault.New(fault.Internal, "Something went wrong on our side.").Because(fmt.Errorf("panic: %v", p))
		}
		if err != nil {
			w.fail(r, err)
		}
	}()
	var h HandlerFunc
	if h, err = f.route(w, r); err == nil {
		err = h(w, r)
	}
}

func (f *Function) route(w http.ResponseWriter, r *http.Request) (HandlerFunc, error) {
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
		return nil, fault.New(fault.NotFound, "There is nothing at this address.").Coded("unknown_route")
	}
	slices.Sort(allow)
	w.Header().Set("Allow", strings.Join(allow, ", "))
	return nil, fault.Newf(fault.Method, "This address takes %s.", strings.Join(allow, " and "))
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

// watcher remembers what was answered.
type watcher struct {
	http.ResponseWriter
	status, bytes int
	cut           error // why an answer that had begun could not be finished
}

func (w *watcher) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *watcher) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += n
	return n, err
}

// fail answers with an error, or ends an answer that has begun.
func (w *watcher) fail(r *http.Request, err error) {
	if w.status == 0 {
		writeError(w, r, err)
		return
	}
	slog.ErrorContext(r.Context(), "answer broke off", "error", err)
	if !isSSE(w.Header()) {
		w.cut = err
		return
	}
	object, merr := json.Marshal(map[string]ErrorObject{"error": ErrorOf(err)})
	if merr == nil {
		merr = Event(w, object)
	}
	if merr != nil {
		w.cut = merr
	}
}
