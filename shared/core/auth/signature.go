package auth

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	signatureWindow    = 5 * time.Minute // between the time of a signature and now, in either direction
	minSignatureSecret = 24              // bytes
	maxSignatureSecret = 512
	maxPayloadFormat   = 200
	maxHeaderName      = 64
	// Retell's signed text is the body and then the time. Only a fixed length shows where the time begins.
	retellTimestampLength = len("1795680000123")
)

// The schemes of signed requests.
const (
	SchemeVapi   = "vapi-hmac" // https://docs.vapi.ai/server-url/server-authentication#hmac-authentication
	SchemeRetell = "retell"    // https://docs.retellai.com/features/secure-webhook
)

// signature is how the requests of a key entry are signed.
type signature struct {
	secret          []byte
	newHash         func() hash.Hash
	header, prefix  string // the signature's header, and what stands before the signature there
	isBase64        bool   // else hexadecimal
	isRetell        bool   // the header holds the time, too: v=<time>,d=<signature>
	timestampHeader string
	messageIDHeader string
	format          []string // the signed text: texts and placeholders in turn
}

// SignedRequest is what a signature covers. Body holds the bytes as they were received.
type SignedRequest struct {
	Method string
	Header http.Header
	Body   []byte
}

// The placeholders of a payload format, as Vapi names them. Its {url} is not among them: a function behind API Gateway does
// not know the address that was signed.
const (
	placeholderBody      = "{body}"
	placeholderTimestamp = "{timestamp}"
	placeholderMethod    = "{method}"
	placeholderMessageID = "{svix-id}"
)

// SignatureSettings is the field signature of a key entry. The names of Vapi's scheme are those of Vapi's HMAC credential.
type SignatureSettings struct {
	Scheme            string `json:"scheme"`
	Secret            string `json:"secret"`
	Algorithm         string `json:"algorithm,omitempty"`
	SignatureHeader   string `json:"signatureHeader,omitempty"`
	TimestampHeader   string `json:"timestampHeader,omitempty"`
	SignaturePrefix   string `json:"signaturePrefix,omitempty"`
	PayloadFormat     string `json:"payloadFormat,omitempty"`
	MessageIDHeader   string `json:"messageIdHeader,omitempty"`
	SignatureEncoding string `json:"signatureEncoding,omitempty"`
	SecretIsBase64    bool   `json:"secretIsBase64,omitempty"`
}

// parseSignature reads the field signature of a key entry. A name that it does not know is an error: a misspelled one must
// not change what is checked.
func parseSignature(raw json.RawMessage) (*signature, error) {
	var in SignatureSettings
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if d.Decode(&in) != nil {
		return nil, errors.New("signature is no object, or has a field that is unknown or of another type")
	}
	switch in.Scheme {
	case SchemeRetell:
		if in != (SignatureSettings{Scheme: SchemeRetell, Secret: in.Secret}) {
			return nil, errors.New("a signature of the scheme retell has the field secret and no other")
		}
		in.SignatureHeader, in.PayloadFormat = "x-retell-signature", placeholderBody+placeholderTimestamp
	case SchemeVapi:
		in.SignatureHeader = cmp.Or(in.SignatureHeader, "x-signature")
		in.TimestampHeader = cmp.Or(in.TimestampHeader, "x-timestamp")
		in.MessageIDHeader = cmp.Or(in.MessageIDHeader, "svix-id")
		in.PayloadFormat = cmp.Or(in.PayloadFormat, placeholderTimestamp+"."+placeholderBody)
	default:
		return nil, errors.New(`scheme must be "vapi-hmac" or "retell"`)
	}
	s := &signature{header: in.SignatureHeader, prefix: in.SignaturePrefix, isRetell: in.Scheme == SchemeRetell,
		timestampHeader: in.TimestampHeader, messageIDHeader: in.MessageIDHeader}
	for _, read := range []func(SignatureSettings) error{s.readSecret, s.readAlgorithm, s.readNames, s.readFormat} {
		if err := read(in); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *signature) readSecret(in SignatureSettings) error {
	s.secret = []byte(in.Secret)
	if in.SecretIsBase64 {
		var err error
		if s.secret, err = base64.StdEncoding.DecodeString(in.Secret); err != nil {
			return errors.New("the secret of the signature is not valid base64")
		}
	}
	if len(s.secret) < minSignatureSecret || len(in.Secret) > maxSignatureSecret {
		return errors.New("the secret of the signature must have 24 to 512 bytes")
	}
	return nil
}

func (s *signature) readAlgorithm(in SignatureSettings) error {
	switch cmp.Or(in.Algorithm, "sha256") {
	case "sha256":
		s.newHash = sha256.New
	case "sha512":
		s.newHash = sha512.New
	case "sha1": // broken for signed documents, not for HMAC
		s.newHash = sha1.New
	default:
		return errors.New(`algorithm must be "sha256", "sha512" or "sha1"`)
	}
	switch cmp.Or(in.SignatureEncoding, "hex") {
	case "hex":
	case "base64":
		s.isBase64 = true
	default:
		return errors.New(`signatureEncoding must be "hex" or "base64"`)
	}
	return nil
}

func (s *signature) readNames(SignatureSettings) error {
	for _, name := range []string{s.header, s.timestampHeader, s.messageIDHeader} {
		if len(name) > maxHeaderName || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return errors.New("a header's name must have 1 to 64 letters, digits, - and _")
		}
	}
	if len(s.prefix) > maxHeaderName {
		return errors.New("signaturePrefix must have at most 64 bytes")
	}
	return nil
}

