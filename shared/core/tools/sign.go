package tools

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"

	"example.com/aurora/shared/core/fault"
)

// The headers of a signed request to an HTTP tool. shared/docs/assistants.md tells the tool's server how to check them.
const (
	signatureHeader = "X-Aurora-Signature" // HMAC-SHA256 of "<timestamp>.<body>", in hexadecimal
	timestampHeader = "X-Aurora-Timestamp" // seconds since 1970
)

// minSigningSecret is the least length of a signing secret in bytes. A shorter one could be found by trying.
const minSigningSecret = 24

// signRequest signs a request with the secret of this name: the bytes of the body and the time. Without a name it does
// nothing. It returns the secret.
func (k *Kit) signRequest(ctx context.Context, name string, h http.Header, body []byte) (string, error) {
	secret, err := k.secret(ctx, name)
	if err != nil || secret == "" {
		return "", err
	}
	if len(secret) < minSigningSecret {
		return "", fault.New(fault.Unavailable, "The tool is not set up.").Because(errors.New("its signing secret has fewer than 24 bytes"))
	}
	timestamp := strconv.FormatInt(k.Now().Unix(), 10)
	h.Set(timestampHeader, timestamp)
	h.Set(signatureHeader, signatureOf(secret, timestamp, body))
	return secret, nil
}

func signatureOf(secret, timestamp string, body []byte) string {
	m := hmac.New(sha256.New, []byte(secret))
	_, _ = io.WriteString(m, timestamp+".") // a hash accepts every write
	_, _ = m.Write(body)
	return hex.EncodeToString(m.Sum(nil))
}
