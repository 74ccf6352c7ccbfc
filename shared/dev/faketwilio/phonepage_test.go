package faketwilio_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The page where a person is the caller is served with its files, and can load nothing else.
func TestPhonePage(t *testing.T) {
	server := httptest.NewServer(newVoiceServer(t, newAssistant(t)))
	defer server.Close()
	for path, want := range map[string]struct{ kind, text string }{"/phone": {"text/html", "Call an assistant"}, "/phone/": {"text/html", `<label for="to">`},
		"/phone/phone.js": {"text/javascript", "createElement"}, "/phone/phone.css": {"text/css", ":focus-visible"}} {
		response, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), want.kind) || !strings.Contains(string(body), want.text) {
			t.Errorf("%s: status %d, %s, error %v; want %s with %s", path, response.StatusCode, response.Header.Get("Content-Type"), err, want.kind, want.text)
		}
		if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") {
			t.Errorf("%s has the policy %q", path, policy)
		}
		if strings.Contains(string(body), "innerHTML") {
			t.Errorf("%s writes HTML from texts", path)
		}
	}
	response, err := http.Get(server.URL + "/phone/other.txt")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("a file that does not exist: status %d", response.StatusCode)
	}
}

// A page of another site cannot make calls.
func TestPhoneRoutesRejectOtherSites(t *testing.T) {
	server := httptest.NewServer(newVoiceServer(t, newAssistant(t)))
	defer server.Close()
	r, err := http.NewRequest(http.MethodPost, server.URL+"/phone/calls", strings.NewReader("From=%2B14155550150&To=%2B15551230100"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://other.example.com")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("status %d, want 403", response.StatusCode)
	}
}
