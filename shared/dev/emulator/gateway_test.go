package emulator

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestGateway(t *testing.T) {
	s := startStack(t, Options{})
	api := s.Info().API

	t.Run("event", func(t *testing.T) {
		response, body := sendRequest(t, http.MethodPost, api+"/things/a%20b?q=1&q=2&empty=", `{"x":"ü"}`, "Content-Type", "application/json", "X-Two", "a", "X-Two", "b")
		if response.StatusCode != 200 {
			t.Fatalf("%s %s, want 200", response.Status, body)
		}
		for _, check := range []struct {
			want any
			path []string
		}{
			{"/things/{id}", []string{"resource"}}, {"/things/a%20b", []string{"path"}}, {"POST", []string{"httpMethod"}},
			{"a b", []string{"pathParameters", "id"}}, {"2", []string{"queryStringParameters", "q"}}, {"", []string{"queryStringParameters", "empty"}},
			{"b", []string{"headers", "X-Two"}}, {`{"x":"ü"}`, []string{"body"}}, {false, []string{"isBase64Encoded"}}, {nil, []string{"stageVariables"}},
			{"test", []string{"requestContext", "stage"}}, {"/test/things/a%20b", []string{"requestContext", "path"}}, {"127.0.0.1", []string{"requestContext", "identity", "sourceIp"}},
			{response.Header.Get("X-Amzn-Requestid"), []string{"requestContext", "requestId"}}, {"http", []string{"headers", "X-Forwarded-Proto"}},
			{strings.TrimPrefix(api, "http://"), []string{"headers", "Host"}},
		} {
			if got := jsonAt(t, body, check.path...); got != check.want {
				t.Errorf("%s is %v, want %v", strings.Join(check.path, "."), got, check.want)
			}
		}
		if two, _ := jsonAt(t, body, "multiValueHeaders", "X-Two").([]any); len(two) != 2 {
			t.Errorf("multiValueHeaders has %v, want both values", two)
		}
		if q, _ := jsonAt(t, body, "multiValueQueryStringParameters", "q").([]any); len(q) != 2 || q[0] != "1" {
			t.Errorf("multiValueQueryStringParameters has %v, want both values", q)
		}
		if _, there := jsonAt(t, body, "requestContext").(map[string]any)["authorizer"]; there {
			t.Error("a route without an authorizer has an authorizer's context")
		}
	})

	t.Run("answers", func(t *testing.T) {
		tests := []struct {
			method, path, body string
			status             int
			contains           string
		}{
			{"GET", "/open?do=number", "", 201, "ok"},
			{"GET", "/open?do=multi", "", 200, ""},
			{"GET", "/open?do=malformed", "", 502, `{"broken":true,"requestId":"`},
			{"GET", "/open?do=plain", "", 502, "broken"},
			{"GET", "/open?do=error", "", 502, "broken"},
			{"GET", "/open?do=panic", "", 502, "broken"},
			{"GET", "/open?do=exit", "", 502, "broken"},
			{"GET", "/open?do=big", "", 502, "broken"},
			{"GET", "/open", "", 200, "requestContext"},
			{"POST", "/things/1?do=sleep", "", 504, "broken"},
			{"GET", "/things/1", "", 404, "Missing Authentication Token"},
			{"GET", "/nowhere", "", 404, "Missing Authentication Token"},
			{"DELETE", "/any/a/b", "", 200, `"rest":"a/b"`},
			{"GET", "/any", "", 404, ""},
			{"POST", "/things/1", strings.Repeat("x", 10<<20+1), 413, "Request Too Long"},
			{"POST", "/things/1", strings.Repeat("x", 6<<20), 413, "Request Too Long"},
			{"GET", "/wrong-kind", "", 502, "broken"},
			{"GET", "/stream-buffered", "", 502, "broken"},
		}
		for _, test := range tests {
			response, body := sendRequest(t, test.method, api+test.path, test.body)
			if response.StatusCode != test.status || !strings.Contains(body, test.contains) {
				t.Errorf("%s %s: %d %.200s", test.method, test.path, response.StatusCode, body)
			}
			if response.StatusCode >= 500 && response.Header.Get("Retry-After") != "1" {
				t.Errorf("%s: no Retry-After in %v", test.path, response.Header)
			}
		}
		response, _ := sendRequest(t, "GET", api+"/open?do=multi", "")
		if two := response.Header.Values("X-Two"); len(two) != 2 || response.Header.Get("X-One") != "1" {
			t.Errorf("wrong headers: %v", response.Header)
		}
		response, _ = sendRequest(t, "GET", api+"/open?do=number", "")
		if response.Header.Get("X-Number") != "5" || response.Header.Get("X-Flag") != "true" {
			t.Errorf("wrong headers: %v", response.Header)
		}
	})

	t.Run("fault 29: the process is killed at its time limit, and the next event is served", func(t *testing.T) {
		response, _ := sendRequest(t, "GET", api+"/open?do=hang", "")
		if response.StatusCode != 502 {
			t.Errorf("a function that hangs: %s, want 502", response.Status)
		}
		if response, _ = sendRequest(t, "GET", api+"/open", ""); response.StatusCode != 200 {
			t.Errorf("the event after it: %s, want 200", response.Status)
		}
	})

	t.Run("environment", func(t *testing.T) {
		_, body := sendRequest(t, "GET", api+"/open?do=environment", "")
		for _, want := range []string{"STAGE=test", "THINGS=aurora-test-ThingsTable", "GREETING=hello test at work-test", "AWS_REGION=us-east-1",
			"SECRET=arn:aws:secretsmanager:us-east-1:000000000000:secret:aurora/test/api-", "AWS_LAMBDA_FUNCTION_NAME=aurora-test-EchoFunction",
			"AWS_ENDPOINT_URL_DYNAMODB=" + s.Info().Endpoints["dynamodb"], "OPENAI_BASE_URL=" + s.Info().Endpoints["openai"]} {
			if !strings.Contains(body, want) {
				t.Errorf("want %s in\n%s", want, body)
			}
		}
	})
}

