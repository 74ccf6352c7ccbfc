package main

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/testkit"
)

const apiHost = "abc123.execute-api.us-east-1.amazonaws.com"

// access says who may use a route.
type access struct {
	from auth.Role // the narrowest role that may; all wider ones may, too
	// isOpen is for the one route that takes no operator.
	isOpen bool
	// ofAssistant says that the route is about the assistant in its path.
	ofAssistant bool
}

// wanted has every route of the function. A route that is not here fails the test, and so does one that is here alone.
var wanted = map[string]access{
	"POST /api/v1/session":                          {isOpen: true},
	"GET /api/v1/session":                           {from: auth.RoleViewer},
	"DELETE /api/v1/session":                        {from: auth.RoleViewer},
	"GET /api/v1/assistants":                        {from: auth.RoleViewer},
	"GET /api/v1/audit":                             {from: auth.RoleViewer},
	"GET /api/v1/assistants/{id}":                   {from: auth.RoleViewer, ofAssistant: true},
	"DELETE /api/v1/assistants/{id}":                {from: auth.RoleAdmin, ofAssistant: true},
	"GET /api/v1/assistants/{id}/draft":             {from: auth.RoleViewer, ofAssistant: true},
	"PUT /api/v1/assistants/{id}/draft":             {from: auth.RoleEditor, ofAssistant: true},
	"PATCH /api/v1/assistants/{id}/draft":           {from: auth.RoleEditor, ofAssistant: true},
	"DELETE /api/v1/assistants/{id}/draft":          {from: auth.RoleEditor, ofAssistant: true},
	"POST /api/v1/assistants/{id}/validate":         {from: auth.RoleEditor, ofAssistant: true},
	"POST /api/v1/assistants/{id}/publish":          {from: auth.RoleEditor, ofAssistant: true},
	"POST /api/v1/assistants/{id}/rollback":         {from: auth.RoleEditor, ofAssistant: true},
	"GET /api/v1/assistants/{id}/versions":          {from: auth.RoleViewer, ofAssistant: true},
	"GET /api/v1/assistants/{id}/versions/{number}": {from: auth.RoleViewer, ofAssistant: true},
	"GET /api/v1/assistants/{id}/diff":              {from: auth.RoleViewer, ofAssistant: true},
	"GET /api/v1/calls/{callId}/timeline":           {from: auth.RoleViewer},
}

// TestEveryRouteAndKey tries every route with every kind of key, in the header and as the cookie of a session.
func TestEveryRouteAndKey(t *testing.T) {
	testkit.DiscardLog(t)
	left := map[string]bool{}
	for route := range wanted {
		left[route] = true
	}
	for _, route := range newShell(eventtest.NewOperators(0), "").Routes() {
		name := route.Method + " " + route.Path
		want, ok := wanted[name]
		if !ok {
			t.Errorf("%s is not in the table of this test: say who may use it", name)
			continue
		}
		delete(left, name)
		for _, who := range []string{"none", "wrong", "no role", "viewer", "editor", "admin", "scoped elsewhere"} {
			for _, way := range []string{"header", "cookie"} {
				t.Run(name+", "+who+", "+way, func(t *testing.T) {
					operators := eventtest.NewOperators(0)
					header := http.Header{}
					addCredential(t, operators, header, who, way)
					// The ids in the path are those of an assistant that the narrowed key may not reach.
					path := strings.NewReplacer("{id}", "riley", "{n}", "1").Replace(route.Path)
					answer := send(t, newShell(operators, ""), request{route.Method, route.Path, path, apiHost, header, ""})
					status, code := answer.Status, errorCode(t, answer)
					switch wantStatus, wantCode := want.answer(who); {
					case wantStatus == 0 && (status == http.StatusUnauthorized || status == http.StatusForbidden || status >= 500 && !want.isOpen):
						t.Errorf("the answer is %d %s, want that the request reaches its handler", status, code)
					case wantStatus != 0 && (status != wantStatus || code != wantCode):
						t.Errorf("the answer is %d %s, want %d %s", status, code, wantStatus, wantCode)
					}
					if got := answer.Header.Get("Cache-Control"); got != "no-store" {
						t.Errorf("Cache-Control is %q, want no-store", got)
					}
					if got := answer.Header.Get("Access-Control-Allow-Origin"); got != "" {
						t.Errorf("another site may read the answer: %s", got)
					}
				})
			}
		}
	}
	for route := range left {
		t.Errorf("%s is in the table of this test, and is no route", route)
	}
}

// answer returns the refusal that a kind of key gets; 0 if the request reaches its handler.
func (a access) answer(who string) (status int, code string) {
	if a.isOpen {
		return 0, ""
	}
	role := auth.Role(who)
	switch who {
	case "none", "wrong", "no role":
		return http.StatusUnauthorized, "invalid_api_key"
	case "scoped elsewhere":
		role = auth.RoleEditor
	}
	if slices.Index(auth.Roles, role) < slices.Index(auth.Roles, a.from) {
		return http.StatusForbidden, "role_not_allowed"
	}
	if who == "scoped elsewhere" && a.ofAssistant {
		return http.StatusForbidden, "assistant_not_allowed"
	}
	return 0, ""
}

