package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/contact"
	"example.com/aurora/shared/dev/dynalite"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/callapi"
	"example.com/aurora/shared/usecase/outbound"
)

const (
	riley       = "9395bc40-ee5d-47e1-bcf3-b2af2f63e84a"
	account     = "AC0123456789abcdef0123456789abcdef"
	token       = "fedcba9876543210fedcba9876543210"
	personName  = "Zebulon Canary"
	personEmail = "canary@example.com"
	recipient   = "+14155550100"
)

// faultyTransport carries the SDK's requests to DynamoDB and fails some of them.
type faultyTransport struct {
	mu   sync.Mutex
	n    int
	rule func(n int) (before, after error)
}

// setRule sets the rule and restarts the count of requests. The rule gets the number of a request. An error before means
// that the request is not sent; an error after means that its reply is lost. A nil rule fails nothing.
func (f *faultyTransport) setRule(rule func(n int) (before, after error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rule, f.n = rule, 0
}

func (f *faultyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.n++
	n, rule := f.n, f.rule
	f.mu.Unlock()
	var before, after error
	if rule != nil {
		before, after = rule(n)
	}
	if before != nil {
		return nil, before
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && after != nil {
		_ = response.Body.Close()
		return nil, after
	}
	return response, err
}

// respondFunc writes the response to the nth request for a call. If it reports that it wrote none, Twilio accepts the
// call as usual. A panic drops the connection after the call was accepted.
type respondFunc func(n int, w http.ResponseWriter) (accept, written bool)

// fakeTwilio is Twilio's API for calls.
type fakeTwilio struct {
	mu       sync.Mutex
	requests int              // for a call
	calls    []map[string]any // that were accepted, the latest first
	now      func() time.Time
	respond  respondFunc // nil accepts every call
}

func (f *fakeTwilio) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.Method == http.MethodGet {
		_ = json.NewEncoder(w).Encode(map[string]any{"calls": f.calls})
		return
	}
	f.requests++
	call := map[string]any{"sid": fmt.Sprintf("CA%032x", f.requests), "from": r.PostForm.Get("From"), "to": r.PostForm.Get("To"), "status": "queued",
		"date_created": f.now().Format(time.RFC1123Z)}
	accept, written := true, false
	defer func() {
		if accept {
			f.calls = append([]map[string]any{call}, f.calls...)
		}
	}()
	if f.respond != nil {
		if accept, written = f.respond(f.requests, w); written {
			return
		}
	}
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(call)
}

// setRespond replaces respond. Requests that the client has given up may still read it.
func (f *fakeTwilio) setRespond(respond respondFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.respond = respond
}

// setCalls replaces the calls that Twilio lists, and returns those before.
func (f *fakeTwilio) setCalls(calls []map[string]any) (before []map[string]any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, f.calls = f.calls, calls
	return before
}

// callCount returns the number of calls that Twilio has accepted.
func (f *fakeTwilio) callCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
}

// requestCount returns the number of requests for a call.
func (f *fakeTwilio) requestCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

// harness is the function, with fakes of DynamoDB and Twilio that it reaches over their protocols.
type harness struct {
	t        *testing.T
	dynamodb *faultyTransport
	twilio   *fakeTwilio
	calls    *outbound.Service
	mu       sync.Mutex
	clock    time.Time
	ids      int
}

// newHarness returns a harness with an empty ledger. twilioURL is the address of Twilio; "" starts a fakeTwilio.
func newHarness(t *testing.T, twilioURL string) *harness {
	t.Helper()
	h := &harness{t: t, clock: time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC), dynamodb: &faultyTransport{}}
	h.twilio = &fakeTwilio{now: h.now}
	if twilioURL == "" {
		server := httptest.NewServer(h.twilio)
		t.Cleanup(server.Close)
		twilioURL = server.URL
	}
	countries, err := contact.ParseCountries("*")
	if err != nil {
		t.Fatal(err)
	}
	h.calls = &outbound.Service{
		Assistants: testkit.NewAssistants(aurora.Assistant{Configuration: aurora.Configuration{AssistantID: riley, AssistantPhoneNumber: "4639465275"}}),
		Ledger:     dynamo.NewOutbound(dynalite.Tables(t, h.dynamodb), "ledger", h.now),
		Provider: twilio.New(twilio.Options{BaseURL: twilioURL, Credentials: func(context.Context) (string, error) {
			return `{"accountSid":"` + account + `","authToken":"` + token + `"}`, nil
		}}),
		Guards: outbound.Guards{Countries: countries, DefaultRegion: "US", Limits: outbound.Limits{KeyPerMinute: 1000, KeyPerDay: 1000,
			DestinationPerDay: 1000, CountryPerDay: 1000, SpendPerDay: 1e9, EstimatePerCall: 100_000}},
		StreamURL: "wss://voice.example.com/stream",
		Now:       h.now,
		NewID:     h.newID,
	}
	return h
}

func (h *harness) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clock
}

func (h *harness) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock = h.clock.Add(d)
}

func (h *harness) newID() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids++
	return fmt.Sprint("oc_", h.ids)
}

// response is an answer as a caller sees it.
type response struct {
	status     int
	code       string // of the error
	body       string
	retryAfter string
	replayed   string
}

// placeCall sends a request through the function, as API Gateway does. An empty key sends no Idempotency-Key.
func (h *harness) placeCall(key, number string) response {
	h.t.Helper()
	body, _ := json.Marshal(map[string]any{"client": map[string]string{"phoneNumber": number, "name": personName, "email": personEmail}, "assistantId": riley})
	event := events.APIGatewayProxyRequest{HTTPMethod: "POST", Path: "/api/outbound-call-uat", Resource: "/api/outbound-call-uat",
		MultiValueHeaders: map[string][]string{"Content-Type": {"application/json"}}, Body: string(body),
		RequestContext: events.APIGatewayProxyRequestContext{Authorizer: map[string]any{"keyId": "0123456789ab", "keyName": "lamantic", "keyKind": "external"}}}
	if key != "" {
		event.MultiValueHeaders["Idempotency-Key"] = []string{key}
	}
	raw, _ := json.Marshal(event)
	route := callapi.PlaceHandler(h.calls, outbound.RouteUAT, "", "https://api.example.com/prod")
	answer, err := serve(route, nil).Invoke(h.t.Context(), raw)
	if err != nil {
		h.t.Error(err)
		return response{}
	}
	b, _ := json.Marshal(answer)
	var got events.APIGatewayProxyResponse
	if err := json.Unmarshal(b, &got); err != nil {
		h.t.Error(err)
	}
	header := func(name string) string {
		for k, v := range got.MultiValueHeaders {
			if strings.EqualFold(k, name) {
				return strings.Join(v, ",")
			}
		}
		return got.Headers[name]
	}
	var failure struct{ Error struct{ Code string } }
	_ = json.Unmarshal([]byte(got.Body), &failure)
	return response{status: got.StatusCode, code: failure.Error.Code, body: got.Body, retryAfter: header("Retry-After"), replayed: header("Idempotent-Replayed")}
}

// expect checks a response, and how many requests Twilio has got so far.
func (h *harness) expect(what string, got response, status int, code string, requests int) {
	h.t.Helper()
	if got.status != status || got.code != code {
		h.t.Errorf("%s: %+v; want %d %q", what, got, status, code)
	}
	if n := h.twilio.requestCount(); n != requests {
		h.t.Errorf("%s: Twilio got %d requests, want %d", what, n, requests)
	}
}