func (s *signature) readFormat(in SignatureSettings) error {
	rest := in.PayloadFormat
	for rest != "" {
		text, after, _ := strings.Cut(rest, "{")
		if text != "" {
			s.format = append(s.format, text)
		}
		if len(text) == len(rest) {
			break
		}
		name, after, ok := strings.Cut(after, "}")
		placeholder := "{" + name + "}"
		if !ok || !slices.Contains([]string{placeholderBody, placeholderTimestamp, placeholderMethod, placeholderMessageID}, placeholder) {
			return errors.New("payloadFormat may hold {timestamp}, {body}, {method} and {svix-id}, and no other brace")
		}
		s.format, rest = append(s.format, placeholder), after
	}
	// Without the time in the signed text, a signature would be valid for ever.
	if len(in.PayloadFormat) > maxPayloadFormat || !slices.Contains(s.format, placeholderTimestamp) || !slices.Contains(s.format, placeholderBody) {
		return errors.New("payloadFormat must hold {timestamp} and {body}, in at most 200 bytes")
	}
	if !s.isRetell && !s.isTimestampDelimited() {
		return errors.New("payloadFormat must have a character such as . between {timestamp} and what stands beside it")
	}
	return nil
}

// isTimestampDelimited reports whether the signed text shows where the time begins and ends. Otherwise the digits of an old
// time could be read as the end of the body and another time.
func (s *signature) isTimestampDelimited() bool {
	const notBesideTime = "{}0123456789"
	for i, part := range s.format {
		if part != placeholderTimestamp {
			continue
		}
		if i > 0 && strings.ContainsAny(s.format[i-1][len(s.format[i-1])-1:], notBesideTime) || i+1 < len(s.format) && strings.ContainsAny(s.format[i+1][:1], notBesideTime) {
			return false
		}
	}
	return true
}

// signedHeaders are the values that a signature's headers hold.
type signedHeaders struct {
	digest               []byte
	timestamp, messageID string
}

// read returns the values in a request's headers. It is not ok if one of them is missing, occurs with two values, or cannot
// be a value of its kind.
func (s *signature) read(h http.Header) (v signedHeaders, ok bool) {
	value, ok := singleValue(headerValues(h, s.header))
	if !ok {
		return v, false
	}
	if s.isRetell {
		time, digest, found := strings.Cut(value, ",d=")
		time, hasTime := strings.CutPrefix(time, "v=")
		if !found || !hasTime || len(time) != retellTimestampLength {
			return v, false
		}
		v.timestamp, value = time, digest
	} else if v.timestamp, ok = singleValue(headerValues(h, s.timestampHeader)); !ok {
		return v, false
	}
	if slices.Contains(s.format, placeholderMessageID) {
		if v.messageID, ok = singleValue(headerValues(h, s.messageIDHeader)); !ok || v.messageID == "" {
			return v, false
		}
	}
	if value, ok = strings.CutPrefix(value, s.prefix); !ok {
		return v, false
	}
	var err error
	if s.isBase64 {
		v.digest, err = base64.StdEncoding.Strict().DecodeString(value)
	} else {
		v.digest, err = hex.DecodeString(value)
	}
	return v, err == nil && len(v.digest) == s.newHash().Size()
}

