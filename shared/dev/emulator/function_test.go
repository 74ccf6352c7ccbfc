package emulator

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func TestFunctionURL(t *testing.T) {
	s := startStack(t, Options{})
	url := s.Info().FunctionURLs["EchoFunction"]
	_, body := sendRequest(t, "POST", url+"/a%20b/c?x=1&x=2", `{"a":1}`, "Content-Type", "application/json", "X-Two", "a", "X-Two", "b", "Cookie", "c=1; d=2")
	for _, check := range []struct {
		want any
		path []string
	}{
		{"2.0", []string{"version"}}, {"$default", []string{"routeKey"}}, {"/a%20b/c", []string{"rawPath"}}, {"x=1&x=2", []string{"rawQueryString"}},
		{"1,2", []string{"queryStringParameters", "x"}}, {"a,b", []string{"headers", "x-two"}}, {"application/json", []string{"headers", "content-type"}},
		{"POST", []string{"requestContext", "http", "method"}}, {"$default", []string{"requestContext", "stage"}}, {"anonymous", []string{"requestContext", "accountId"}},
		{`{"a":1}`, []string{"body"}}, {false, []string{"isBase64Encoded"}},
	} {
		if got := jsonAt(t, body, check.path...); got != check.want {
			t.Errorf("%s is %v, want %v", strings.Join(check.path, "."), got, check.want)
		}
	}
	if cookies, _ := jsonAt(t, body, "cookies").([]any); len(cookies) != 2 || cookies[1] != "d=2" {
		t.Errorf("cookies %v, want two", cookies)
	}
	for kind, encoded := range map[string]bool{"": true, "application/x-www-form-urlencoded": true, "application/octet-stream": true, "text/plain": false,
		"application/json; charset=utf-8": false, "application/problem+json": false, "nonsense": true} {
		header := []string{"Content-Type", kind}
		if kind == "" {
			header = nil
		}
		_, body := sendRequest(t, "POST", url, "hello", header...)
		want := "hello"
		if encoded {
			want = "aGVsbG8="
		}
		if jsonAt(t, body, "isBase64Encoded") != encoded || jsonAt(t, body, "body") != want {
			t.Errorf("content type %q: isBase64Encoded %v, body %v; want %v, %q", kind, jsonAt(t, body, "isBase64Encoded"), jsonAt(t, body, "body"), encoded, want)
		}
	}
	response, body := sendRequest(t, "GET", url+"?do=cookies", "")
	if cookies := response.Header.Values("Set-Cookie"); len(cookies) != 2 || body != "hello" {
		t.Errorf("headers %v, body %q; want two cookies and hello", response.Header, body)
	}
	response, body = sendRequest(t, "GET", url+"?do=plain", "")
	if response.StatusCode != 200 || body != `{"hello":"world"}` {
		t.Errorf("a payload without statusCode: %s %s, want 200 and the payload", response.Status, body)
	}
	for do, status := range map[string]int{"panic": 502, "error": 502, "exit": 502, "big": 502, "hang": 502} {
		if response, _ := sendRequest(t, "GET", url+"?do="+do, ""); response.StatusCode != status {
			t.Errorf("%s: %s, want %d", do, response.Status, status)
		}
	}
	if response, body := sendRequest(t, "POST", url, strings.Repeat("x", 6<<20+1), "Content-Type", "text/plain"); response.StatusCode != 413 {
		t.Errorf("a body over the limit: %s %s, want 413", response.Status, body)
	}
}

