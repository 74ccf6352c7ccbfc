package operatorapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/logfields"
	"example.com/aurora/shared/transport/web"
)

// Route is one route of the operators' API.
type Route struct {
	Method, Path string
	// Right is what the operator's role must allow. It is empty for a route that takes no operator, which is POST /api/v1/session
	// alone.
	Right auth.Right
	// Changes says that the route changes something. The log has a line for each such request.
	Changes bool
	Handler web.HandlerFunc
}

// Shell serves routes of the operators' API. Use NewShell.
type Shell struct {
	operators *auth.Operators
	publicURL string
	routes    []Route
}

// NewShell returns a shell without routes. publicURL is the API's address as operators see it, where that is not the host that
// API Gateway names: behind a proxy; empty if there is none.
func NewShell(operators *auth.Operators, publicURL string) *Shell {
	return &Shell{operators: operators, publicURL: publicURL}
}

// Add adds routes.
func (s *Shell) Add(routes ...Route) { s.routes = append(s.routes, routes...) }

// Routes returns all routes, for tests and documents.
func (s *Shell) Routes() []Route { return slices.Clone(s.routes) }

// Function returns the Lambda function that serves the routes.
func (s *Shell) Function() *web.Function {
	f := &web.Function{NoAuth: true, MaxBody: web.MaxCallBody} // the shell authenticates
	for _, route := range s.routes {
		f.Routes = append(f.Routes, web.Route{Method: route.Method, Path: route.Path, Handler: s.guard(route)})
	}
	return f
}

type loginKey struct{}

// guard returns the handler of a route behind all checks.
func (s *Shell) guard(route Route) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if route.Right == "" {
			if err := s.checkSameSite(r); err != nil {
				return err
			}
			return route.Handler(w, r)
		}
		login, err := s.operators.Authenticate(r.Context(), r.Header)
		if err != nil {
			return err
		}
		web.SetPrincipal(r, login.Principal)
		if err := s.admit(r, route, login); err != nil {
			return err
		}
		if cookie, err := s.operators.Renew(r.Context(), r.Header, login); err != nil {
			return err
		} else if cookie != "" {
			w.Header().Set("Set-Cookie", cookie)
		}
		r = r.WithContext(context.WithValue(r.Context(), loginKey{}, login))
		err = route.Handler(w, r)
		if route.Changes && err == nil {
			actor := ActorOf(r)
			slog.InfoContext(r.Context(), "operator changed something", "event", "operator.changed", "route", route.Method+" "+route.Path,
				"keyName", actor.Name, "role", actor.Role, "via", actor.Via)
		}
		return err
	}
}

// admit checks what an authenticated operator asks for.
func (s *Shell) admit(r *http.Request, route Route, login auth.Login) error {
	if login.Session != nil {
		if err := s.checkSameSite(r); err != nil {
			return err
		}
	}
	if err := login.Principal.CheckRight(route.Right); err != nil {
		return err
	}
	if strings.HasPrefix(route.Path, "/api/v1/assistants/{id}") {
		id := r.PathValue("id")
		logfields.Set(r.Context(), logfields.AssistantID, id)
		return login.Principal.CheckAssistant(id)
	}
	return nil
}

// checkSameSite refuses a request that a browser sends for a page of another site.
func (s *Shell) checkSameSite(r *http.Request) error {
	protection := http.NewCrossOriginProtection()
	if u, err := url.Parse(s.publicURL); err == nil && u.Host != "" {
		if err := protection.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return err
		}
	}
	checked := r.Clone(r.Context())
	checked.Method = http.MethodPost // the library lets GET pass
	checked.Host = r.Host
	if err := protection.Check(checked); err != nil {
		return fault.New(fault.Forbidden, "Requests from other sites are refused.").WithCode("cross_site_request").Because(err)
	}
	return nil
}

// loginOf returns the login of a request.
func loginOf(r *http.Request) auth.Login {
	login, _ := r.Context().Value(loginKey{}).(auth.Login)
	return login
}

// The ways in which operators reach the API.
const (
	ViaConsole = "console" // with a session cookie
	ViaAPI     = "api"     // with a key
)

// Actor is who does something, as the audit names it.
type Actor struct {
	Name      string // of the key's entry
	KeyID     string
	Role      auth.Role
	Via       string
	RequestID string
}

// ActorOf returns who sent a request.
func ActorOf(r *http.Request) Actor {
	login := loginOf(r)
	a := Actor{Name: login.Principal.Name, KeyID: login.Principal.ID, Role: login.Principal.Role, Via: ViaAPI, RequestID: web.RequestID(r)}
	if login.Session != nil {
		a.Via = ViaConsole
	}
	return a
}
