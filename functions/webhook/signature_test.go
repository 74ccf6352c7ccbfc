package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/dev/eventtest"
	"example.com/aurora/shared/dev/testkit"
	"example.com/aurora/shared/usecase/webhook"
)

const (
	vapiSecret   = "whsec-0123456789abcdef0123456789abcdef"
	retellSecret = "key_0123456789abcdef0123456789ab"
	scopedSecret = "scoped-0123456789abcdef0123456789abcde"
)

var signedAt = time.Date(2026, 11, 18, 15, 5, 0, 0, time.UTC)

// signedFunction is the webhook with three entries that sign and one key that is sent.
func signedFunction(t *testing.T) func(event map[string]any) (status int, body string) {
	t.Helper()
	keys := &auth.KeyStore{Now: func() time.Time { return signedAt }, SecretNames: map[auth.KeyKind]string{auth.KindAPI: "api"}, Secrets: testkit.EverySecret(fmt.Sprintf(
		`["%s",{"name":"vapi","signature":{"scheme":"vapi-hmac","secret":"%s"}},{"name":"retell","signature":{"scheme":"retell","secret":"%s"}},
		 {"name":"scoped","assistants":["69299da5-c96b-4125-aed7-58a30103acaa"],"signature":{"scheme":"vapi-hmac","secret":"%s"}}]`, eventtest.APIKey, vapiSecret, retellSecret, scopedSecret))}
	f := newFunction(&webhook.Receiver{Assistants: assistants, Archive: webhook.Archive{Objects: fakeBucket{}, Now: func() time.Time { return signedAt }},
		Queue: unusedQueue{}, Tools: fakeTools{}, OutboundCalls: fakeOutbound{}, Eligibility: fakeOutbound{}}, keys)
	f.Now = func() time.Time { return signedAt }
	return func(event map[string]any) (int, string) {
		raw, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		o := eventtest.Invoke(t, f, raw)
		return o.Status, string(o.Body)
	}
}

func sign(secret string, texts ...string) string {
	m := hmac.New(sha256.New, []byte(secret))
	_, _ = m.Write([]byte(strings.Join(texts, "")))
	return hex.EncodeToString(m.Sum(nil))
}

func vapiHeaders(secret string, at time.Time, body string) map[string]string {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	return map[string]string{"Content-Type": "application/json", "X-Signature": sign(secret, timestamp, ".", body), "X-Timestamp": timestamp}
}

func retellHeaders(at time.Time, body string) map[string]string {
	timestamp := strconv.FormatInt(at.UnixMilli(), 10)
	return map[string]string{"content-type": "application/json", "x-retell-signature": "v=" + timestamp + ",d=" + sign(retellSecret, body, timestamp)}
}

// restEvent is what the function gets after the authorizer has passed a signed request on: there is no principal.
func restEvent(h map[string]string, body string) map[string]any {
	return map[string]any{"resource": "/api/webhook", "path": "/api/webhook", "httpMethod": "POST", "headers": h, "body": body,
		"requestContext": map[string]any{"authorizer": map[string]any{"principalId": "signature"}}}
}

func urlEvent(h map[string]string, body string) map[string]any {
	return map[string]any{"version": "2.0", "rawPath": "/api/webhook", "headers": h, "body": body,
		"requestContext": map[string]any{"http": map[string]any{"method": "POST", "path": "/api/webhook"}}}
}

func inBase64(event map[string]any) map[string]any {
	event["body"], event["isBase64Encoded"] = base64.StdEncoding.EncodeToString([]byte(event["body"].(string))), true
	return event
}

