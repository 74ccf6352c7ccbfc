package auth_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

const (
	vapiSecret   = "whsec-0123456789abcdef0123456789abcdef"
	retellSecret = "key_0123456789abcdef0123456789ab"
	signedBody   = `{"message":{"type":"status-update"}}`
	signedAt     = "1795680000"
	// Computed with openssl dgst -sha256 -hmac, and in Python with hmac and hashlib.
	vapiSHA256   = "1d888af2ee283baa03f091435e37f28f03a23c1e6a6940ca14f524fa87bb27f6"
	vapiSHA512   = "dd0c3cf603fd1066df5ad4c19f8ba88043503bd4e0037a3fd4bfa7216eb95dccd32e1ce9d8d311a51b80be612f3c44dbb12dda02442162070bda46cd1bb18975"
	retellSHA256 = "856c852043562179e9905233f684ec56abcd01e54ab598303ae5363d96ffc70c"
	svixSHA256   = "tem/GC8V6n+zvRH+j2ozglKRFAtgljbinIXkLjLo8EY="
)

var signedTime = time.Unix(1795680000, 0)

// signedBy authenticates a request by its signature, with these entries as the live keys.
func signedBy(t *testing.T, entries string, r auth.SignedRequest, now time.Time) (auth.Key, error) {
	t.Helper()
	keys, _ := newKeyStore("[" + entries + "]")
	key, err := auth.WebhookPolicy.AuthenticateSignature(t.Context(), r, keys, now)
	claimed, claimErr := auth.WebhookPolicy.HasSignature(t.Context(), r.Header, keys)
	if claimErr != nil || err == nil && !claimed {
		t.Errorf("the signature is valid and the authorizer would reject it: %v", claimErr)
	}
	return key, err
}

func request(body string, pairs ...string) auth.SignedRequest {
	return auth.SignedRequest{Method: http.MethodPost, Header: header(pairs...), Body: []byte(body)}
}

func TestKnownSignatures(t *testing.T) {
	entry := func(fields string) string { return `{"name":"vapi","signature":{"scheme":"vapi-hmac",` + fields + `}}` }
	secret := `"secret":"` + vapiSecret + `"`
	for name, c := range map[string]struct {
		entry string
		r     auth.SignedRequest
	}{
		"Vapi's defaults":        {entry(secret), request(signedBody, "X-Signature", vapiSHA256, "X-Timestamp", signedAt)},
		"lower-case names":       {entry(secret), request(signedBody, "x-signature", vapiSHA256, "x-timestamp", signedAt)},
		"a header of your own":   {entry(secret + `,"signatureHeader":"X-Vapi-Signature","timestampHeader":"X-Vapi-Timestamp"`), request(signedBody, "X-Vapi-Signature", vapiSHA256, "X-Vapi-Timestamp", signedAt)},
		"SHA-512 and a prefix":   {entry(secret + `,"algorithm":"sha512","signaturePrefix":"sha512="`), request(signedBody, "X-Signature", "sha512="+vapiSHA512, "X-Timestamp", signedAt)},
		"the format spelled out": {entry(secret + `,"payloadFormat":"{timestamp}.{body}"`), request(signedBody, "X-Signature", vapiSHA256, "X-Timestamp", signedAt)},
		"in the form of Svix": {entry(`"secret":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=","secretIsBase64":true,"signatureEncoding":"base64","signaturePrefix":"v1,",
			"signatureHeader":"svix-signature","timestampHeader":"svix-timestamp","payloadFormat":"{svix-id}.{timestamp}.{body}"`),
			request(signedBody, "Svix-Signature", "v1,"+svixSHA256, "Svix-Timestamp", signedAt, "Svix-Id", "msg_1")},
		"Retell": {`{"name":"retell","signature":{"scheme":"retell","secret":"` + retellSecret + `"}}`, request(signedBody, "X-Retell-Signature", "v=1795680000123,d="+retellSHA256)},
	} {
		key, err := signedBy(t, c.entry, c.r, signedTime)
		if err != nil || key.Name == "" || key.Kind != auth.KindAPI || key.Principal().ID != key.ID() {
			t.Errorf("%s: %+v, %v; want the entry", name, key, err)
		}
		for what, changed := range map[string]auth.SignedRequest{"a changed body": {Method: c.r.Method, Header: c.r.Header, Body: []byte(signedBody + " ")}, "no body": {Method: c.r.Method, Header: c.r.Header},
			"no header": {Method: c.r.Method, Body: c.r.Body}} {
			if key, err := signedBy(t, c.entry, changed, signedTime); !fault.Is(err, fault.Unauthorized) {
				t.Errorf("%s with %s: %+v, %v; want unauthorized", name, what, key, err)
			}
		}
		for name, value := range c.r.Header {
			h := maps.Clone(c.r.Header)
			h[name] = []string{value[0] + "0"}
			if key, err := signedBy(t, c.entry, auth.SignedRequest{Method: c.r.Method, Header: h, Body: c.r.Body}, signedTime); !fault.Is(err, fault.Unauthorized) {
				t.Errorf("with another %s: %+v, %v; want unauthorized", name, key, err)
			}
			h[name] = []string{value[0], "another"}
			if key, err := signedBy(t, c.entry, auth.SignedRequest{Method: c.r.Method, Header: h, Body: c.r.Body}, signedTime); !fault.Is(err, fault.Unauthorized) {
				t.Errorf("with two values of %s: %+v, %v; want unauthorized", name, key, err)
			}
		}
	}
}