// Behind a custom domain the path of an event has the base path in front; its resource and the ARN of its method do not.
func TestBasePath(t *testing.T) {
	s := startStack(t, Options{BasePath: "/voice/v2"})
	api := s.Info().API
	own := strings.TrimSuffix(api, "/voice/v2")
	if own == api {
		t.Fatalf("the API's address is %s, want one with the base path", api)
	}
	for address, want := range map[string]struct{ path, context string }{
		api + "/things/a%20b": {"/voice/v2/things/a%20b", "/voice/v2/things/a%20b"}, own + "/things/a%20b": {"/things/a%20b", "/test/things/a%20b"},
	} {
		_, body := sendRequest(t, http.MethodPost, address, `{}`)
		for _, check := range []struct {
			want string
			path []string
		}{{"/things/{id}", []string{"resource"}}, {want.path, []string{"path"}}, {want.context, []string{"requestContext", "path"}},
			{"/things/{id}", []string{"requestContext", "resourcePath"}}, {"a b", []string{"pathParameters", "id"}}} {
			if got := jsonAt(t, body, check.path...); got != check.want {
				t.Errorf("%s: %s is %v, want %v", address, strings.Join(check.path, "."), got, check.want)
			}
		}
	}
	for _, address := range []string{own + "/voice/open", api + "x/open", api + "/voice/v2/open", api} {
		if response, body := sendRequest(t, http.MethodGet, address, ""); response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s %s, want 404", address, response.Status, body)
		}
	}
	for _, wrong := range []string{"voice", "/voice/", "/", "/a b", "/a//b", "/ä"} {
		if _, err := Start(t.Context(), Options{Root: "testdata", Data: t.TempDir(), BasePath: wrong}); err == nil || !strings.Contains(err.Error(), "BASE_PATH") {
			t.Errorf("the base path %q: %v, want an error that names BASE_PATH", wrong, err)
		}
	}
}