// What is wrong with a signature, for the log. The later ones say more.
const (
	notSigned   = iota // no headers of this form
	notRecent          // the time is no time, or outside the window
	notMatching        // another secret, another text, or another time
	validSignature
)

var signatureProblems = [...]string{notSigned: "no headers of the stored forms", notRecent: "the time is more than five minutes away", notMatching: "it does not match body, time and secret"}

// verify returns whether a request was signed with the secret, within the window around now.
func (s *signature) verify(r SignedRequest, now time.Time) int {
	v, ok := s.read(r.Header)
	switch {
	case !ok:
		return notSigned
	case !isRecent(v.timestamp, now):
		return notRecent
	}
	m := hmac.New(s.newHash, s.secret)
	for _, part := range s.format {
		switch part { // a hash accepts every write
		case placeholderBody:
			_, _ = m.Write(r.Body)
		case placeholderTimestamp:
			_, _ = io.WriteString(m, v.timestamp)
		case placeholderMethod:
			_, _ = io.WriteString(m, r.Method)
		case placeholderMessageID:
			_, _ = io.WriteString(m, v.messageID)
		default:
			_, _ = io.WriteString(m, part)
		}
	}
	if !hmac.Equal(m.Sum(nil), v.digest) {
		return notMatching
	}
	return validSignature
}

// isRecent reports whether a timestamp is within the window around now. It is in seconds or milliseconds since 1970: Retell
// sends milliseconds, and Vapi does not say. No time in seconds reaches 100,000,000,000 before the year 5138.
func isRecent(timestamp string, now time.Time) bool {
	n, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || n < 0 || timestamp[0] == '+' || timestamp[0] == '-' {
		return false
	}
	if n < 100_000_000_000 {
		n *= 1000
	}
	return time.UnixMilli(n).Sub(now).Abs() <= signatureWindow
}

// HasSignature reports whether a request claims to be signed with a live key of the policy. A Lambda authorizer does not see
// the body, so it asks this and leaves the check of the signature to the function.
func (p Policy) HasSignature(ctx context.Context, h http.Header, keys KeySource) (bool, error) {
	if p.HasConflictingHeader(h) {
		return false, nil
	}
	live, err := p.signingKeys(ctx, keys)
	for _, key := range live {
		if _, ok := key.signature.read(h); ok {
			return true, nil
		}
	}
	return false, err
}

// AuthenticateSignature returns the key with which a request was signed. Only the log says what is wrong with a signature.
// The error is a fault: Unauthorized if it was signed
// with none of them or not within five minutes of now, Unavailable if the live keys could not be loaded.
func (p Policy) AuthenticateSignature(ctx context.Context, r SignedRequest, keys KeySource, now time.Time) (Key, error) {
	if p.HasConflictingHeader(r.Header) {
		return Key{}, errNoValidKey
	}
	live, err := p.signingKeys(ctx, keys)
	if err != nil {
		return Key{}, errKeysUnavailable(err)
	}
	problem := notSigned
	for _, key := range live {
		found := key.signature.verify(r, now)
		if found == validSignature {
			key.Kind = p.signed
			return key, nil
		}
		problem = max(problem, found)
	}
	slog.InfoContext(ctx, "signature rejected", "event", "signature.rejected", "policy", p.Name, "reason", signatureProblems[problem])
	return Key{}, errNoValidKey
}

// AcceptsSignatures reports whether a signature may take the place of a key.
func (p Policy) AcceptsSignatures() bool { return p.signed != "" }

// signingKeys returns the live keys that sign requests.
func (p Policy) signingKeys(ctx context.Context, keys KeySource) ([]Key, error) {
	if !p.AcceptsSignatures() {
		return nil, nil
	}
	live, err := keys.Keys(ctx, p.signed)
	return slices.DeleteFunc(slices.Clone(live), func(k Key) bool { return k.signature == nil || !k.allows(p) }), err
}