func TestInvokeAPI(t *testing.T) {
	sinkURL, got := newSink(t, nil)
	s := startStack(t, Options{Environ: []string{"SINK_BASE_URL=" + sinkURL}})
	invoke := func(name, event string, header ...string) (*http.Response, string) {
		return sendRequest(t, "POST", s.Info().Lambda+"/2015-03-31/functions/"+name+"/invocations", event, header...)
	}
	for _, name := range []string{"echo", "EchoFunction", "aurora-test-EchoFunction", "arn:aws:lambda:us-east-1:000000000000:function:aurora-test-EchoFunction",
		"arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Aaurora-test-EchoFunction", "echo:$LATEST", "000000000000:function:aurora-test-EchoFunction"} {
		response, body := invoke(name, `{"do":"plain"}`)
		if response.StatusCode != 200 || body != `{"hello":"world"}` || response.Header.Get("X-Amz-Executed-Version") != "$LATEST" {
			t.Errorf("%s: %s %s", name, response.Status, body)
		}
	}
	tests := []struct {
		name, event, kind string
		status            int
		failed            string
		contains          string
	}{
		{"echo", `{"do":"error"}`, "", 200, "Unhandled", `"errorMessage":"as asked"`},
		{"echo", `{"do":"panic"}`, "", 200, "Unhandled", `"errorMessage":"as asked"`},
		{"echo", `{"do":"exit"}`, "RequestResponse", 200, "Unhandled", "Runtime.ExitError"},
		{"echo", `{"do":"hang"}`, "RequestResponse", 200, "Unhandled", "Task timed out after 2.00 seconds"},
		{"echo", `{"do":"big"}`, "RequestResponse", 200, "Unhandled", "Function.ResponseSizeTooLarge"},
		{"echo", ``, "", 200, "", "statusCode"},
		{"echo", `{"do":"error"}`, "DryRun", 204, "", ""},
		{"no-such-function", `{}`, "", 404, "", "Function not found"},
		{"echo", `{`, "", 400, "", "Could not parse"},
		{"echo", `{}`, "Sometimes", 400, "", "invocation type"},
		{"echo", `"` + strings.Repeat("x", 6<<20) + `"`, "", 413, "", "smaller"},
		{"echo", `"` + strings.Repeat("x", 1<<20) + `"`, "Event", 413, "", ""},
	}
	for _, test := range tests {
		response, body := invoke(test.name, test.event, "X-Amz-Invocation-Type", test.kind)
		if response.StatusCode != test.status || response.Header.Get("X-Amz-Function-Error") != test.failed || !strings.Contains(body, test.contains) {
			t.Errorf("%s %.40s %s: %s %q %.200s", test.name, test.event, test.kind, response.Status, response.Header.Get("X-Amz-Function-Error"), body)
		}
	}
	if response, _ := invoke("worker", `{"n":1}`, "X-Amz-Invocation-Type", "Event"); response.StatusCode != 202 {
		t.Errorf("an Event invocation: %s, want 202", response.Status)
	}
	for event := range got {
		if event == `{"n":1}` {
			break
		}
	}
}

func TestEventIsTriedThreeTimes(t *testing.T) {
	sinkURL, got := newSink(t, func(event string) string {
		if strings.Contains(event, "poison") {
			return "fail"
		}
		return "{}"
	})
	s := startStack(t, Options{Environ: []string{"SINK_BASE_URL=" + sinkURL}})
	if response, _ := sendRequest(t, "POST", s.Info().Lambda+"/2015-03-31/functions/worker/invocations", `{"poison":1}`, "X-Amz-Invocation-Type", "Event"); response.StatusCode != 202 {
		t.Fatal(response.Status)
	}
	for tries := 0; tries < 3; {
		if strings.Contains(receiveWithin(t, got, "another attempt"), "poison") {
			tries++
		}
	}
}

func TestFault61Throttling(t *testing.T) {
	s := startStack(t, Options{Concurrency: 2})
	g := newGate(t)
	var wg sync.WaitGroup
	answers := make([]string, 2)
	for i := range answers {
		wg.Go(func() { _, answers[i] = sendRequest(t, "GET", s.Info().FunctionURLs["EchoFunction"]+"?do="+g.url, "") })
		receiveWithin(t, g.arrived, "the function")
	}
	response, body := sendRequest(t, "GET", s.Info().FunctionURLs["EchoFunction"], "")
	if response.StatusCode != 429 || response.Header.Get("Retry-After") == "" {
		t.Errorf("function URL: %s %s", response.Status, body)
	}
	if response, body = sendRequest(t, "GET", s.Info().API+"/open", ""); response.StatusCode != 500 || response.Header.Get("Retry-After") != "1" || !strings.Contains(body, "broken") {
		t.Errorf("REST: %s %s", response.Status, body)
	}
	response, body = sendRequest(t, "POST", s.Info().Lambda+"/2015-03-31/functions/echo/invocations", "{}")
	if response.StatusCode != 429 || response.Header.Get("X-Amzn-Errortype") != "TooManyRequestsException" {
		t.Errorf("Invoke: %s %s", response.Status, body)
	}
	g.open <- struct{}{}
	g.open <- struct{}{}
	wg.Wait()
	first, _, _ := strings.Cut(answers[0], " ")
	second, _, _ := strings.Cut(answers[1], " ")
	if !strings.HasSuffix(answers[0], "through") || first == second {
		t.Errorf("two invocations at the same time had these processes: %q, %q; want different ones", answers[0], answers[1])
	}
	if response, _ = sendRequest(t, "GET", s.Info().API+"/open", ""); response.StatusCode != 200 {
		t.Errorf("the invocation after it: %s, want 200", response.Status)
	}
}

