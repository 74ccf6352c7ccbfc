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

// retryPauses are the waits before the second and the third attempt of an Event invocation. Lambda waits one and two
// minutes; a developer would have to watch that.
var retryPauses = []time.Duration{time.Second, 2 * time.Second}

// throttlePause is the wait of a throttled Event invocation. Being throttled does not count as an attempt.
const throttlePause = time.Second

// invoker serves Lambda's Invoke API.
type invoker struct {
	names       map[string]*function // by folder, logical id, deployed name and ARN
	ctx         context.Context      // done when the stack stops
	tasks       *taskGroup
	sendFailure func(ctx context.Context, f *function, destination string, event, cause []byte) // sends an event that failed on every attempt to its destination
}

// ServeHTTP serves POST /2015-03-31/functions/{name}/invocations.
func (i *invoker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", newID())
	rest, found := strings.CutPrefix(r.URL.EscapedPath(), "/2015-03-31/functions/")
	name, verb, _ := strings.Cut(rest, "/")
	if !found || verb != "invocations" || r.Method != http.MethodPost {
		invokeError(w, http.StatusNotFound, "UnknownOperationException", "The emulator serves only the Invoke operation.")
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

// find returns the function with this name, ARN or partial ARN. A version is ignored.
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

// async invokes a function in the background, and retries if it fails. An event that fails on every attempt goes to the
// function's on-failure destination, if there is one.
func (i *invoker) async(f *function, event []byte) {
	i.tasks.run("an Event invocation of "+f.folder, func() {
		id := newID() // the same for every attempt
		for attempt := 0; ; {
			answer, err := f.invoke(i.ctx, id, newTrace(), event)
			pause := throttlePause
			switch {
			case errors.Is(err, errThrottled):
			case err != nil: // the stack is stopping
				f.log.writePlatformLine(id, "an Event invocation was dropped: "+err.Error())
				return
			case answer.failure == nil:
				if answer.stream != nil {
					_ = answer.stream.body.Close()
				}
				return
			case attempt >= f.retries:
				f.log.writePlatformLine(id, "an Event invocation failed on every attempt: "+answer.failure.Error())
				if f.onFailure != "" {
					i.sendFailure(i.ctx, f, f.onFailure, event, answer.failure.body())
				}
				return
			default:
				pause = retryPauses[min(attempt, len(retryPauses)-1)]
				attempt++
			}
			if !sleepContext(i.ctx, pause) {
				f.log.writePlatformLine(id, "an Event invocation was dropped: the stack is stopping")
				return
			}
		}
	})
}

// sleepContext waits. It returns false if ctx is done before the time has passed.
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
