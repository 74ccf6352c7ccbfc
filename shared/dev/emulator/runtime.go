package emulator

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// runtimePath is the path of Lambda's runtime API.
const runtimePath = "/2018-06-01/runtime/"

// runtimeAPI serves Lambda's runtime API. Every process has its own path in the address, which tells who sends a request.
type runtimeAPI struct {
	tasks *taskGroup
	host  string
	last  atomic.Uint64

	mu        sync.Mutex
	processes map[string]*process
}

func newRuntimeAPI(c *taskGroup, listener net.Listener) *runtimeAPI {
	return &runtimeAPI{tasks: c, host: listener.Addr().String(), processes: map[string]*process{}}
}

func (a *runtimeAPI) newProcess(f *function) *process {
	p := &process{function: f, id: "p" + strconv.FormatUint(a.last.Add(1), 10)}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.processes[p.id] = p
	return p
}

func (a *runtimeAPI) removeProcess(p *process) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.processes, p.id)
}

// address returns the value of AWS_LAMBDA_RUNTIME_API for a process.
func (a *runtimeAPI) address(p *process) string { return a.host + "/" + p.id }

// ServeHTTP serves one request of a process.
func (a *runtimeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if id, verb, found := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), extensionPath); found {
		serveExtension(w, r, id, verb)
		return
	}
	id, path, found := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), runtimePath)
	a.mu.Lock()
	p := a.processes[id]
	a.mu.Unlock()
	if p == nil || !found {
		writeRuntimeError(w, http.StatusNotFound, "NotFound", "no such process")
		return
	}
	switch {
	case path == "invocation/next" && r.Method == http.MethodGet:
		a.handleNext(w, r, p)
	case path == "init/error" && r.Method == http.MethodPost:
		body, _ := io.ReadAll(io.LimitReader(r.Body, maxPayload)) // use the part that arrived
		p.initFailed(body)
		w.WriteHeader(http.StatusAccepted)
	case r.Method == http.MethodPost && strings.HasPrefix(path, "invocation/"):
		id, verb, _ := strings.Cut(strings.TrimPrefix(path, "invocation/"), "/")
		inv := p.currentInvocation(id)
		if inv == nil {
			writeRuntimeError(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
			return
		}
		switch verb {
		case "response":
			a.handleResponse(w, r, p, inv)
		case "error":
			a.handleError(w, r, p, inv)
		default:
			writeRuntimeError(w, http.StatusNotFound, "NotFound", "no such path")
		}
	default:
		writeRuntimeError(w, http.StatusNotFound, "NotFound", "no such path")
	}
}

// extensionPath is the path of the extensions API. aws-lambda-go registers an extension there, because Lambda sends SIGTERM
// only to functions with one. The emulator sends it to all.
const extensionPath = "/2020-01-01/extension/"

func serveExtension(w http.ResponseWriter, r *http.Request, id, verb string) {
	switch verb {
	case "register":
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Lambda-Extension-Identifier", id)
		_, _ = io.WriteString(w, `{"functionName":"local","functionVersion":"$LATEST","handler":"bootstrap"}`)
	case "event/next":
		<-r.Context().Done() // it registered for no events
	default:
		writeRuntimeError(w, http.StatusNotFound, "NotFound", "no such path")
	}
}

func writeRuntimeError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(failure{Type: kind, Message: message})
}

func (a *runtimeAPI) handleNext(w http.ResponseWriter, r *http.Request, p *process) {
	next := p.openNext()
	select {
	case inv := <-next:
		switch {
		case inv == nil: // the process has sent another request
		case r.Context().Err() != nil || sendInvocation(w, p, inv) != nil:
			p.closeNext(next, inv)
		default:
			p.closeNext(next, nil)
		}
	case <-r.Context().Done():
		p.closeNext(next, nil)
	}
}

// sendInvocation sends an invocation to its process. Without an error, the process has it, or ends, or passes its deadline, or
// asks again, and each of these gives the caller an answer.
func sendInvocation(w http.ResponseWriter, p *process, inv *invocation) error {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(inv.event)))
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", p.function.arn)
	h.Set("Lambda-Runtime-Trace-Id", inv.trace)
	if _, err := w.Write(inv.event); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}

// handleResponse reads a function's response, buffered or streamed.
func (a *runtimeAPI) handleResponse(w http.ResponseWriter, r *http.Request, p *process, inv *invocation) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), streamType) {
		a.handleStream(w, r, p, inv)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload+1))
	if err != nil {
		return // the process is ending; handleExit answers
	}
	if len(body) > maxPayload {
		_, _ = io.Copy(io.Discard, r.Body)
		p.markAnswered(inv)
		inv.deliver(&reply{failure: &failure{Type: "Function.ResponseSizeTooLarge",
			Message: fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxPayload)}})
		writeRuntimeError(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Exceeded maximum allowed payload size")
		return
	}
	p.markAnswered(inv)
	if f := trailerFailure(r.Trailer); f != nil {
		inv.deliver(&reply{failure: f})
	} else {
		inv.deliver(&reply{payload: body})
	}
	w.WriteHeader(http.StatusAccepted)
}

func (a *runtimeAPI) handleStream(w http.ResponseWriter, r *http.Request, p *process, inv *invocation) {
	prelude, body, err := splitStream(r.Body)
	if err != nil {
		if errors.Is(err, errNoPrelude) {
			p.markAnswered(inv)
			inv.deliver(&reply{failure: &failure{Type: "Runtime.InvalidStream", Message: err.Error()}})
			w.WriteHeader(http.StatusAccepted)
		}
		return
	}
	inv.deliver(&reply{stream: &stream{prelude: prelude, body: inv.read}})
	err = copyStream(inv.write, body, maxStream)
	var broken *bodyReadError
	if errors.As(err, &broken) {
		return // the process is ending; handleExit ends the stream
	}
	if f := trailerFailure(r.Trailer); f != nil && err == nil {
		err = f
	}
	if err != nil {
		p.function.log.writePlatformLine(inv.id, err.Error())
	}
	p.markAnswered(inv)
	inv.finish(err)
	w.WriteHeader(http.StatusAccepted)
}

// handleError reads a function's error.
func (a *runtimeAPI) handleError(w http.ResponseWriter, r *http.Request, p *process, inv *invocation) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload))
	if err != nil {
		return
	}
	f := &failure{Type: r.Header.Get("Lambda-Runtime-Function-Error-Type"), payload: body}
	_ = json.Unmarshal(body, f) // a body that is not JSON is passed on as it is
	p.markAnswered(inv)
	inv.deliver(&reply{failure: f})
	w.WriteHeader(http.StatusAccepted)
}

// trailerFailure returns the error in the trailer of a response, or nil. The runtime client declares the trailer always, and
// sets it if it could not read the function's response to its end.
func trailerFailure(trailer http.Header) *failure {
	kind := trailer.Get("Lambda-Runtime-Function-Error-Type")
	if kind == "" {
		return nil
	}
	f := &failure{Type: kind}
	if body, err := base64.StdEncoding.DecodeString(trailer.Get("Lambda-Runtime-Function-Error-Body")); err == nil {
		f.payload = body
		_ = json.Unmarshal(body, f)
	}
	return f
}

func (f *failure) Error() string { return f.Type + ": " + f.Message }

// body returns the failure as the Invoke API sends it.
func (f *failure) body() []byte {
	if len(f.payload) > 0 {
		return f.payload
	}
	b, _ := json.Marshal(f) // encoding strings cannot fail
	return b
}
