package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/callapi"
	"example.com/aurora/shared/transport/lambdaapp"
	"example.com/aurora/shared/usecase/outbound"
)

// TestFaults plays the rows of shared/docs/faults.md that are about placing a call, over the protocols of DynamoDB and
// Twilio. No log line may hold personal data or credentials.
func TestFaults(t *testing.T) {
	log := testkit.CaptureLog(t)
	t.Run("fault 44: Twilio rejects the call", testRejectedCall)
	t.Run("fault 45: Twilio is busy", testBusyProvider)
	t.Run("fault 45: Twilio does not accept the account", testInactiveAccount)
	for name, respond := range map[string]respondFunc{
		"fault 46: Twilio answers 500": rejectWith(500, 20500),
		"fault 46: the reply is lost":  func(int, http.ResponseWriter) (bool, bool) { panic(http.ErrAbortHandler) },
		"fault 48: Twilio answers 201 without a sid": func(_ int, w http.ResponseWriter) (bool, bool) {
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, "{}")
			return false, true
		},
	} {
		t.Run(name, func(t *testing.T) { testUnknownCall(t, respond) })
	}
	t.Run("fault 47: Twilio cannot be reached", testUnreachableProvider)
	t.Run("fault 49: the same key and body", testReplay)
	t.Run("fault 50: the same key, another body", testConflict)
	t.Run("fault 51: 50 equal requests at once", testConcurrentRequests)
	t.Run("fault 52: no key", testNoKey)
	t.Run("fault 53: DynamoDB fails before the call", testStoreFailsBefore)
	t.Run("fault 54: DynamoDB fails after the call", testStoreFailsAfter)
	t.Run("100 requests at once at a limit of 3", testConcurrentLimit)
	t.Run("each reply of DynamoDB is lost in turn", testLostReplies)
	for _, secret := range []string{recipient, "4155550100", "4639465275", personName, "Zebulon", personEmail, account, token} {
		if i := strings.Index(log.String(), secret); i >= 0 {
			t.Errorf("%q is in the log: %s", secret, log.String()[max(0, i-200):i+40])
		}
	}
	if log.String() == "" {
		t.Error("nothing was logged")
	}
}

