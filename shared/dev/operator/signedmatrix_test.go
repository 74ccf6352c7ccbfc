package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/aurora/shared/core/auth"
)

// signedRequest is a way to sign, or not to sign, with an entry of the api keys' secret. Such entries open the webhook only.
type signedRequest struct {
	scheme, assistant string
	age               time.Duration // of the signature
	changed           bool          // the body is changed after it was signed
	asKey             bool          // the secret is sent as a key, and nothing is signed
	want              int           // at the webhook
}

const otherAssistant = "69299da5-c96b-4125-aed7-58a30103acaa"

var signedRequests = map[string]signedRequest{
	"signed as Vapi":                {scheme: auth.SchemeVapi, assistant: documentAssistant, want: 200},
	"signed as Retell":              {scheme: auth.SchemeRetell, assistant: documentAssistant, want: 200},
	"signed, another assistant":     {scheme: auth.SchemeVapi, assistant: otherAssistant, want: 403},
	"signed six minutes ago":        {scheme: auth.SchemeVapi, assistant: documentAssistant, age: 6 * time.Minute, want: 401},
	"signed in six minutes":         {scheme: auth.SchemeRetell, assistant: documentAssistant, age: -6 * time.Minute, want: 401},
	"changed after it was signed":   {scheme: auth.SchemeVapi, assistant: documentAssistant, changed: true, want: 401},
	"changed, signed as Retell":     {scheme: auth.SchemeRetell, assistant: documentAssistant, changed: true, want: 401},
	"secret of a signature as key":  {scheme: auth.SchemeVapi, assistant: documentAssistant, asKey: true, want: 401},
	"secret of Retell's as a key":   {scheme: auth.SchemeRetell, assistant: documentAssistant, asKey: true, want: 401},
	"signed with an expired secret": {scheme: auth.SchemeVapi, assistant: "expired", want: 401},
}

func (s signedRequest) secret(name string) string {
	return fmt.Sprintf("whsec-%x", sha256.Sum256([]byte(name)))
}

// entry returns the entry of a key secret.
func (s signedRequest) entry(name string) string {
	limit := `"assistants":["` + s.assistant + `"]`
	if s.assistant == "expired" {
		limit = `"expiresAt":"2020-01-01T00:00:00Z"`
	}
	return fmt.Sprintf(`{"name":%q,%s,"signature":{"scheme":%q,"secret":%q}}`, name, limit, s.scheme, s.secret(name))
}

// apply puts the signature, or the key, into a request's header and returns the body to send.
func (s signedRequest) apply(h http.Header, name, keyHeader, body string) string {
	secret := s.secret(name)
	if s.asKey {
		if keyHeader == "Authorization" {
			secret = "Bearer " + secret
		}
		h.Set(keyHeader, secret)
		return body
	}
	sign := func(text string) string {
		m := hmac.New(sha256.New, []byte(secret))
		_, _ = m.Write([]byte(text))
		return hex.EncodeToString(m.Sum(nil))
	}
	at := time.Now().Add(-s.age)
	if s.scheme == auth.SchemeRetell {
		timestamp := strconv.FormatInt(at.UnixMilli(), 10)
		h.Set("X-Retell-Signature", "v="+timestamp+",d="+sign(body+timestamp))
	} else {
		timestamp := strconv.FormatInt(at.Unix(), 10)
		h.Set("X-Signature", sign(timestamp+"."+body))
		h.Set("X-Timestamp", timestamp)
	}
	if s.changed {
		body = strings.TrimSuffix(body, "}") + " }"
	}
	return body
}