func TestInitFailure(t *testing.T) {
	s := startStack(t, Options{})
	f := s.invoker.names["echo"]
	launch := f.launch
	f.launch = func(address string) (*child, error) {
		return s.launcher.start(filepath.Join(builtPrograms, "echo", "bootstrap"), nil, []string{"INIT=exit", "AWS_LAMBDA_RUNTIME_API=" + address}, builtPrograms, f.log, nil)
	}
	for range 2 {
		_, body := sendRequest(t, "POST", s.Info().Lambda+"/2015-03-31/functions/echo/invocations", "{}")
		if !strings.Contains(body, "Runtime.ExitError") || !strings.Contains(body, "exit status 3") {
			t.Errorf("a process that exits at its start: %s, want Runtime.ExitError", body)
		}
	}
	f.launch = func(string) (*child, error) { return s.launcher.start("/nowhere/bootstrap", nil, nil, "", f.log, nil) }
	if _, body := sendRequest(t, "POST", s.Info().Lambda+"/2015-03-31/functions/echo/invocations", "{}"); !strings.Contains(body, "Runtime.InvalidEntrypoint") {
		t.Errorf("a program that is missing: %s, want Runtime.InvalidEntrypoint", body)
	}
	f.maxInit = 200 * time.Millisecond
	f.launch = func(string) (*child, error) {
		return s.launcher.start("/bin/sleep", []string{"600"}, nil, "", f.log, nil)
	}
	if _, body := sendRequest(t, "POST", s.Info().Lambda+"/2015-03-31/functions/echo/invocations", "{}"); !strings.Contains(body, "Init timed out after 0.20 seconds") {
		t.Errorf("a process that never asks for an invocation: %s, want an init timeout", body)
	}
	f.launch, f.maxInit = launch, maxInit
	if response, _ := sendRequest(t, "GET", s.Info().API+"/open", ""); response.StatusCode != 200 {
		t.Errorf("the invocation after it: %s, want 200", response.Status)
	}
}

func TestConcurrentInvocations(t *testing.T) {
	const limit = 8 // as many as callers: a function is free before its caller has the response
	s := startStack(t, Options{Concurrency: limit})
	var wg sync.WaitGroup
	for worker := range limit {
		wg.Go(func() {
			for range 25 {
				do := []string{"", "plain", "error", "exit"}[worker%4]
				_, body := sendRequest(t, "POST", s.Info().Lambda+"/2015-03-31/functions/echo/invocations", `{"do":"`+do+`"}`)
				if !json.Valid([]byte(body)) || strings.Contains(body, "Rate Exceeded") {
					t.Errorf("%q: %s", do, body)
				}
			}
		})
	}
	wg.Wait()
	f := s.invoker.names["echo"]
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.busy != 0 || len(f.waiting) != 0 || len(f.all) > limit {
		t.Errorf("busy %d, waiting %d, processes %v: want 0 but for the processes", f.busy, len(f.waiting), f.all)
	}
}

// queueDepth returns the number of messages in a queue, as a string.
func queueDepth(t *testing.T, s *Stack, url string) string {
	t.Helper()
	out, err := s.sqs.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: aws.String(url), AttributeNames: []sqsAttribute{"ApproximateNumberOfMessages"}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Attributes["ApproximateNumberOfMessages"]
}

func TestFault66FunctionsGetSIGTERM(t *testing.T) {
	data := t.TempDir()
	s := startStack(t, Options{Data: data})
	if response, _ := sendRequest(t, "GET", s.Info().API+"/open", ""); response.StatusCode != 200 {
		t.Fatal(response.Status)
	}
	stopStack(t, s)
	log, err := os.ReadFile(filepath.Join(data, "logs", "echo.log"))
	if err != nil || !strings.Contains(string(log), "told to end") || strings.Contains(string(log), "Failed to register") {
		t.Errorf("log %s, %v; want the line of the SIGTERM handler", log, err)
	}
}

func TestCORS(t *testing.T) {
	u := &functionURL{function: &function{functionPlan: &functionPlan{url: &urlPlan{cors: map[string]any{"AllowOrigins": []any{"https://shop.example.com"},
		"AllowMethods": []any{"POST"}, "AllowHeaders": []any{"content-type"}, "MaxAge": 600}}}}}
	for origin, allowed := range map[string]bool{"https://shop.example.com": true, "https://evil.example.com": false, "": false} {
		r := httptest.NewRequest("OPTIONS", "/", nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "POST")
		w := httptest.NewRecorder()
		if answered := u.preflight(w, r); answered != allowed || (w.Header().Get("Access-Control-Allow-Origin") == origin && origin != "") != allowed {
			t.Errorf("function URL, origin %q: answered %v, headers %v", origin, answered, w.Header())
		}
	}
	log := &logFile{}
	g := &gateway{plan: apiPlan{cors: map[string]any{"AllowOrigin": "'*'", "AllowMethods": "'GET'"}, routes: []*routePlan{{method: "GET", path: "/a", function: &functionPlan{}}}}, log: log, println: func(string) {}}
	for path, status := range map[string]int{"/a": 200, "/b": 403} {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, httptest.NewRequest("OPTIONS", path, nil))
		if w.Code != status || (w.Header().Get("Access-Control-Allow-Origin") == "*") != (status == 200) {
			t.Errorf("gateway, %s: %d %v", path, w.Code, w.Header())
		}
	}
}
