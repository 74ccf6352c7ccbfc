package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// retryPauses are how long an Event invocation waits before its second and third attempt. Lambda waits one minute and
// two; nobody wants to sit through that at their own desk.
var retryPauses = []time.Duration{time.Second, 2 * time.Second}

// throttlePause is how long an Event invocation that was throttled waits; it does not count as an attempt.
const throttlePause = time.Second

// invoker is Lambda's Invoke API.
type invoker struct {
	names       map[string]*function // by folder, logical id, deployed name and ARN
	ctx         context.Context      // ends with the stack
	tasks       *taskGroup
	sendFailure func(ctx context.Context, f *function, destination string, event, cause []byte) // sends an event that was given up
}

// ServeHTTP serves POST /2015-03-31/functions/{name}/invocations.
func (i *invoker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", newID())
	rest, found := strings.CutPrefix(r.URL.EscapedPath(), "/2015-03-31/functions/")
	name, verb, _ := strings.Cut(rest, "/")
	if !found || verb != "invocations" || r.Method != http.MethodPost {
		invokeError(w, http.StatusNotFound, "UnknownOperationException", "Only Invoke is served here.")
		return
	}
	f := i.find(name)
	if f == nil {
		invokeError(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+unescape(name))
		return
	}
	kind := r.Header.Get("X-Amz-Invocation-Type")
	limit := maxPayload
	if kind == "Event" {
		limit = maxAsyncPayload
	}
	event, err := readBody(r, limit)
	switch {
	case errors.Is(err, errTooLarge):
		invokeError(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException", fmt.Sprintf("Request must be smaller than %d bytes for the InvokeFunction operation", limit))
		return
	case err != nil:
		invokeError(w, http.StatusBadRequest, "InvalidRequestContentException", "The event could not be read.")
		return
	case len(event) == 0:
		event = []byte("{}")
	case !json.Valid(event):
		invokeError(w, http.StatusBadRequest, "InvalidRequestContentException", "Could not parse request body into json")
		return
	}
	switch kind {
	case "", "RequestResponse":
		i.sync(w, f, event)
	case "Event":
		i.async(f, event)
		w.WriteHeader(http.StatusAccepted)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	default:
		invokeError(w, http.StatusBadRequest, "InvalidParameterValueException", "Unknown invocation type "+kind)
	}
}

func invokeError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"Type": "User", "Message": message, "message": message})
}

// find takes a name, an ARN or a partial ARN, with or without a version.
func (i *invoker) find(escaped string) *function {
	name, err := url.PathUnescape(escaped)
	if err != nil {
		return nil
	}
	if f := i.names[name]; f != nil {
		return f
	}
	if at := strings.Index(name, "function:"); at >= 0 {
		name = name[at+len("function:"):]
	}
	name, _, _ = strings.Cut(name, ":")
	return i.names[name]
}

func (i *invoker) sync(w http.ResponseWriter, f *function, event []byte) {
	answer, err := f.invoke(i.ctx, newID(), newTrace(), event)
	switch {
	case errors.Is(err, errThrottled):
		w.Header().Set("Retry-After", "1")
		invokeError(w, http.StatusTooManyRequests, "TooManyRequestsException", errThrottled.Error())
		return
	case err != nil:
		invokeError(w, http.StatusServiceUnavailable, "ServiceException", err.Error())
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Amz-Executed-Version", "$LATEST")
	switch {
	case answer.failure != nil:
		h.Set("X-Amz-Function-Error", "Unhandled")
		_, _ = w.Write(answer.failure.body())
	case answer.stream != nil:
		h.Set("Content-Type", "application/octet-stream")
		_, _ = w.Write(append(append([]byte{}, answer.stream.prelude...), make([]byte, 8)...))
		defer func() { _ = answer.stream.body.Close() }()
		copyFlushed(w, answer.stream.body)
	default:
		_, _ = w.Write(answer.payload)
	}
}

// async invokes a function in the background, and again where it fails. What fails for good goes to the function's
// destination for failures, if it has one.
func (i *invoker) async(f *function, event []byte) {
	i.tasks.run("an Event invocation of "+f.folder, func() {
		id := newID() // the same for every attempt
		for attempt := 0; ; {
			answer, err := f.invoke(i.ctx, id, newTrace(), event)
			pause := throttlePause
			switch {
			case errors.Is(err, errThrottled):
			case err != nil: // stopping
				f.log.writePlatformLine(id, "an Event invocation was lost: "+err.Error())
				return
			case answer.failure == nil:
				if answer.stream != nil {
					_ = answer.stream.body.Close()
				}
				return
			case attempt >= f.retries:
				f.log.writePlatformLine(id, "an Event invocation failed for good: "+answer.failure.Error())
				if f.onFailure != "" {
					i.sendFailure(i.ctx, f, f.onFailure, event, answer.failure.body())
				}
				return
			default:
				pause = retryPauses[min(attempt, len(retryPauses)-1)]
				attempt++
			}
			if !sleepContext(i.ctx, pause) {
				f.log.writePlatformLine(id, "an Event invocation was lost: the stack is stopping")
				return
			}
		}
	})
}

// sleepContext waits, and says whether to go on.
func sleepContext(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