// rejectWith answers with an error of Twilio's. Its text holds private data, as Twilio's texts do.
func rejectWith(status, code int) respondFunc {
	return func(_ int, w http.ResponseWriter) (bool, bool) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"code":%d,"message":"The number %s of %s","status":%d}`, code, recipient, account, status)
		return false, true
	}
}

func testRejectedCall(t *testing.T) {
	for _, code := range []int{21211, 21216, 21202} {
		h := newHarness(t, "")
		h.twilio.setRespond(rejectWith(400, code))
		h.expect(fmt.Sprint("code ", code), h.placeCall("k1", recipient), 400, fmt.Sprint("twilio_", code), 1)
		h.twilio.setRespond(nil)
		h.expect("the key is free", h.placeCall("k1", recipient), 200, "", 2)
	}
}

func testBusyProvider(t *testing.T) {
	h := newHarness(t, "")
	h.twilio.setRespond(rejectWith(429, 20429))
	got := h.placeCall("k1", recipient)
	h.expect("after a second try", got, 429, "twilio_20429", 2)
	if got.retryAfter == "" {
		t.Error("the answer has no Retry-After")
	}
	h.twilio.setRespond(func(n int, w http.ResponseWriter) (bool, bool) {
		w.Header().Set("Retry-After", "40")
		return rejectWith(429, 20429)(n, w)
	})
	got = h.placeCall("k2", recipient)
	h.expect("no second try where Twilio asks to wait for long", got, 429, "twilio_20429", 3)
	if got.retryAfter != "40" {
		t.Errorf("Retry-After is %q, Twilio's was 40", got.retryAfter)
	}
}

func testInactiveAccount(t *testing.T) {
	h := newHarness(t, "")
	requests := 0
	for name, c := range map[string]struct {
		status, twilioCode int
		code               string
	}{
		"suspended":           {401, 20005, "telephone_account"},
		"no money":            {400, 10001, "telephone_account"},
		"a wrong token":       {401, 20003, "telephone_auth"},
		"access is forbidden": {403, 20403, "telephone_auth"},
	} {
		h.twilio.setRespond(rejectWith(c.status, c.twilioCode))
		got := h.placeCall("key for "+name, recipient)
		requests++
		h.expect(name, got, 503, c.code, requests)
		if got.retryAfter != "" {
			t.Errorf("%s: Retry-After is %q; a retry is of no use", name, got.retryAfter)
		}
	}
}

// testUnknownCall plays answers that leave it open whether Twilio accepted the call.
func testUnknownCall(t *testing.T, respond respondFunc) {
	h := newHarness(t, "")
	h.twilio.setRespond(respond)
	got := h.placeCall("k1", recipient)
	h.expect("the first request", got, 504, "call_state_unknown", 1)
	if !strings.Contains(got.body, "oc_1") {
		t.Errorf("the answer does not name the record: %s", got.body)
	}
	h.twilio.setRespond(nil)
	h.advance(time.Minute)
	if again := h.placeCall("k1", recipient); h.twilio.callCount() == 1 { // Twilio accepted the call and lists it
		h.expect("the call was found", again, 200, "", 1)
	} else {
		h.expect("the call is still unknown", again, 409, "idempotency_state_unknown", 1)
	}
}

func testUnreachableProvider(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	h := newHarness(t, "http://"+listener.Addr().String())
	h.expect("no server", h.placeCall("k1", recipient), 502, "telephone_unreachable", 0)
	server := httptest.NewUnstartedServer(h.twilio)
	if server.Listener, err = net.Listen("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	server.Start()
	defer server.Close()
	h.expect("the server is back", h.placeCall("k1", recipient), 200, "", 1)
}

func testReplay(t *testing.T) {
	h := newHarness(t, "")
	first := h.placeCall("k1", recipient)
	again := h.placeCall("k1", recipient)
	h.expect("the second request", again, 200, "", 1)
	if again.body != first.body {
		t.Errorf("the second answer is %s, want %s", again.body, first.body)
	}
	if first.replayed != "" || again.replayed != "true" {
		t.Errorf("Idempotent-Replayed is %q and %q, want it in the second answer only", first.replayed, again.replayed)
	}
}

func testConflict(t *testing.T) {
	h := newHarness(t, "")
	h.expect("the first request", h.placeCall("k1", recipient), 200, "", 1)
	h.expect("another number", h.placeCall("k1", "+14155550101"), 409, "idempotency_conflict", 1)
}

func testConcurrentRequests(t *testing.T) {
	h := newHarness(t, "")
	count := map[string]int{}
	var callers sync.WaitGroup
	var mu sync.Mutex
	for range 50 {
		callers.Go(func() {
			got := h.placeCall("k1", recipient)
			mu.Lock()
			defer mu.Unlock()
			count[fmt.Sprint(got.status, got.code, got.replayed)]++
			if got.status == http.StatusConflict && got.retryAfter == "" {
				t.Error("a conflict has no Retry-After")
			}
		})
	}
	callers.Wait()
	if count["200"] != 1 || count["200"]+count["200true"]+count["409idempotency_in_progress"] != 50 {
		t.Errorf("answers %v, want one call, and else replays and idempotency_in_progress", count)
	}
	if n := h.twilio.requestCount(); n != 1 {
		t.Errorf("Twilio got %d requests, want 1", n)
	}
}

func testNoKey(t *testing.T) {
	h := newHarness(t, "")
	h.expect("the first request", h.placeCall("", recipient), 200, "", 1)
	h.expect("a double click", h.placeCall("", recipient), 200, "", 1)
	h.advance(11 * time.Second)
	h.expect("eleven seconds later", h.placeCall("", recipient), 200, "", 2)
	h.expect("the key none", h.placeCall("none", recipient), 200, "", 3)
}

// testStoreFailsBefore lets DynamoDB fail from one request on, for every request that comes before the call.
func testStoreFailsBefore(t *testing.T) {
	h := newHarness(t, "")
	before := 0
	h.dynamodb.setRule(func(n int) (error, error) {
		if h.twilio.requestCount() == 0 {
			before = n
		}
		return nil, nil
	})
	h.expect("no failure", h.placeCall("k0", recipient), 200, "", 1)
	if before < 10 {
		t.Errorf("%d requests to DynamoDB come before the call, want at least 10", before)
	}
	for first := 1; first <= before; first++ {
		h.dynamodb.setRule(func(n int) (error, error) {
			if n >= first {
				return io.ErrUnexpectedEOF, nil
			}
			return nil, nil
		})
		what := fmt.Sprint("from request ", first, " on")
		got := h.placeCall(fmt.Sprint("k", first), recipient)
		h.expect(what, got, 503, "store_unavailable", 1)
		if got.retryAfter == "" {
			t.Errorf("%s: the answer has no Retry-After", what)
		}
	}
}

func testStoreFailsAfter(t *testing.T) {
	h := newHarness(t, "")
	h.dynamodb.setRule(func(int) (error, error) {
		if h.twilio.requestCount() > 0 {
			return io.ErrUnexpectedEOF, nil
		}
		return nil, nil
	})
	first := h.placeCall("k1", recipient)
	h.expect("the call is placed", first, 200, "", 1)
	h.dynamodb.setRule(nil)
	h.expect("its record is in progress", h.placeCall("k1", recipient), 409, "idempotency_in_progress", 1)
	h.advance(time.Minute)
	calls := h.twilio.setCalls(nil)
	h.expect("Twilio does not list the call yet", h.placeCall("k1", recipient), 409, "idempotency_state_unknown", 1)
	h.twilio.setCalls(calls)
	h.advance(time.Minute)
	if again := h.placeCall("k1", recipient); again.body != first.body || again.replayed != "true" {
		t.Errorf("Twilio lists the call: %+v, want a replay of %s", again, first.body)
	}
}

func testConcurrentLimit(t *testing.T) {
	h := newHarness(t, "")
	h.calls.Guards.Limits.DestinationPerDay = 3
	var callers sync.WaitGroup
	for i := range 100 {
		callers.Go(func() { h.placeCall(fmt.Sprint("k", i), recipient) })
	}
	callers.Wait()
	h.expect("one request more", h.placeCall("k-more", recipient), 429, "destination_limit", 3)
}

// testLostReplies loses the reply to one request to DynamoDB, each time another one. The SDK repeats the request, and
// every call is placed once.
func testLostReplies(t *testing.T) {
	h := newHarness(t, "")
	for lost := 1; lost <= 18; lost++ {
		h.dynamodb.setRule(func(n int) (error, error) {
			if n == lost {
				return nil, io.ErrUnexpectedEOF
			}
			return nil, nil
		})
		key := fmt.Sprint("k", lost)
		h.expect(key, h.placeCall(key, recipient), 200, "", lost)
		h.dynamodb.setRule(nil)
		h.expect(key+" again", h.placeCall(key, recipient), 200, "", lost)
	}
}

// Rejected credentials are answered 503 and counted by their code, at the API and at the function URL. The log line leads to the
// assistant and the request.
func TestFault71RejectedCredentialsAreCounted(t *testing.T) {
	log := testkit.CaptureLogOf(t, func(w io.Writer) *slog.Logger { return lambdaapp.NewLogger(w, slog.LevelInfo) })
	h := newHarness(t, "")
	h.twilio.setRespond(rejectWith(401, 20003))
	keys := &auth.KeyStore{Now: h.now, Secrets: testkit.EverySecret(`["` + eventtest.APIKey + `"]`), SecretNames: map[auth.KeyKind]string{auth.KindInternal: "internal"}}
	f := serve(callapi.PlaceHandler(h.calls, outbound.RouteUAT, "", "https://api.example.com/prod"), keys)
	body, _ := json.Marshal(`{"client":{"phoneNumber":"` + recipient + `","name":"` + personName + `","email":"` + personEmail + `"},"assistantId":"` + riley + `"}`)
	for name, event := range map[string]string{
		"fault 71: at the API": `{"httpMethod":"POST","path":"/api/outbound-call-uat","resource":"/api/outbound-call-uat","headers":{"Content-Type":"application/json","Idempotency-Key":"a"},
			"body":` + string(body) + `,"requestContext":{"authorizer":{"keyId":"0123456789ab","keyName":"acme","keyKind":"external"}}}`,
		"fault 71: at the function URL": `{"version":"2.0","rawPath":"/api/outbound-call-uat","headers":{"content-type":"application/json","idempotency-key":"b","binarytint-internal-api-key":"` + eventtest.APIKey + `"},
			"body":` + string(body) + `,"requestContext":{"http":{"method":"POST","path":"/api/outbound-call-uat"}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			o := eventtest.Invoke(t, f, json.RawMessage(event))
			if want := []string{"RequestFailed telephone_auth"}; o.Status != 503 || !slices.Equal(o.Metrics, want) {
				t.Errorf("status %d and the metrics %v, want 503 and %v: %s", o.Status, o.Metrics, want, o.Body)
			}
			lines := log.Lines()
			slices.Reverse(lines)
			i := slices.IndexFunc(lines, func(l map[string]any) bool { return l["event"] == "request.failed" })
			if i < 0 || lines[i]["code"] != "telephone_auth" || lines[i]["requestId"] != eventtest.RequestID || lines[i]["assistantId"] != riley {
				t.Errorf("want a line request.failed with the code, the request and the assistant:\n%s", log.String())
			}
		})
	}
}
