package web_test

import (
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/transport/web"
)

// TestPathsAreNotLogged sends paths with a token in them, also such that are no paths. Neither the log nor what a library
// prints may hold the token.
func TestPathsAreNotLogged(t *testing.T) {
	const token = "canary-token"
	f := &web.Function{NoAuth: true, MaxBody: 100, Routes: []web.Route{
		{Method: "GET", Path: "/view/{token}", Handler: func(w http.ResponseWriter, _ *http.Request) error {
			return web.WriteJSON(w, http.StatusOK, "seen")
		}},
		{Method: "GET", Path: "/panic/{token}", Handler: func(http.ResponseWriter, *http.Request) error { panic("on purpose") }},
	}}
	log := testkit.CaptureLog(t)
	printed := capturePrinted(t, func() {
		for path, want := range map[string]string{"/view/" + token: "/view/{token}", "/panic/" + token: "/panic/{token}", "/view/" + token + "/": "unknown", "/" + token: "unknown",
			"/view/" + token + "%zz": "unknown", "/view/" + token + "\x7f": "unknown", ":" + token: "unknown"} {
			for _, event := range []func() any{
				func() any { return restRequest("GET", path, "", nil) },
				func() any { return urlRequest("GET", path, "", nil) },
				func() any { return restRequest("G\nT", path, "", nil) },
			} {
				before := len(log.Lines())
				_, err := f.Invoke(t.Context(), mustJSON(event()))
				lines := log.Lines()[before:]
				if err != nil || len(lines) == 0 {
					t.Fatalf("%q: %d lines, %v", path, len(lines), err)
				}
				if last := lines[len(lines)-1]; last["event"] != "request.served" || last["path"] != want && (last["path"] != "unknown" || last["status"] != 400.0) {
					t.Errorf("%q: the last line is %v, want the route %s", path, last, want)
				}
			}
		}
	})
	for _, line := range log.Lines() {
		if strings.Contains(string(mustJSON(line)), token) {
			t.Errorf("the log holds the token: %v", line)
		}
	}
	if strings.Contains(printed, token) {
		t.Errorf("the token was printed: %s", printed)
	}
}

// capturePrinted returns what a function writes to the standard output.
func capturePrinted(t *testing.T, do func()) string {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	before := os.Stdout
	os.Stdout = w
	do()
	os.Stdout = before
	_ = w.Close()
	printed, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(printed)
}
