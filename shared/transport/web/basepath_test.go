package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/transport/web"
)

// Behind a custom domain the path of an event has the base path in front, and the stage as well where the mapping names none.
// The route is the event's resource.
func TestBasePathOfCustomDomain(t *testing.T) {
	address := func(w http.ResponseWriter, r *http.Request) error {
		return web.WriteJSON(w, http.StatusOK, map[string]string{"path": r.URL.EscapedPath(), "id": r.PathValue("id"), "query": r.URL.RawQuery, "public": web.PublicURL(r, "")})
	}
	f := &web.Function{Policy: auth.BearerPolicy, MaxBody: 10, Routes: []web.Route{
		{Method: http.MethodPost, Path: "/api/echo", Handler: address}, {Method: http.MethodPost, Path: "/api/echo/{id}", Handler: address}}}
	const own, custom = "https://abc.execute-api.eu-west-1.amazonaws.com", "https://aurora.example.com"
	for name, c := range map[string]struct {
		domain, path, resource string
		status                 int
		wantPath, id, public   string
	}{
		"own address":                {own, "/api/echo", "/api/echo", 200, "/api/echo", "", own + "/prod"},
		"no base path":               {custom, "/api/echo", "/api/echo", 200, "/api/echo", "", custom},
		"a base path":                {custom, "/voice/api/echo", "/api/echo", 200, "/api/echo", "", custom + "/voice"},
		"two segments":               {custom, "/voice/v2/api/echo", "/api/echo", 200, "/api/echo", "", custom + "/voice/v2"},
		"a mapping without stage":    {custom, "/voice/prod/api/echo", "/api/echo", 200, "/api/echo", "", custom + "/voice/prod"},
		"a base path like the route": {custom, "/api/echo/api/echo", "/api/echo", 200, "/api/echo", "", custom + "/api/echo"},
		"a slash at the end":         {custom, "/voice/api/echo/", "/api/echo", 200, "/api/echo", "", custom + "/voice"},
		"a parameter":                {custom, "/voice/api/echo/7", "/api/echo/{id}", 200, "/api/echo/7", "7", custom + "/voice"},
		"an escaped parameter":       {custom, "/voice/api/echo/a%2Fb%20c", "/api/echo/{id}", 200, "/api/echo/a%2Fb%20c", "a/b c", custom + "/voice"},
		"an escaped letter":          {custom, "/voice/api/ech%6F", "/api/echo", 200, "/api/echo", "", custom + "/voice"},
		"a resource of another path": {custom, "/voice/api/other", "/api/echo", 404, "", "", ""},
		"a proxy resource":           {custom, "/voice/api/echo", "/{proxy+}", 404, "", "", ""},
		"no resource":                {custom, "/voice/api/echo", "", 404, "", "", ""},
		"a resource without a route": {custom, "/voice/api/none", "/api/none", 404, "", "", ""},
		"a path that is too short":   {custom, "/echo", "/api/echo", 404, "", "", ""},
		"no path":                    {custom, "", "/api/echo", 404, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := invoke(t, f, mustJSON(map[string]any{"httpMethod": "POST", "path": c.path, "resource": c.resource, "multiValueQueryStringParameters": map[string][]string{"q": {"1"}},
				"requestContext": map[string]any{"domainName": strings.TrimPrefix(c.domain, "https://"), "stage": "prod", "authorizer": map[string]any{"keyId": "k1"}}}))
			if got.status != c.status {
				t.Fatalf("%d %s, want %d", got.status, got.body, c.status)
			}
			if c.status != http.StatusOK {
				return
			}
			var was struct{ Path, ID, Query, Public string }
			if err := json.Unmarshal([]byte(got.body), &was); err != nil {
				t.Fatal(err)
			}
			if was.Path != c.wantPath || was.ID != c.id || was.Public != c.public || was.Query != "q=1" {
				t.Errorf("%+v, want path %s, id %q, public URL %s", was, c.wantPath, c.id, c.public)
			}
		})
	}
}

// An error that comes before the route has the base path taken off as well: the log names the route.
func TestRejectedRequestWithBasePath(t *testing.T) {
	f := &web.Function{Policy: auth.BearerPolicy, MaxBody: 1, Routes: []web.Route{{Method: http.MethodPost, Path: "/api/echo", Handler: echo}}}
	rejected := mustJSON(map[string]any{"httpMethod": "POST", "path": "/voice/api/echo", "resource": "/api/echo", "body": "too large",
		"requestContext": map[string]any{"authorizer": map[string]any{"keyId": "k1"}}})
	invoke(t, f, rejected).wantError(t, "a body that is too large", http.StatusRequestEntityTooLarge, "body_too_large")
	invoke(t, f, mustJSON(map[string]any{"httpMethod": "PUT", "path": "/voice/api/echo", "resource": "/api/echo",
		"requestContext": map[string]any{"authorizer": map[string]any{"keyId": "k1"}}})).wantError(t, "a wrong method", http.StatusMethodNotAllowed, "method_not_allowed")
}

// A function URL has no base path: its events do not say where one would end.
func TestFunctionURLRoutesByTheWholePath(t *testing.T) {
	f := &web.Function{Policy: auth.BearerPolicy, Keys: liveKeys, MaxBody: 10, Routes: []web.Route{{Method: http.MethodPost, Path: "/api/echo", Handler: echo}}}
	invoke(t, f, urlRequest("POST", "/voice/api/echo", "", bearerHeader)).wantError(t, "a path in front", http.StatusNotFound, "unknown_route")
}
