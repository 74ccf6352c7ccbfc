package tools

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/aurora/shared/core/agent"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/dev/testkit"
)

const signingSecret = "sign-0123456789abcdef0123456789abcdef"

// TestKnownSignature holds the signed text. The value was computed with openssl dgst -sha256 -hmac, and is in
// shared/docs/assistants.md.
func TestKnownSignature(t *testing.T) {
	got := signatureOf(signingSecret, "1795680000", []byte(`{"arguments":{"day":1},"assistantId":"a1","call":{},"name":"book","toolCallId":"t1"}`))
	check(t, "signature", got, "b78669a2866b8d33171a635afd0c075735bb876404a1dfc1b95d9c31aac703af")
}

// TestSignedToolRequest checks a request as its receiver does, with the same code that checks signed webhook requests.
func TestSignedToolRequest(t *testing.T) {
	receiver := &auth.KeyStore{Now: func() time.Time { return testNow }, SecretNames: map[auth.KeyKind]string{auth.KindAPI: "api"},
		Secrets: testkit.EverySecret(`[{"signature":{"scheme":"vapi-hmac","secret":"` + signingSecret + `","signatureHeader":"X-Aurora-Signature","timestampHeader":"X-Aurora-Timestamp"}}]`)}
	var header http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		body, _ := io.ReadAll(r.Body)
		if _, err := auth.WebhookPolicy.AuthenticateSignature(r.Context(), auth.SignedRequest{Method: r.Method, Header: r.Header, Body: body}, receiver, testNow); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, "booked with "+signingSecret)
	}))
	defer server.Close()
	for name, c := range map[string]struct {
		tool          aurora.HTTPTool
		secret        string
		content       string
		authorization string
	}{
		"signed":                    {aurora.HTTPTool{SigningSecret: "sign"}, signingSecret, "booked with [redacted]", ""},
		"signed, with line end":     {aurora.HTTPTool{SigningSecret: "sign"}, signingSecret + "\n", "booked with [redacted]", ""},
		"signed and a bearer token": {aurora.HTTPTool{SigningSecret: "sign", Secret: "bearer"}, signingSecret, "booked with [redacted]", "Bearer the-bearer-secret"},
		"another secret":            {aurora.HTTPTool{SigningSecret: "sign"}, "another-" + signingSecret, "Error: The tool failed (status 401). ", ""},
		"not signed":                {aurora.HTTPTool{}, signingSecret, "Error: The tool failed (status 401). ", ""},
	} {
		t.Run(name, func(t *testing.T) {
			k, w := newKit(t)
			w.secrets["aurora/test/tools/sign"], w.secrets["aurora/test/tools/bearer"] = c.secret, "the-bearer-secret"
			k.PrivateHosts = []string{hostPort(server)}
			c.tool.Name, c.tool.URL = "book", server.URL+"/book"
			out, err := callTool(t, newHTTPTool(t, k, c.tool), `{"day":"é & <12345678901234567890>"}`)
			if err != nil || out.Content != c.content {
				t.Errorf("the result is %q, %v; want %q", out.Content, err, c.content)
			}
			check(t, "Authorization", header.Get("Authorization"), c.authorization)
			if c.tool.SigningSecret != "" {
				check(t, timestampHeader, header.Get(timestampHeader), strconv.FormatInt(testNow.Unix(), 10))
			} else if header.Get(signatureHeader)+header.Get(timestampHeader) != "" {
				t.Error("a request without a signing secret is signed")
			}
		})
	}
}

// TestUnusableSigningSecret checks that a request that cannot be signed is not sent.
func TestUnusableSigningSecret(t *testing.T) {
	asked := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer server.Close()
	for name, secret := range map[string]string{"short": "only-23-bytes-0123456789"[:23], "empty": " ", "with a line break in it": signingSecret + "\nx", "missing": ""} {
		k, w := newKit(t)
		if name != "missing" {
			w.secrets["aurora/test/tools/sign"] = secret
		}
		k.PrivateHosts = []string{hostPort(server)}
		tool := newHTTPTool(t, k, aurora.HTTPTool{Name: "book", URL: server.URL, SigningSecret: "sign"})
		out, err := tool.Run(t.Context(), agent.Invocation{ID: "t1", Arguments: json.RawMessage(`{}`)})
		if !fault.Is(err, fault.Unavailable) || asked || strings.Contains(err.Error(), "0123456789") {
			t.Errorf("%s: %q, %v, asked %v; want unavailable, no request, and no secret in the error", name, out.Content, err, asked)
		}
	}
}