// signVapi signs in Vapi's default form.
func signVapi(secret, timestamp, body string) auth.SignedRequest {
	m := hmac.New(sha256.New, []byte(secret))
	_, _ = m.Write([]byte(timestamp + "." + body))
	return request(body, "X-Signature", hex.EncodeToString(m.Sum(nil)), "X-Timestamp", timestamp)
}

// TestSignatureWindow signs correctly at other times than now, and writes the time in other ways.
func TestSignatureWindow(t *testing.T) {
	entry := `{"signature":{"scheme":"vapi-hmac","secret":"` + vapiSecret + `"}}`
	for name, c := range map[string]struct {
		timestamp string
		valid     bool
	}{
		"now": {signedAt, true}, "in milliseconds": {signedAt + "999", true},
		"five minutes ago": {"1795679700", true}, "a second more": {"1795679699", false}, "a millisecond more": {"1795679699999", false},
		"in five minutes": {"1795680300", true}, "in a second more": {"1795680301", false}, "in a millisecond more": {"1795680300001", false},
		"an hour ago": {"1795676400", false}, "the first day": {"0", false}, "negative": {"-1795680000", false}, "with a plus": {"+1795680000", false},
		"with a space": {" 1795680000", false}, "a fraction": {"1795680000.0", false}, "in words": {"2026-11-26T16:00:00Z", false}, "none": {"", false},
		"hexadecimal": {"0x6b07f5c0", false}, "very large": {"9223372036854775807", false}, "too large": {"92233720368547758070", false}, "in microseconds": {signedAt + "000000", false},
	} {
		_, err := signedBy(t, entry, signVapi(vapiSecret, c.timestamp, signedBody), signedTime)
		if c.valid && err != nil || !c.valid && !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%s (%s): %v, want valid: %v", name, c.timestamp, err, c.valid)
		}
	}
}

// TestSignatureOfAnyBytes signs bodies that a parser would change.
func TestSignatureOfAnyBytes(t *testing.T) {
	entry := `{"signature":{"scheme":"vapi-hmac","secret":"` + vapiSecret + `"}}`
	for _, body := range []string{"", " ", "{ \"b\":1,\t\"a\":1.50e1 }\n", "\xff\xfe\x00", "{\"a\":\"\u2028é\"}", "{timestamp}.{body}", strings.Repeat("x", 1<<20)} {
		r := signVapi(vapiSecret, signedAt, body)
		if _, err := signedBy(t, entry, r, signedTime); err != nil {
			t.Errorf("%.20q: %v", body, err)
		}
		r.Body = append(r.Body, 'x')
		if _, err := signedBy(t, entry, r, signedTime); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%.20q with a byte more: %v, want unauthorized", body, err)
		}
	}
}

// retellOf signs a text with Retell's secret.
func retellOf(text string) string {
	m := hmac.New(sha256.New, []byte(retellSecret))
	_, _ = m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

// TestRetellTimeIsNotMoved reads an old signature's text in another way: its first digits as the end of the body, and the
// rest as a time in seconds that is now.
func TestRetellTimeIsNotMoved(t *testing.T) {
	entry := `{"signature":{"scheme":"retell","secret":"` + retellSecret + `"}}`
	digest := retellOf(signedBody + "178" + signedAt) // was signed in June
	if _, err := signedBy(t, entry, request(signedBody+"178", "X-Retell-Signature", "v="+signedAt+",d="+digest), signedTime); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("an old signature is accepted for a longer body: %v", err)
	}
}

