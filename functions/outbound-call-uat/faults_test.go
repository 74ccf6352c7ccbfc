package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/adapter/twilio"
	"example.com/aurora/shared/core/aurora"
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
)

// faultyTransport stands between the SDK and DynamoDB; rule spoils a call before it is made, or its reply after.
type faultyTransport struct {
	mu   sync.Mutex
	n    int
	rule func(operation string, n int) (before, after error)
}

func (w *faultyTransport) setRule(rule func(string, int) (error, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rule, w.n = rule, 0
}

func (w *faultyTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.mu.Lock()
	w.n++
	n, rule := w.n, w.rule
	w.mu.Unlock()
	var before, after error
	if rule != nil {
		before, after = rule(operation, n)
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

// newLedgerTable starts DynamoDB with the tables of template.yaml. Requests go through the returned transport.
func newLedgerTable(t *testing.T) (func() (aws.Config, error), *faultyTransport) {
	t.Helper()
	w := &faultyTransport{}
	return dynalite.Tables(t, w), w
}

// fakeTwilio is Twilio, and counts: posts are the requests for a call, calls those it has taken.
type fakeTwilio struct {
	mu          sync.Mutex
	createCount int
	calls       []map[string]any
	now         func() time.Time
	// say answers the nth post in another way than 201; take says whether it takes the call all the same.
	respond func(n int, w http.ResponseWriter) (take, said bool)
}

func (d *fakeTwilio) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	d.mu.Lock()
	defer d.mu.Unlock()
	if r.Method == http.MethodGet {
		_ = json.NewEncoder(w).Encode(map[string]any{"calls": d.calls})
		return
	}
	d.createCount++
	sid := fmt.Sprintf("CA%032x", d.createCount)
	call := map[string]any{"sid": sid, "from": r.PostForm.Get("From"), "to": r.PostForm.Get("To"), "status": "queued", "date_created": d.now().Format(time.RFC1123Z)}
	take, said := true, false
	defer func() {
		if take {
			d.calls = append([]map[string]any{call}, d.calls...)
		}
	}()
	if d.respond != nil {
		n, say := d.createCount, d.respond
		take = true // a panic in say is a lost reply to a call that was taken
		if take, said = say(n, w); said {
			return
		}
	}
	w.WriteHeader(http.StatusCreated)
	_ = json.NewEncoder(w).Encode(call)
}

// setRespond replaces respond. Requests that the client has given up may still read it.
func (d *fakeTwilio) setRespond(respond func(n int, w http.ResponseWriter) (take, said bool)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.respond = respond
}

// setCalls replaces the calls that Twilio lists, and returns those before.
func (d *fakeTwilio) setCalls(calls []map[string]any) (before []map[string]any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before, d.calls = d.calls, calls
	return before
}

// callCount returns the number of calls that Twilio has taken.
func (d *fakeTwilio) callCount() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.calls)
}

func (d *fakeTwilio) createRequests() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.createCount
}

// harness is the function with the ledger in DynamoDB's double and Twilio's, over their wires.
type harness struct {
	t         *testing.T
	transport *faultyTransport
	twilio    *fakeTwilio
	calls     *outbound.Service
	mu        sync.Mutex
	clock     time.Time
	ids       int
}

func newHarness(t *testing.T, base string) *harness {
	t.Helper()
	g := &harness{t: t, clock: time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC)}
	config, w := newLedgerTable(t)
	g.transport, g.twilio = w, &fakeTwilio{now: g.now}
	if base == "" {
		server := httptest.NewServer(g.twilio)
		t.Cleanup(server.Close)
		base = server.URL
	}
	countries, err := outbound.ParseCountries("*")
	if err != nil {
		t.Fatal(err)
	}
	g.calls = &outbound.Service{Assistants: testkit.NewAssistants(aurora.Assistant{Configuration: aurora.Configuration{AssistantID: riley, AssistantPhoneNumber: "4639465275"}}), Ledger: dynamo.NewOutbound(config, "ledger", g.now),
		Provider: twilio.New(twilio.Options{BaseURL: base, Credentials: func(context.Context) (string, error) {
			return `{"accountSid":"` + account + `","authToken":"` + token + `"}`, nil
		}}),
		Guards: outbound.Guards{Countries: countries, DefaultRegion: "US", Limits: outbound.Limits{KeyPerMinute: 1000, KeyPerDay: 1000,
			DestinationPerDay: 1000, CountryPerDay: 1000, SpendPerDay: 1e9, EstimatePerCall: 100_000}},
		StreamURL: "wss://voice.example.com/stream", Now: g.now, NewID: func() string {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.ids++
			return fmt.Sprint("oc_", g.ids)
		}}
	return g
}

func (g *harness) now() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.clock
}

func (g *harness) advance(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.clock = g.clock.Add(d)
}

// callResponse is an answer, as a caller sees it.
type callResponse struct {
	status     int
	code       string
	body       string
	retryAfter string
	replayed   string
}

