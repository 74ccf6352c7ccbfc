package faketwilio

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Callback is a request about a call, such as a status callback, and the answer to it.
type Callback struct {
	SID       string // of the call
	URL       string
	Form      url.Values
	Method    string
	Token     string // I-Twilio-Idempotency-Token: the same if the request is made again
	Signature string
	Status    int    // of the answer; 0 without one
	Type      string // the answer's content type
	Body      string // the answer
	Err       error  // why there was no answer
	At        time.Time
}

// Callbacks returns the requests so far, in the order in which they finished.
func (s *Server) Callbacks() []Callback {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.callbacks)
}

// callbackTimeout is how long Twilio waits for an answer.
const callbackTimeout = 15 * time.Second

// newCallbackClient returns a client without keep-alive, so that no connection outlives a call.
func newCallbackClient() *http.Client {
	return &http.Client{Timeout: callbackTimeout, Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// postCallback posts a signed form to an address.
func (s *Server) postCallback(sid, method, address string, form url.Values) {
	s.makeRequest(s.newRequest(sid, method, address, form))
}

// newRequest returns a signed request that was not made yet.
func (s *Server) newRequest(sid, method, address string, form url.Values) Callback {
	c := Callback{SID: sid, URL: address, Form: form, Method: http.MethodPost, Token: newSID("")}
	signed := form
	if method == http.MethodGet {
		separator := "?"
		if strings.Contains(address, "?") {
			separator = "&"
		}
		c.Method, c.URL, signed = method, address+separator+form.Encode(), nil
	}
	c.Signature = Sign(s.options.AuthToken, c.URL, signed)
	return c
}

// makeRequest makes a request, stores it with its answer, and returns it.
func (s *Server) makeRequest(c Callback) Callback {
	c.At = s.options.Now()
	c.Status, c.Type, c.Body, c.Err = s.send(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callbacks = appendBounded(s.callbacks, c)
	return c
}

func (s *Server) send(c Callback) (status int, kind, answer string, err error) {
	body := ""
	if c.Method == http.MethodPost {
		body = c.Form.Encode()
	}
	r, err := http.NewRequestWithContext(s.ctx, c.Method, c.URL, strings.NewReader(body))
	if err != nil {
		return 0, "", "", err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	r.Header.Set("User-Agent", "TwilioProxy/1.1")
	r.Header.Set("X-Twilio-Signature", c.Signature)
	r.Header.Set("I-Twilio-Idempotency-Token", c.Token)
	response, err := s.callbackClient.Do(r)
	if err != nil {
		return 0, "", "", err
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(io.LimitReader(response.Body, maxFormBytes))
	if err != nil {
		return 0, "", "", err
	}
	return response.StatusCode, response.Header.Get("Content-Type"), string(read), nil
}

// Sign returns the value of X-Twilio-Signature: https://www.twilio.com/docs/usage/security#validating-requests
func Sign(token, address string, form url.Values) string {
	text := address
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[name] {
			text += name + value
		}
	}
	sum := hmac.New(sha1.New, []byte(token))
	_, _ = sum.Write([]byte(text)) // hash.Hash never fails
	return base64.StdEncoding.EncodeToString(sum.Sum(nil))
}