func TestAuthorizers(t *testing.T) {
	s := startStack(t, Options{})
	api := s.Info().API
	tests := []struct {
		name, path string
		header     []string
		status     int
		kind       string
	}{
		{"no identity source", "/cached", nil, 401, "UnauthorizedException"},
		{"an empty one", "/cached", []string{"Authorization", ""}, 401, "UnauthorizedException"},
		{"allow", "/cached", []string{"Authorization", "allow"}, 200, ""},
		{"allow, cached, on another route", "/cached2", []string{"Authorization", "allow"}, 200, ""},
		{"narrow", "/cached", []string{"Authorization", "narrow"}, 200, ""},
		{"narrow, cached, on another route", "/cached2", []string{"Authorization", "narrow"}, 401, "AccessDeniedException"},
		{"elsewhere", "/cached", []string{"Authorization", "elsewhere"}, 401, "AccessDeniedException"},
		{"deny", "/cached", []string{"Authorization", "deny"}, 401, "AccessDeniedException"},
		{"unauthorized", "/cached", []string{"Authorization", "unauthorized"}, 401, "UnauthorizedException"},
		{"broken", "/cached", []string{"Authorization", "broken"}, 500, "AuthorizerConfigurationException"},
		{"no policy", "/cached", []string{"Authorization", "nopolicy"}, 500, "AuthorizerConfigurationException"},
		{"nested context", "/cached", []string{"Authorization", "nested"}, 500, "AuthorizerConfigurationException"},
		{"without identity sources the authorizer is called", "/fresh", nil, 500, "AuthorizerConfigurationException"},
		{"another header", "/fresh", []string{"X-Word", "allow"}, 200, ""},
		{"another header, denied", "/fresh", []string{"X-Word", "deny"}, 401, "AccessDeniedException"},
	}
	for _, test := range tests {
		response, body := sendRequest(t, "GET", api+test.path, "", test.header...)
		if response.StatusCode != test.status || response.Header.Get("X-Amzn-Errortype") != test.kind {
			t.Errorf("%s: %d %s %s", test.name, response.StatusCode, response.Header.Get("X-Amzn-Errortype"), body)
		}
		if test.kind == "AccessDeniedException" && (response.Header.Get("Www-Authenticate") != "Bearer" || response.Header.Get("X-Kind") != "ACCESS_DENIED" ||
			body != `{"denied":true,"requestId":"`+response.Header.Get("X-Amzn-Requestid")+`"}`) {
			t.Errorf("%s: %v %s", test.name, response.Header, body)
		}
		if test.kind == "UnauthorizedException" && body != `{"who":true,"message":"Unauthorized"}` {
			t.Errorf("%s: %s", test.name, body)
		}
	}
	count := func(path, header string) any {
		_, body := sendRequest(t, "GET", api+path, "", header, "allow")
		if jsonAt(t, body, "requestContext", "authorizer", "keyId") != "k1" || jsonAt(t, body, "requestContext", "authorizer", "flag") != "true" {
			t.Errorf("the authorizer's context is %v", jsonAt(t, body, "requestContext", "authorizer"))
		}
		return jsonAt(t, body, "requestContext", "authorizer", "count")
	}
	if first, second := count("/cached", "Authorization"), count("/cached2", "Authorization"); first != second {
		t.Errorf("a cached decision was asked for again: %v, %v", first, second)
	}
	if first, second := count("/fresh", "X-Word"), count("/fresh", "X-Word"); first == second {
		t.Errorf("a decision was cached that must not be: %v, %v", first, second)
	}
}

func TestStreams(t *testing.T) {
	s := startStack(t, Options{})
	for name, url := range map[string]string{"REST": s.Info().API + "/stream", "function URL": s.Info().FunctionURLs["StreamerFunction"] + "/"} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t)
			response := open(t, url+"?gate="+g.url)
			if response.StatusCode != 202 || response.Header.Get("Content-Type") != "text/event-stream" {
				t.Fatalf("%s %v, want 202 and text/event-stream", response.Status, response.Header)
			}
			lines := bufio.NewReader(response.Body)
			for _, want := range []string{"one\n", "two\n", "three\n"} {
				receiveWithin(t, g.arrived, "the function")
				g.open <- struct{}{} // the function makes the next piece only after this one was read
				if line, err := lines.ReadString('\n'); err != nil || line != want {
					t.Fatalf("%q %v", line, err)
				}
			}
			for _, do := range []string{"exit", "fail", "hang"} {
				response := open(t, url+"?do="+do+"&gate="+g.url)
				lines := bufio.NewReader(response.Body)
				receiveWithin(t, g.arrived, "the function")
				g.open <- struct{}{}
				if line, err := lines.ReadString('\n'); err != nil || line != "one\n" {
					t.Errorf("%s: %q %v", do, line, err)
				}
				receiveWithin(t, g.arrived, "the function")
				g.open <- struct{}{}
				if rest, err := io.ReadAll(lines); err == nil || len(rest) > 0 {
					t.Errorf("%s looks complete: %q %v", do, rest, err)
				}
			}
			if response, body := sendRequest(t, "GET", url+"?do=panic", ""); response.StatusCode != 502 {
				t.Errorf("a panic before the stream: %s %s, want 502", response.Status, body)
			}
			if _, body := sendRequest(t, "GET", url, ""); body != "one\ntwo\nthree\n" {
				t.Errorf("the stream after the failures: %q, want all three pieces", body)
			}
		})
	}
	t.Run("client hangs up", func(t *testing.T) {
		g := newGate(t)
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, "GET", s.Info().API+"/stream?gate="+g.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		go func() {
			defer func() { _ = recover() }()
			if response, err := transport.RoundTrip(r); err == nil {
				_ = response.Body.Close()
			}
		}()
		receiveWithin(t, g.arrived, "the function")
		cancel()
		for range 2 { // the function runs to its end, as in Lambda
			g.open <- struct{}{}
			receiveWithin(t, g.arrived, "the function's next piece")
		}
		g.open <- struct{}{}
	})
}

// open sends a request and returns the response with its body unread.
func open(t *testing.T, url string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}