// placeCall sends a request through the function, as API Gateway does.
func (g *harness) placeCall(key, number string) callResponse {
	g.t.Helper()
	body, _ := json.Marshal(map[string]any{"client": map[string]string{"phoneNumber": number, "name": personName, "email": personEmail}, "assistantId": riley})
	event := events.APIGatewayProxyRequest{HTTPMethod: "POST", Path: "/api/outbound-call-uat", Resource: "/api/outbound-call-uat",
		MultiValueHeaders: map[string][]string{"Content-Type": {"application/json"}}, Body: string(body),
		RequestContext: events.APIGatewayProxyRequestContext{Authorizer: map[string]any{"keyId": "0123456789ab", "keyName": "lamantic", "keyKind": "external"}}}
	if key != "" {
		event.MultiValueHeaders["Idempotency-Key"] = []string{key}
	}
	raw, _ := json.Marshal(event)
	route := callapi.PlaceHandler(g.calls, outbound.RouteUAT, "", "https://api.example.com/prod")
	answer, err := serve(route, nil).Invoke(g.t.Context(), raw)
	if err != nil {
		g.t.Error(err)
		return callResponse{}
	}
	b, _ := json.Marshal(answer)
	var seen events.APIGatewayProxyResponse
	if err := json.Unmarshal(b, &seen); err != nil {
		g.t.Error(err)
	}
	header := func(name string) string {
		for k, v := range seen.MultiValueHeaders {
			if strings.EqualFold(k, name) {
				return strings.Join(v, ",")
			}
		}
		return seen.Headers[name]
	}
	var failure struct{ Error struct{ Code string } }
	_ = json.Unmarshal([]byte(seen.Body), &failure)
	return callResponse{status: seen.StatusCode, code: failure.Error.Code, body: seen.Body, retryAfter: header("Retry-After"), replayed: header("Idempotent-Replayed")}
}

func (g *harness) expect(what string, is callResponse, status int, code string, posts int) {
	g.t.Helper()
	if is.status != status || is.code != code || g.twilio.createRequests() != posts {
		g.t.Errorf("%s: %+v, %d posts; want %d %q, %d", what, is, g.twilio.createRequests(), status, code, posts)
	}
}

const recipient = "+14155550100"