func TestSignedRequests(t *testing.T) {
	invoke := signedFunction(t)
	// Spaces, the order of names and escapes are the sender's: a body that is parsed and written again has another signature.
	body := "{ \"message\" : {\"type\":\"assistant-request\",\n \"session\":\"9395bc40-ee5d-47e1-bcf3-b2af2f63e84a\", \"note\":\"\\u00e9\xc3\xa9 1.50\"} }\n"
	var compact map[string]any
	if err := json.Unmarshal([]byte(body), &compact); err != nil {
		t.Fatal(err)
	}
	rewritten, _ := json.Marshal(compact)
	now, other := vapiHeaders(vapiSecret, signedAt, body), "whsec-ffffffffffffffffffffffffffffffff"
	with := func(h map[string]string, name, value string) map[string]string {
		changed := map[string]string{name: value}
		for k, v := range h {
			if k != name {
				changed[k] = v
			}
		}
		return changed
	}
	for name, c := range map[string]struct {
		h    map[string]string
		body string
		want int
	}{
		"Vapi":                             {now, body, 201},
		"Retell":                           {retellHeaders(signedAt, body), body, 201},
		"Vapi, five minutes old":           {vapiHeaders(vapiSecret, signedAt.Add(-5*time.Minute), body), body, 201},
		"Vapi, six minutes old":            {vapiHeaders(vapiSecret, signedAt.Add(-6*time.Minute), body), body, 401},
		"Vapi, six minutes ahead":          {vapiHeaders(vapiSecret, signedAt.Add(6*time.Minute), body), body, 401},
		"Retell, six minutes old":          {retellHeaders(signedAt.Add(-6*time.Minute), body), body, 401},
		"Retell, six minutes ahead":        {retellHeaders(signedAt.Add(6*time.Minute), body), body, 401},
		"another body":                     {now, strings.Replace(body, "1.50", "1.5", 1), 401},
		"the body written again":           {now, string(rewritten), 401},
		"no body":                          {now, "", 401},
		"another secret":                   {vapiHeaders(other, signedAt, body), body, 401},
		"another time than the signed one": {with(now, "X-Timestamp", strconv.FormatInt(signedAt.Unix()+1, 10)), body, 401},
		"no time":                          {with(now, "X-Timestamp", ""), body, 401},
		"no signature":                     {with(now, "X-Signature", ""), body, 401},
		"the signature of an empty secret": {with(now, "X-Signature", sign("", now["X-Timestamp"], ".", body)), body, 401},
		"the secret as a key":              {map[string]string{"Content-Type": "application/json", "FLASK-API-KEY": vapiSecret}, body, 401},
		"the secret as a bearer token":     {map[string]string{"Content-Type": "application/json", "Authorization": "Bearer " + vapiSecret}, body, 401},
		"nothing":                          {map[string]string{"Content-Type": "application/json"}, body, 401},
		"an entry of another assistant":    {vapiHeaders(scopedSecret, signedAt, body), body, 403},
		"a signed body that is no JSON":    {vapiHeaders(vapiSecret, signedAt, "{"), "{", 400},
	} {
		for kind, event := range map[string]map[string]any{"REST": restEvent(c.h, c.body), "function URL": urlEvent(c.h, c.body),
			"REST, base64": inBase64(restEvent(c.h, c.body)), "function URL, base64": inBase64(urlEvent(c.h, c.body))} {
			status, answer := invoke(event)
			if status != c.want || c.want == 401 && !strings.Contains(answer, "invalid_api_key") || c.want == 403 && !strings.Contains(answer, "assistant_not_allowed") {
				t.Errorf("%s, %s: %d %s, want %d", name, kind, status, answer, c.want)
			}
		}
	}
	event := restEvent(now, "%%%")
	event["isBase64Encoded"] = true
	if status, answer := invoke(event); status != 401 {
		t.Errorf("a body that is not base64: %d %s, want 401", status, answer)
	}
	// What the authorizer's result says of a signature does not matter, and a key that is sent needs none.
	forged := restEvent(map[string]string{"Content-Type": "application/json"}, body)
	forged["requestContext"] = map[string]any{"authorizer": map[string]any{"principalId": "signature", "signature": "valid"}}
	if status, answer := invoke(forged); status != 401 {
		t.Errorf("an authorizer's word for a signature: %d %s, want 401", status, answer)
	}
	sent := restEvent(with(now, "X-Signature", "00"), body)
	sent["requestContext"] = map[string]any{"authorizer": map[string]any{"keyId": "k-1"}}
	if status, answer := invoke(sent); status != 201 {
		t.Errorf("a valid key beside a wrong signature: %d %s, want 201", status, answer)
	}
}
