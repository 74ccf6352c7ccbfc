package operatorapi

import (
	"log/slog"
	"net/http"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/transport/web"
)

const sessionPath = "/api/v1/session"

// RegisterSession adds the routes with which an operator logs in, asks who is logged in, and logs out.
func RegisterSession(s *Shell) {
	s.Add(
		Route{Method: http.MethodPost, Path: sessionPath, Handler: s.logIn},
		Route{Method: http.MethodGet, Path: sessionPath, Right: auth.RightView, Handler: s.showSession},
		Route{Method: http.MethodDelete, Path: sessionPath, Right: auth.RightView, Changes: true, Handler: s.logOut},
	)
}

// sessionResponse says who is logged in.
type sessionResponse struct {
	Name       string       `json:"name"`
	KeyID      string       `json:"keyId"`
	Role       auth.Role    `json:"role"`
	Rights     []auth.Right `json:"rights"`
	Assistants []string     `json:"assistants"` // null: all
	Via        string       `json:"via"`
	Stage      string       `json:"stage"`
	ExpiresAt  *time.Time   `json:"expiresAt"` // null: never
	// IdleExpiresAt is when a session ends without further requests; null for a key.
	IdleExpiresAt *time.Time `json:"idleExpiresAt"`
}

func (s *Shell) newSessionResponse(login auth.Login, lastUsed time.Time) sessionResponse {
	p := login.Principal
	response := sessionResponse{Name: p.Name, KeyID: p.ID, Role: p.Role, Rights: p.Role.Rights(), Assistants: p.Assistants, Via: ViaAPI, Stage: s.operators.Stage}
	if end := login.EndsAt().UTC(); !end.IsZero() {
		response.ExpiresAt = &end
	}
	if login.Session != nil {
		idle := lastUsed.Add(auth.SessionIdle).UTC()
		if response.ExpiresAt.Before(idle) {
			idle = *response.ExpiresAt
		}
		response.Via, response.IdleExpiresAt = ViaConsole, &idle
	}
	return response
}

// logIn begins a session with the key in the body.
func (s *Shell) logIn(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Key *string `json:"key"`
	}
	if err := web.ReadStrictObject(r, &body); err != nil {
		return err
	}
	if body.Key == nil || *body.Key == "" {
		return fault.New(fault.Invalid, "key must be the key of an operator, a text.").WithCode("invalid_key").WithParam("key")
	}
	login, err := s.operators.Open(r.Context(), *body.Key)
	if err != nil {
		return err
	}
	web.SetPrincipal(r, login.Principal)
	cookie, err := s.operators.Cookie(r.Context(), r.Header, login)
	if err != nil {
		return err
	}
	w.Header().Set("Set-Cookie", cookie)
	slog.InfoContext(r.Context(), "operator logged in", "event", "session.began", "keyName", login.Principal.Name, "role", login.Principal.Role)
	return web.WriteJSON(w, http.StatusOK, s.newSessionResponse(login, login.Session.LastUsed))
}

// showSession says who sent the request.
func (s *Shell) showSession(w http.ResponseWriter, r *http.Request) error {
	login := loginOf(r)
	var lastUsed time.Time
	if login.Session != nil {
		lastUsed = login.Session.LastUsed
		if w.Header().Get("Set-Cookie") != "" { // the session was renewed by this request
			lastUsed = s.operators.Now().Truncate(time.Second)
		}
	}
	return web.WriteJSON(w, http.StatusOK, s.newSessionResponse(login, lastUsed))
}

// logOut ends the session. A key in the header is not changed by it.
func (s *Shell) logOut(w http.ResponseWriter, r *http.Request) error {
	login := loginOf(r)
	if err := s.operators.End(r.Context(), login); err != nil {
		return err
	}
	if login.Session != nil {
		w.Header().Set("Set-Cookie", auth.ClearCookie(r.Header))
		slog.InfoContext(r.Context(), "operator logged out", "event", "session.ended", "keyName", login.Principal.Name)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
