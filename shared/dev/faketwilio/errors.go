package faketwilio

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// apiError is an error in Twilio's JSON form.
type apiError struct {
	Code     int    `json:"code"`
	Message  string `json:"message"`
	MoreInfo string `json:"more_info"`
	Status   int    `json:"status"`
}

func newError(status, code int, format string, args ...any) *apiError {
	return &apiError{Code: code, Message: fmt.Sprintf(format, args...), MoreInfo: fmt.Sprintf("https://www.twilio.com/docs/errors/%d", code), Status: status}
}

func (r *apiError) write(w http.ResponseWriter) {
	if r.Status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="Twilio API"`)
	}
	writeJSON(w, r.Status, r)
}

func notFound(r *http.Request) *apiError {
	return newError(http.StatusNotFound, 20404, "The requested resource %s was not found", r.URL.Path)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The status is sent already, so a failed write cannot be reported.
	_ = json.NewEncoder(w).Encode(v)
}
