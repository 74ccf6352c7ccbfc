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

// Callback is a status callback that was posted, and the answer to it.
type Callback struct {
	SID       string // of the call
	URL       string
	Form      url.Values
	Signature string
	Status    int   // of the answer; 0 without one
	Err       error // why there was no answer
	At        time.Time
}

// Callbacks returns the callbacks so far, in the order in which they finished. Each is posted once, as by Twilio.
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
	c := Callback{SID: sid, URL: address, Form: form, At: s.options.Now()}
	body := form.Encode()
	signed := form
	if method == http.MethodGet {
		separator := "?"
		if strings.Contains(address, "?") {
			separator = "&"
		}
		c.URL, body, signed = address+separator+body, "", nil
	} else {
		method = http.MethodPost
	}
	c.Signature = Sign(s.options.AuthToken, c.URL, signed)
	c.Status, c.Err = s.sendCallback(method, c.URL, body, c.Signature)
	s.mu.Lock()
	s.callbacks = appendBounded(s.callbacks, c)
	s.mu.Unlock()
}

func (s *Server) sendCallback(method, address, body, signature string) (status int, err error) {
	r, err := http.NewRequestWithContext(s.ctx, method, address, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	}
	r.Header.Set("User-Agent", "TwilioProxy/1.1")
	r.Header.Set("X-Twilio-Signature", signature)
	response, err := s.callbackClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxFormBytes)) // the answer is ignored
	return response.StatusCode, nil
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
