package auth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
)

const (
	linkTTL             = 30 * 24 * time.Hour
	maxClockSkew        = 5 * time.Minute // between the clock that made a link and the one that checks it
	minSigningKeyLength = 32              // bytes
	maxObjectKeyLength  = 1024            // bytes; the limit of S3
	tokenVersion        = 1               // the first byte of every token
	tokenHeaderLength   = 1 + 8           // the version and the time when the token was made
	revocationName      = "links-revoked.json"
)

// Links makes and verifies the links in mails. A link lets everyone who has it read one object under reports/ for 30 days.
type Links struct {
	// Secrets and SecretName say where the signing keys are: words of at least 32 bytes, the newest first. The first one
	// signs, all of them verify.
	Secrets    Secrets
	SecretName string
	BaseURL    string // the API's public address; if empty, no links are made
	// Objects holds the revocations: an object under RevocationKey, written when links were revoked. Verify needs it.
	Objects interface {
		// List yields the keys that begin with prefix, in order.
		List(ctx context.Context, prefix, startAfter string) iter.Seq2[string, error]
		// Read returns an object and when it was written. A missing object is a fault.NotFound.
		Read(ctx context.Context, key string) (body []byte, written time.Time, err error)
	}
	Now func() time.Time
}

var (
	errInvalidLink = fault.New(fault.Unauthorized, "This link is not valid. It may have ended: links live for 30 days.").WithCode("invalid_link")
	errNotLinkable = errors.New("only objects under reports/ can be linked to")
)

// URL returns the address of an object, or "" if BaseURL is empty. The token follows a number sign, because clients send no
// server that part of an address: no access log, trace or proxy on the way holds it. The error is a fault: Internal if the object cannot be
// linked to or there is no usable signing key, Unavailable if the signing key cannot be read now.
func (l *Links) URL(ctx context.Context, key string) (string, error) {
	if l.BaseURL == "" {
		return "", nil
	}
	token, err := l.NewToken(ctx, key)
	if err != nil {
		return "", err
	}
	return strings.TrimRight(l.BaseURL, "/") + "/api/reports/view#" + token, nil
}

// NewToken returns the signed name of an object, valid from now on.
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

// TokenIn returns the token in what a person pasted: a link of this or an earlier form, or the token itself.
func TokenIn(pasted string) string {
	pasted = strings.TrimSpace(pasted)
	return pasted[strings.LastIndexAny(pasted, "#/")+1:]
}

// Verify returns the key of the object that a token names. The error is a fault: Unauthorized if the token was not made
// here, is not valid yet, has expired or was revoked, Unavailable if the revocations cannot be read, otherwise as for URL.
func (l *Links) Verify(ctx context.Context, token string) (key string, err error) {
	if len(token) > base64.RawURLEncoding.EncodedLen(tokenHeaderLength+maxObjectKeyLength+sha256.Size) {
		return "", errInvalidLink
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) <= tokenHeaderLength+sha256.Size || strings.ContainsAny(token, "\r\n") { // the decoder ignores line ends
		return "", errInvalidLink
	}
	keys, err := l.signingKeys(ctx)
	if err != nil {
		return "", err
	}
	body := b[:len(b)-sha256.Size]
	signed := false
	for _, k := range keys { // all of them, so that the time is always the same
		if hmac.Equal(sign(k, body)[len(body):], b[len(body):]) {
			signed = true
		}
	}
	made := time.Unix(int64(binary.BigEndian.Uint64(b[1:tokenHeaderLength])), 0)
	now := l.Now()
	key = string(body[tokenHeaderLength:])
	if !signed || b[0] != tokenVersion || !isLinkable(key) || now.Before(made.Add(-maxClockSkew)) || !now.Before(made.Add(linkTTL+maxClockSkew)) {
		return "", errInvalidLink
	}
	if err := l.checkNotRevoked(ctx, key, made); err != nil {
		return "", err
	}
	return key, nil
}

// UnverifiedObject returns the key of the object that a token names, without a check of the signature. It is empty for what
// is no token. It is for operators, who want to know what a link is about.
func UnverifiedObject(token string) string {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) <= tokenHeaderLength+sha256.Size {
		return ""
	}
	return string(b[tokenHeaderLength : len(b)-sha256.Size])
}

// RevocationKey returns the key of the object whose existence revokes the links that were made before it was written: all
// links to a report's objects, or all links to anything if report is empty. report is an aurora.ReportNumber.
func RevocationKey(report string) (string, error) {
	if report == "" {
		return aurora.ReportsPrefix + revocationName, nil
	}
	key := aurora.ReportsPrefix + report + "/" + revocationName
	if aurora.ReportNumber(key) != report || !isLinkable(key) {
		return "", fmt.Errorf("%q is no report number", report)
	}
	return key, nil
}

// checkNotRevoked returns errInvalidLink if the links to an object were revoked after this one was made. Times are whole
// seconds: a link that was made in the second of the revocation is revoked.
func (l *Links) checkNotRevoked(ctx context.Context, objectKey string, made time.Time) error {
	names := []string{""}
	if report := aurora.ReportNumber(objectKey); report != "" {
		names = append(names, report)
	}
	for _, name := range names {
		key, err := RevocationKey(name)
		if err != nil {
			return fault.From(err)
		}
		revoked, err := l.revokedAt(ctx, key)
		switch {
		case err != nil:
			return fault.New(fault.Unavailable, "The link cannot be checked now.").WithCode("store_unavailable").WithRetryAfter(time.Second).Because(err)
		case !made.After(revoked):
			return errInvalidLink
		}
	}
	return nil
}

// revokedAt returns when a revocation was written, the zero time if there is none. It lists the key first: S3 may answer
// 403 to the reading of a missing object, if the right to list the bucket is limited to a prefix.
func (l *Links) revokedAt(ctx context.Context, key string) (time.Time, error) {
	for found, err := range l.Objects.List(ctx, key, "") {
		if err != nil {
			return time.Time{}, err
		}
		if found == key {
			_, written, err := l.Objects.Read(ctx, key)
			return written, err
		}
	}
	return time.Time{}, nil
}

// isLinkable reports whether an object may be linked to at all. It holds for every token, also a correctly signed one.
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

// sign returns a new slice: the body and its signature.
func sign(key string, body []byte) []byte {
	m := hmac.New(sha256.New, []byte(key))
	_, _ = m.Write(body) // a hash accepts every write
	return m.Sum(append([]byte(nil), body...))
}

func (l *Links) signingKeys(ctx context.Context) ([]string, error) {
	return signingKeys(ctx, l.Secrets, l.SecretName, fault.New(fault.Internal, "Links are not set up.").WithCode("links_not_set_up"))
}

// signingKeys returns the signing keys in a secret, the newest first. A secret with a key that is too short is not used at all;
// the error is notSetUp.
func signingKeys(ctx context.Context, secrets Secrets, name string, notSetUp *fault.Error) ([]string, error) {
	text, err := secrets.Secret(ctx, name)
	if fault.Is(err, fault.NotFound) {
		err = notSetUp.Because(err)
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
		return nil, notSetUp.Because(fmt.Errorf("the secret %s is not one or more words of at least %d bytes", name, minSigningKeyLength))
	}
	return keys, nil
}
