package bench

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"example.com/aurora/shared/dev/fakeopenai"
)

// Tokens is the number of pieces of the fake model's answer, about a token each.
const Tokens = 100

// Pace is the time between two of its pieces: 500 tokens a second, as fast as hosted models get.
const Pace = 2 * time.Millisecond

// externalServices are a fake model and a fake telephone provider. asked counts their requests.
type externalServices struct {
	model, telephone string
	asked            struct{ model, telephone atomic.Int64 }
	telephoneTime    atomic.Int64 // nanoseconds in the telephone provider
	close            func()
}

func startExternalServices() (*externalServices, error) {
	o := &externalServices{}
	fake := fakeopenai.New(fakeopenai.Options{})
	modelURL, closeModel, err := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.asked.model.Add(1)
		completeChat(w, r, fake)
	}))
	if err != nil {
		return nil, err
	}
	telephoneURL, closeTelephone, err := serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		o.asked.telephone.Add(1)
		answerTwilio(w, r)
		o.telephoneTime.Add(int64(time.Since(began)))
	}))
	if err != nil {
		closeModel()
		return nil, err
	}
	o.model, o.telephone = modelURL+"/v1", telephoneURL
	o.close = func() { closeModel(); closeTelephone(); fake.Close() }
	return o, nil
}

// serve serves HTTP on a free port of 127.0.0.1.
func serve(handler http.Handler) (url string, stop func(), err error) {
	address, stop, err := start(&http.Server{Handler: handler}, (*http.Server).Serve)
	return "http://" + address, stop, err
}

// serveTLS serves HTTPS on a free port of 127.0.0.1.
func serveTLS(handler http.Handler, certificate tls.Certificate) (url string, stop func(), err error) {
	server := &http.Server{Handler: handler, ErrorLog: log.New(io.Discard, "", 0), // a process that is ended breaks its connections off
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}}
	address, stop, err := start(server, func(s *http.Server, l net.Listener) error { return s.ServeTLS(l, "", "") })
	return "https://" + address, stop, err
}

func start(server *http.Server, serve func(*http.Server, net.Listener) error) (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server.ReadHeaderTimeout = 10 * time.Second
	go func() {
		defer func() {
			if p := recover(); p != nil {
				fmt.Fprintln(os.Stderr, "panic in a server of the bench:", p)
			}
		}()
		_ = serve(server, listener) // ends with Close
	}()
	return listener.Addr().String(), func() { _ = server.Close() }, nil
}

// completeChat streams a reply at a model's pace: the first token at once, and each further one at a fixed time after the
// first, so that a late token does not delay the others. fakeopenai answers requests with a JSON schema.
func completeChat(w http.ResponseWriter, r *http.Request, fake http.Handler) {
	body, err := io.ReadAll(r.Body)
	if err != nil || !strings.HasSuffix(r.URL.Path, "/chat/completions") {
		http.NotFound(w, r)
		return
	}
	var asked struct {
		Model  string
		Stream bool
		Format json.RawMessage `json:"response_format"`
	}
	if err := json.Unmarshal(body, &asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if len(asked.Format) > 0 || !asked.Stream {
		r.Body = io.NopCloser(bytes.NewReader(body))
		fake.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	flusher, _ := w.(http.Flusher)
	event := func(delta, finish string) {
		_, _ = fmt.Fprintf(w, "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":%q,\"choices\":[{\"index\":0,\"delta\":%s,\"finish_reason\":%s}]}\n\n", asked.Model, delta, finish)
		flusher.Flush()
	}
	event(`{"role":"assistant","content":""}`, "null")
	began := time.Now()
	for i := range Tokens {
		time.Sleep(time.Until(began.Add(time.Duration(i) * Pace)))
		event(fmt.Sprintf(`{"content":"word%02d "}`, i), "null")
	}
	event(`{}`, `"stop"`)
	_, _ = fmt.Fprintf(w, "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":%q,\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\ndata: [DONE]\n\n", asked.Model, Tokens, Tokens+10)
}

// answerTwilio answers as Twilio does when it accepts a call or a text message. It posts no callbacks.
func answerTwilio(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	sid := strings.ToLower(strings.ReplaceAll(fmt.Sprintf("%032x", time.Now().UnixNano()), " ", "0"))
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, `{"sid":"CA%s","status":"queued","direction":"outbound-api","api_version":"2010-04-01"}`, sid)
}