func TestRetellHeader(t *testing.T) {
	entry := `{"signature":{"scheme":"retell","secret":"` + retellSecret + `"}}`
	for _, value := range []string{"", "v=1795680000123", "d=" + retellSHA256, "v=1795680000123,d=", "d=" + retellSHA256 + ",v=1795680000123", "v=1795680000123, d=" + retellSHA256,
		"1795680000123," + retellSHA256, "x,v=1795680000123,d=" + retellSHA256, "v=1795680000123,d=" + retellSHA256 + ",d=x", "v=1795680000124,d=" + retellSHA256, retellSHA256,
		"v=" + signedAt + ",d=" + retellOf(signedBody+signedAt), "v=0" + signedAt + "123,d=" + retellOf(signedBody+"0"+signedAt+"123")} {
		if _, err := signedBy(t, entry, request(signedBody, "X-Retell-Signature", value), signedTime); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("%q: %v, want unauthorized", value, err)
		}
	}
	if _, err := signedBy(t, entry, request(signedBody, "X-Retell-Signature", "v=1795680000123,d="+retellSHA256), signedTime.Add(6*time.Minute)); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("six minutes later: %v, want unauthorized", err)
	}
}

// TestSignatureIsNoKey checks that a signature's secret opens nothing where a key is sent, and that a key signs nothing.
func TestSignatureIsNoKey(t *testing.T) {
	entries := fmt.Sprintf(`["%s",{"name":"vapi","signature":{"scheme":"vapi-hmac","secret":"%s"},"assistants":["a1"],"expiresAt":"2026-11-27T00:00:00Z"}]`, apiKey, vapiSecret)
	store, _ := newKeyStore(entries)
	store.Now = func() time.Time { return signedTime }
	for _, policy := range []auth.Policy{auth.WebhookPolicy, auth.BearerPolicy} {
		for _, h := range []http.Header{header("Authorization", "Bearer "+vapiSecret), header("FLASK-API-KEY", vapiSecret), header("X-Vapi-Secret", vapiSecret)} {
			if key, err := policy.Authenticate(t.Context(), h, store); !fault.Is(err, fault.Unauthorized) {
				t.Errorf("%s policy, %v: %+v, %v; want unauthorized", policy.Name, h, key, err)
			}
		}
	}
	if _, err := auth.WebhookPolicy.AuthenticateSignature(t.Context(), signVapi(apiKey, signedAt, signedBody), store, signedTime); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("a key that is sent signed a request: %v", err)
	}
	signed := signVapi(vapiSecret, signedAt, signedBody)
	for _, policy := range []auth.Policy{auth.BearerPolicy, auth.InternalPolicy, auth.PartnerPolicy} {
		_, err := policy.AuthenticateSignature(t.Context(), signed, store, signedTime)
		claimed, claimErr := policy.HasSignature(t.Context(), signed.Header, store)
		if !fault.Is(err, fault.Unauthorized) || claimed || claimErr != nil {
			t.Errorf("%s policy: %v, claimed %v, %v; want unauthorized", policy.Name, err, claimed, claimErr)
		}
	}
	p, err := auth.WebhookPolicy.AuthenticateSignature(t.Context(), signed, store, signedTime)
	if err != nil || p.Principal().CheckAssistant("a1") != nil || p.Principal().CheckAssistant("a2") == nil {
		t.Errorf("the limits of the entry: %+v, %v; want a1 and no other", p, err)
	}
	store.Now = func() time.Time { return signedTime.AddDate(0, 0, 2) }
	if _, err := auth.WebhookPolicy.AuthenticateSignature(t.Context(), signed, store, signedTime); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("an expired entry signed a request: %v", err)
	}
	signed.Header["FLASK-API-KEY"] = []string{apiKey, "another"}
	store.Now = func() time.Time { return signedTime }
	if _, err := auth.WebhookPolicy.AuthenticateSignature(t.Context(), signed, store, signedTime); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("two different values of a key's header: %v, want unauthorized", err)
	}
}