// TestFaults is the rows of faults.md that are about placing a call, over DynamoDB's and Twilio's own protocols.
func TestFaults(t *testing.T) {
	log := testkit.CaptureLog(t)

	refuses := func(status, code int) func(int, http.ResponseWriter) (bool, bool) {
		return func(_ int, w http.ResponseWriter) (bool, bool) {
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"code":%d,"message":"The number %s of %s","status":%d}`, code, recipient, account, status)
			return false, true
		}
	}
	t.Run("44", func(t *testing.T) {
		for i, code := range []int{21211, 21216, 21202} {
			g := newHarness(t, "")
			g.twilio.setRespond(refuses(400, code))
			g.expect(fmt.Sprint(i), g.placeCall("k1", recipient), 400, fmt.Sprint("twilio_", code), 1)
			g.twilio.setRespond(nil)
			g.expect("the key is free", g.placeCall("k1", recipient), 200, "", 2)
		}
	})
	t.Run("45", func(t *testing.T) {
		g := newHarness(t, "")
		g.twilio.setRespond(refuses(429, 20429))
		a := g.placeCall("k1", recipient)
		g.expect("busy", a, 429, "twilio_20429", 2)
		if a.retryAfter == "" {
			t.Error("no Retry-After")
		}
	})
	for row, say := range map[string]func(int, http.ResponseWriter) (bool, bool){
		"46 500": refuses(500, 20500),
		"46 the call is taken and the reply lost": func(int, http.ResponseWriter) (bool, bool) {
			panic(http.ErrAbortHandler)
		},
		"48": func(_ int, w http.ResponseWriter) (bool, bool) {
			w.WriteHeader(201)
			_, _ = io.WriteString(w, "{}")
			return false, true
		},
	} {
		t.Run(row, func(t *testing.T) {
			g := newHarness(t, "")
			g.twilio.setRespond(say)
			a := g.placeCall("k1", recipient)
			g.expect("unknown", a, 504, "call_state_unknown", 1)
			if !strings.Contains(a.body, "oc_1") {
				t.Errorf("the record is not named: %s", a.body)
			}
			g.twilio.setRespond(nil)
			g.advance(time.Minute)
			if again := g.placeCall("k1", recipient); g.twilio.callCount() == 1 { // it was taken: Twilio lists it
				g.expect("found", again, 200, "", 1)
			} else {
				g.expect("still unknown", again, 409, "idempotency_state_unknown", 1)
			}
		})
	}
	t.Run("47", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = listener.Close()
		g := newHarness(t, "http://"+listener.Addr().String())
		g.expect("nobody there", g.placeCall("k1", recipient), 502, "telephone_unreachable", 0)
		server := httptest.NewUnstartedServer(g.twilio)
		if server.Listener, err = net.Listen("tcp", listener.Addr().String()); err != nil {
			t.Fatal(err)
		}
		server.Start()
		defer server.Close()
		g.expect("there again", g.placeCall("k1", recipient), 200, "", 1)
	})
	t.Run("49, 50 and 52", func(t *testing.T) {
		g := newHarness(t, "")
		first := g.placeCall("k1", recipient)
		again := g.placeCall("k1", recipient)
		g.expect("49", again, 200, "", 1)
		if again.body != first.body || again.replayed != "true" || first.replayed != "" {
			t.Errorf("49: %+v\n%+v", first, again)
		}
		g.expect("50", g.placeCall("k1", "+14155550101"), 409, "idempotency_conflict", 1)
		g.expect("52 first", g.placeCall("", recipient), 200, "", 2)
		g.expect("52 a double click", g.placeCall("", recipient), 200, "", 2)
		g.advance(11 * time.Second)
		g.expect("52 eleven seconds later", g.placeCall("", recipient), 200, "", 3)
		g.expect("52 none", g.placeCall("none", recipient), 200, "", 4)
	})
	t.Run("51", func(t *testing.T) {
		g := newHarness(t, "")
		statuses := map[string]int{}
		var wait sync.WaitGroup
		var mu sync.Mutex
		for range 50 {
			wait.Go(func() {
				a := g.placeCall("k1", recipient)
				mu.Lock()
				defer mu.Unlock()
				statuses[fmt.Sprint(a.status, a.code, a.replayed)]++
				if a.status == 409 && a.retryAfter == "" {
					t.Error("no Retry-After")
				}
			})
		}
		wait.Wait()
		if g.twilio.createRequests() != 1 || statuses["200"] != 1 || statuses["200"]+statuses["200true"]+statuses["409idempotency_in_progress"] != 50 {
			t.Errorf("%d posts, %v", g.twilio.createRequests(), statuses)
		}
	})
	t.Run("100 at a limit of 3", func(t *testing.T) {
		g := newHarness(t, "")
		g.calls.Guards.Limits.DestinationPerDay = 3
		var wait sync.WaitGroup
		for i := range 100 {
			wait.Go(func() { g.placeCall(fmt.Sprint("k", i), recipient) })
		}
		wait.Wait()
		g.expect("one more", g.placeCall("k-more", recipient), 429, "destination_limit", 3)
	})
	t.Run("53", func(t *testing.T) {
		g := newHarness(t, "")
		before := 0
		g.transport.setRule(func(_ string, n int) (error, error) {
			if g.twilio.createRequests() == 0 {
				before = n
			}
			return nil, nil
		})
		if g.expect("well", g.placeCall("k0", recipient), 200, "", 1); before < 10 {
			t.Errorf("only %d calls of DynamoDB come before the call", before)
		}
		for n := 1; n <= before; n++ { // DynamoDB is away from its nth call on
			g.transport.setRule(func(_ string, at int) (error, error) {
				if at >= n {
					return io.ErrUnexpectedEOF, nil
				}
				return nil, nil
			})
			if a := g.placeCall(fmt.Sprint("k", n), recipient); a.status != 503 || a.code != "store_unavailable" || a.retryAfter == "" || g.twilio.createRequests() != 1 {
				t.Errorf("away from call %d on: %+v, %d posts", n, a, g.twilio.createRequests())
			}
		}
	})
	t.Run("54", func(t *testing.T) {
		g := newHarness(t, "")
		g.transport.setRule(func(string, int) (error, error) {
			if g.twilio.createRequests() > 0 {
				return io.ErrUnexpectedEOF, nil
			}
			return nil, nil
		})
		a := g.placeCall("k1", recipient)
		g.expect("placed", a, 200, "", 1)
		g.transport.setRule(nil)
		g.expect("under way, for all anybody knows", g.placeCall("k1", recipient), 409, "idempotency_in_progress", 1)
		g.advance(time.Minute)
		calls := g.twilio.setCalls(nil) // not listed yet
		g.expect("unknown", g.placeCall("k1", recipient), 409, "idempotency_state_unknown", 1)
		g.twilio.setCalls(calls)
		g.advance(time.Minute)
		if again := g.placeCall("k1", recipient); again.body != a.body || again.replayed != "true" {
			t.Errorf("found: %+v", again)
		}
	})
	t.Run("a reply of DynamoDB's lost, each in turn", func(t *testing.T) {
		g := newHarness(t, "")
		for n := 1; n <= 18; n++ {
			g.transport.setRule(func(_ string, at int) (error, error) {
				if at == n {
					return nil, io.ErrUnexpectedEOF
				}
				return nil, nil
			})
			key := fmt.Sprint("k", n)
			g.expect(key, g.placeCall(key, recipient), 200, "", n)
			g.transport.setRule(nil)
			g.expect(key+" again", g.placeCall(key, recipient), 200, "", n)
		}
	})
	for _, secret := range []string{recipient, "4155550100", "4639465275", personName, "Zebulon", personEmail, account, token} {
		if i := strings.Index(log.String(), secret); i >= 0 {
			t.Errorf("%q is in the log: %s", secret, log.String()[max(0, i-200):i+40])
		}
	}
	if log.String() == "" {
		t.Error("nothing was logged")
	}
}