var keysByName = map[string]string{"viewer": eventtest.ViewerKey, "editor": eventtest.EditorKey, "admin": eventtest.AdminKey,
	"scoped elsewhere": eventtest.ScopedEditorKey, "no role": eventtest.InternalKey, "wrong": eventtest.ViewerKey + "0"}

// addCredential adds a key, or the cookie of a session, to the header of a request.
func addCredential(t *testing.T, operators *eventtest.Operators, h http.Header, who, way string) {
	t.Helper()
	key, ok := keysByName[who]
	switch {
	case !ok:
	case way == "header":
		h.Set("Binarytint-Internal-Api-Key", key)
	default:
		h.Set("Cookie", cookieOf(t, operators, who))
	}
}

// cookieOf returns the cookie of a session. That of a key without a role is signed as if the key had one; a wrong one is changed.
func cookieOf(t *testing.T, operators *eventtest.Operators, who string) string {
	t.Helper()
	key := keysByName[who]
	if who == "no role" || who == "wrong" {
		key = eventtest.ViewerKey
	}
	login, err := operators.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if who == "no role" {
		live, err := operators.Keys.Keys(t.Context(), auth.KindInternal)
		if err != nil {
			t.Fatal(err)
		}
		login.Session.KeyID = live[len(live)-1].ID() // eventtest.InternalKey is the last one
	}
	cookie, err := operators.Cookie(t.Context(), http.Header{}, login)
	if err != nil {
		t.Fatal(err)
	}
	pair, _, _ := strings.Cut(cookie, ";")
	if who == "wrong" {
		pair = pair[:len(pair)-2] + "AA"
	}
	return pair
}

// TestRoutesOfTheTemplate checks that API Gateway has the routes of the function and no other, each behind the authorizer.
func TestRoutesOfTheTemplate(t *testing.T) {
	text, err := os.ReadFile("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources struct {
			OperatorsFunction struct {
				Properties struct {
					Events map[string]struct {
						Properties struct {
							Method string                      `yaml:"Method"`
							Path   string                      `yaml:"Path"`
							Auth   struct{ Authorizer string } `yaml:"Auth"`
						} `yaml:"Properties"`
					} `yaml:"Events"`
				} `yaml:"Properties"`
			} `yaml:"OperatorsFunction"`
		} `yaml:"Resources"`
	}
	if err := yaml.Unmarshal(text, &template); err != nil {
		t.Fatal(err)
	}
	var deployed, served []string
	for _, event := range template.Resources.OperatorsFunction.Properties.Events {
		p := event.Properties
		deployed = append(deployed, p.Method+" "+p.Path)
	}
	for _, route := range newShell(eventtest.NewOperators(0), "").Routes() {
		served = append(served, route.Method+" "+route.Path)
	}
	slices.Sort(deployed)
	slices.Sort(served)
	if !slices.Equal(deployed, served) {
		t.Errorf("template.yaml has the routes\n%v\nand the function\n%v", deployed, served)
	}
}