// TestInvalidSignatureEntries lists entries that must not become keys.
func TestInvalidSignatureEntries(t *testing.T) {
	const secret = `"secret":"` + vapiSecret + `"`
	for _, entry := range []string{
		`{"signature":null}`, `{"signature":"vapi-hmac"}`, `{"signature":{}}`, `{"signature":{"scheme":"other",` + secret + `}}`, `{"signature":{` + secret + `}}`,
		`{"signature":{"scheme":"vapi-hmac"}}`, `{"signature":{"scheme":"vapi-hmac","secret":""}}`, `{"signature":{"scheme":"vapi-hmac","secret":"short"}}`,
		`{"signature":{"scheme":"vapi-hmac",` + secret + `,"tolerance":600}}`, `{"signature":{"scheme":"vapi-hmac",` + secret + `,"algorithm":"md5"}}`,
		`{"signature":{"scheme":"vapi-hmac",` + secret + `,"payloadFormat":"{body}"}}`, `{"signature":{"scheme":"vapi-hmac",` + secret + `,"payloadFormat":"{timestamp}"}}`,
		`{"signature":{"scheme":"vapi-hmac",` + secret + `,"payloadFormat":"{timestamp}.{url}.{body}"}}`, `{"signature":{"scheme":"vapi-hmac",` + secret + `,"payloadFormat":"{timestamp}.{body}{"}}`,
		`{"signature":{"scheme":"vapi-hmac",` + secret + `,"payloadFormat":"{timestamp}{body}"}}`, `{"signature":{"scheme":"vapi-hmac",` + secret + `,"payloadFormat":"{body}{timestamp}"}}`,
		`{"signature":{"scheme":"vapi-hmac",` + secret + `,"payloadFormat":"v1{timestamp}.{body}"}}`,
		`{"signature":{"scheme":"vapi-hmac",` + secret + `,"signatureEncoding":"base32"}}`, `{"signature":{"scheme":"vapi-hmac",` + secret + `,"secretIsBase64":true}}`,
		`{"signature":{"scheme":"vapi-hmac",` + secret + `,"signatureHeader":"a b"}}`, `{"signature":{"scheme":"vapi-hmac",` + secret + `,"includeTimestamp":false}}`,
		`{"signature":{"scheme":"retell",` + secret + `,"signatureHeader":"x"}}`, `{"digest":"` + hexDigest("x") + `","signature":{"scheme":"vapi-hmac",` + secret + `}}`,
		`{"uses":["chat"],"signature":{"scheme":"vapi-hmac",` + secret + `}}`, `{"uses":["chat","webhook"],"signature":{"scheme":"vapi-hmac",` + secret + `}}`,
		`{"assistants":[],"signature":{"scheme":"vapi-hmac",` + secret + `}}`,
	} {
		keys, err := auth.ParseKeys("[" + entry + "]")
		if err == nil || len(keys) != 0 || strings.Contains(err.Error(), vapiSecret) {
			t.Errorf("%s: %d keys, %v; want none, and an error without the secret", entry, len(keys), err)
		}
	}
	reported := false
	store := &auth.KeyStore{Now: time.Now, Secrets: testkit.EverySecret(`[{"signature":{"scheme":"vapi-hmac",` + secret + `}}]`), SecretNames: map[auth.KeyKind]string{auth.KindInternal: "internal"}}
	store.OnUnusable = func(context.Context) { reported = true }
	if keys, err := store.Keys(t.Context(), auth.KindInternal); len(keys) != 0 || err != nil || !reported {
		t.Errorf("a signature among internal keys: %d keys, %v, reported %v; want none, reported", len(keys), err, reported)
	}
}

func TestSignatureWithoutKeyStore(t *testing.T) {
	store := &auth.KeyStore{Now: time.Now, Secrets: &testkit.Secrets{Err: errors.New("no route to host")}, SecretNames: map[auth.KeyKind]string{auth.KindAPI: "api"}}
	signed := signVapi(vapiSecret, signedAt, signedBody)
	if _, err := auth.WebhookPolicy.AuthenticateSignature(t.Context(), signed, store, signedTime); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without the key store: %v, want unavailable", err)
	}
	if claimed, err := auth.WebhookPolicy.HasSignature(t.Context(), signed.Header, store); claimed || err == nil {
		t.Errorf("without the key store: claimed %v, %v; want an error", claimed, err)
	}
}
