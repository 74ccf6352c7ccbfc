package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const (
	linkTTL             = 30 * 24 * time.Hour
	maxClockSkew        = 5 * time.Minute // clocks may differ by so much (fault row 67)
	minSigningKeyLength = 32              // bytes of a signing key
	tokenVersion        = 1               // the first byte of every token, and of what is signed
	tokenHeaderLength   = 1 + 8           // the form and the time of making
	maxObjectKeyLength  = 1024            // bytes of an object's key, as S3 has it
)

// Links makes and opens the links of mails: whoever has one may read one object under reports/, for 30 days.
type Links struct {
	// Secrets and Name are where the signing keys are: words of at least 32 bytes, the newest first. That one signs, and
	// every one opens.
	Secrets    Secrets
	SecretName string
	// Public is where the KindAPI is reached from outside; empty makes no links.
	BaseURL string
	Now     func() time.Time
}

var (
	errInvalidLink = fault.New(fault.Unauthorized, "This link is not valid. It may have ended: links live for 30 days.").WithCode("invalid_link")
	errNotLinkable = errors.New("only objects under reports/ can be linked to")
)

// URL is the address at which an object can be read, or empty where Public is. The error is a fault: Internal where the
// key cannot be linked to or there is no usable signing key, Unavailable where that cannot be read now.
func (l *Links) URL(ctx context.Context, key string) (string, error) {
	if l.BaseURL == "" {
		return "", nil
	}
	token, err := l.NewToken(ctx, key)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(l.BaseURL, "/") + "/api/reports/view/" + token, nil
}

// NewToken is the signed name of an object, from now on.
func (l *Links) NewToken(ctx context.Context, key string) (string, error) {
	if !isLinkable(key) {
		return "", fault.From(errNotLinkable)
	}
	keys, err := l.signingKeys(ctx)
	if err != nil {
		return "", err
	}
	b := make([]byte, 0, tokenHeaderLength+len(key)+sha256.Size)
	b = append(b, tokenVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(l.Now().Unix()))
	b = append(b, key...)
	return base64.RawURLEncoding.EncodeToString(sign(keys[0], b)), nil
}

// Verify is the key of the object that a token names. The error is a fault: Unauthorized where the token was not made
// here, is not valid yet or no more, and otherwise as Link's.
func (l *Links) Verify(ctx context.Context, token string) (key string, err error) {
	if len(token) > base64.RawURLEncoding.EncodedLen(tokenHeaderLength+maxObjectKeyLength+sha256.Size) {
		return "", errInvalidLink
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) <= tokenHeaderLength+sha256.Size || strings.ContainsAny(token, "\r\n") { // the decoder skips line ends
		return "", errInvalidLink
	}
	keys, err := l.signingKeys(ctx)
	if err != nil {
		return "", err
	}
	body := b[:len(b)-sha256.Size]
	good := false
	for _, k := range keys { // every one, whether or not one has matched
		if hmac.Equal(sign(k, body)[len(body):], b[len(body):]) {
			good = true
		}
	}
	made := time.Unix(int64(binary.BigEndian.Uint64(b[1:tokenHeaderLength])), 0)
	now := l.Now()
	key = string(body[tokenHeaderLength:])
	if !good || b[0] != tokenVersion || !isLinkable(key) || now.Before(made.Add(-maxClockSkew)) || !now.Before(made.Add(linkTTL+maxClockSkew)) {
		return "", errInvalidLink
	}
	return key, nil
}

// isLinkable reports whether an object may be linked to at all, whoever signed.
func isLinkable(key string) bool {
	if !strings.HasPrefix(key, aurora.ReportsPrefix) || len(key) > maxObjectKeyLength {
		return false
	}
	for part := range strings.SplitSeq(key, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// sign is a body with its signature behind it, in memory of its own.
func sign(key string, body []byte) []byte {
	m := hmac.New(sha256.New, []byte(key))
	_, _ = m.Write(body) // a hash's Write does not fail
	return m.Sum(append([]byte(nil), body...))
}

// signingKeys are the live signing keys, the newest first. A secret with one that is too short is not used at all.
func (l *Links) signingKeys(ctx context.Context) ([]string, error) {
	text, err := l.Secrets.Secret(ctx, l.SecretName)
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.Internal, "Links are not set up.").WithCode("links_not_set_up").Because(err)
	}
	if err != nil {
		return nil, err
	}
	keys := strings.Fields(text)
	for _, k := range keys {
		if len(k) < minSigningKeyLength {
			keys = nil
			break
		}
	}
	if len(keys) == 0 {
		return nil, fault.New(fault.Internal, "Links are not set up.").WithCode("links_not_set_up").
			Because(errors.New("the links secret is not one or more words of at least 32 bytes"))
	}
	return keys, nil
}