// TestCrossSite sends requests as browsers do: for pages of this API, of other sites, and through proxies.
func TestCrossSite(t *testing.T) {
	testkit.DiscardLog(t)
	const (
		domain = "aurora.example.com"
		public = "https://console.example.com/voice"
		local  = "127.0.0.1:3000"
	)
	for name, c := range map[string]struct {
		host, site, origin, publicURL string
		refused                       bool
	}{
		"no browser":                                   {apiHost, "", "", "", false},
		"a page of this API":                           {apiHost, "same-origin", "https://" + apiHost, "", false},
		"typed into the address bar":                   {apiHost, "none", "", "", false},
		"a page of another site":                       {apiHost, "cross-site", "https://evil.example.com", "", true},
		"a page of another site, without Origin":       {apiHost, "cross-site", "", "", true},
		"a page of a sibling domain":                   {apiHost, "same-site", "https://xyz.execute-api.us-east-1.amazonaws.com", "", true},
		"a value that no browser sends":                {apiHost, "Same-Origin", "https://evil.example.com", "", true},
		"an old browser, this API":                     {apiHost, "", "https://" + apiHost, "", false},
		"an old browser, another site":                 {apiHost, "", "https://evil.example.com", "", true},
		"an old browser, a name that contains ours":    {apiHost, "", "https://" + apiHost + ".evil.example.com", "", true},
		"an old browser, a frame without an origin":    {apiHost, "", "null", "", true},
		"an old browser, another port":                 {apiHost, "", "https://" + apiHost + ":8443", "", true},
		"an old browser, no address":                   {apiHost, "", "evil", "", true},
		"a custom domain":                              {domain, "same-origin", "https://" + domain, "", false},
		"a custom domain, an old browser":              {domain, "", "https://" + domain, "", false},
		"a custom domain, a page of API Gateway's own": {domain, "cross-site", "https://" + apiHost, "", true},
		"a proxy that changes the host":                {apiHost, "same-origin", "https://console.example.com", public, false},
		"a proxy, an old browser":                      {apiHost, "", "https://console.example.com", public, false},
		"a proxy, an old browser, no PublicUrl":        {apiHost, "", "https://console.example.com", "", true},
		"a proxy, another site":                        {apiHost, "cross-site", "https://evil.example.com", public, true},
		"a proxy, the public name without TLS":         {apiHost, "", "http://console.example.com", public, true},
		"this machine":                                 {local, "same-origin", "http://" + local, "", false},
		"this machine, an old browser":                 {local, "", "http://" + local, "", false},
		"this machine, another port":                   {local, "same-site", "http://127.0.0.1:8080", "", true},
		"this machine, a page of the internet":         {local, "cross-site", "https://evil.example.com", "", true},
	} {
		for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPost} {
			t.Run(name+", "+method, func(t *testing.T) {
				operators := eventtest.NewOperators(time.Minute)
				header := http.Header{"Host": {c.host}}
				if c.site != "" {
					header.Set("Sec-Fetch-Site", c.site)
				}
				if c.origin != "" {
					header.Set("Origin", c.origin)
				}
				body := `{"key":"` + eventtest.ViewerKey + `"}`
				if method != http.MethodPost {
					login, err := operators.Open(t.Context(), eventtest.ViewerKey)
					if err != nil {
						t.Fatal(err)
					}
					cookie, err := operators.Cookie(t.Context(), header, login)
					if err != nil {
						t.Fatal(err)
					}
					pair, _, _ := strings.Cut(cookie, ";")
					header.Set("Cookie", pair)
					body = ""
				}
				answer := send(t, newShell(operators, c.publicURL), request{method, "/api/v1/session", "/api/v1/session", c.host, header, body})
				if refused := answer.Status == http.StatusForbidden && errorCode(t, answer) == "cross_site_request"; refused != c.refused || !refused && answer.Status >= 300 {
					t.Errorf("the answer is %d %s; want it refused: %v", answer.Status, answer.Body, c.refused)
				}
				if c.refused && (answer.Header.Get("Set-Cookie") != "" || len(operators.EndedSessions.IDs) > 0) {
					t.Errorf("the refused request had an effect: %v, %v", answer.Header, operators.EndedSessions.IDs)
				}
			})
		}
	}
}

// TestFailedLogInsAreCounted checks that a wrong key at the log-in raises the same alarm as one in a header.
func TestFailedLogInsAreCounted(t *testing.T) {
	testkit.DiscardLog(t)
	for name, r := range map[string]request{
		"log-in": {http.MethodPost, "/api/v1/session", "/api/v1/session", apiHost, http.Header{}, `{"key":"` + eventtest.ViewerKey + `0"}`},
		"header": {http.MethodGet, "/api/v1/session", "/api/v1/session", apiHost, http.Header{"Binarytint-Internal-Api-Key": {eventtest.ViewerKey + "0"}}, ""},
		"cookie": {http.MethodGet, "/api/v1/session", "/api/v1/session", apiHost, http.Header{"Cookie": {"__Host-aurora=AAAA"}}, ""},
	} {
		answer := send(t, newShell(eventtest.NewOperators(0), ""), r)
		if metrics := strings.Join(answer.Metrics, "\n"); answer.Status != http.StatusUnauthorized || !strings.Contains(metrics, "AuthenticationFailed") {
			t.Errorf("%s: the answer is %d, and the metrics are %q; want 401 and AuthenticationFailed", name, answer.Status, metrics)
		}
	}
}

// request is a request at API Gateway.
type request struct {
	method, route, path, host string
	header                    http.Header
	body                      string
}

// send sends a request to the function, as API Gateway does after its authorizer.
func send(t *testing.T, shell shell, r request) eventtest.Observed {
	t.Helper()
	header := r.header.Clone()
	header.Set("Host", r.host)
	if r.body != "" && header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json")
	}
	path, text, _ := strings.Cut(r.path, "?")
	query, err := url.ParseQuery(text)
	if err != nil {
		t.Fatal(err)
	}
	event, err := json.Marshal(map[string]any{"resource": r.route, "path": path, "multiValueQueryStringParameters": query, "httpMethod": r.method, "multiValueHeaders": header, "body": r.body,
		"requestContext": map[string]any{"domainName": r.host, "stage": "prod", "requestId": "gateway-1"}})
	if err != nil {
		t.Fatal(err)
	}
	return eventtest.Invoke(t, shell.Function(), event)
}

// errorCode returns the code of an error, "" for a success. An error must have the common shape.
func errorCode(t *testing.T, o eventtest.Observed) string {
	t.Helper()
	if o.Status < 400 {
		return ""
	}
	var body struct {
		Status, Message string
		Error           struct{ Code string }
	}
	if err := json.Unmarshal(o.Body, &body); err != nil || body.Status != "error" || body.Message == "" || body.Error.Code == "" {
		t.Errorf("the error has another shape: %v in %s", err, o.Body)
	}
	return body.Error.Code
}
