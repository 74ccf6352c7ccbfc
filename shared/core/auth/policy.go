package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/aurora/shared/core/fault"
)

// KeyKind is one of the three kinds of key.
type KeyKind string

// The kinds of key.
const (
	KindAPI      KeyKind = "api"      // BINARYTINT_API_KEY: chat and webhook
	KindInternal KeyKind = "internal" // BINARYTINT-INTERNAL-API-KEY: reports and calls
	KindExternal KeyKind = "external" // BINARYTINT-EXTERNAL-API-KEY: calls by partners
)

// Use is what an api key may be used for.
type Use string

// The uses of api keys.
const (
	UseChat    Use = "chat"
	UseWebhook Use = "webhook"
)

// Policy says which headers of a group of routes may hold a key, and of which kind. One valid key is enough.
type Policy struct {
	Name    string
	Routes  []string // METHOD/path patterns, as in an API Gateway method ARN
	Use     Use      // the use that a key must allow; empty if the kind of key says enough
	headers []keyHeader
	signed  KeyKind // the kind of key that may sign a request instead; empty if none may
	roles   roleRule
}

// keyHeader is a header that may hold a key.
type keyHeader struct {
	name   string
	kind   KeyKind
	bearer bool // the value is "Bearer <key>"
}

// The policies; shared/docs/api.md has the table of keys.
var (
	BearerPolicy = Policy{Name: "bearer", Routes: []string{"POST/api/v1/openai/*", "GET/api/v1/openai/models", "GET/api/v1/openai/models/*"}, Use: UseChat,
		headers: []keyHeader{{"Authorization", KindAPI, true}}}
	WebhookPolicy = Policy{Name: "webhook", Routes: []string{"POST/api/webhook"}, Use: UseWebhook,
		headers: []keyHeader{{"Flask-Api-Key", KindAPI, false}, {"Binarytint_api_key", KindAPI, false},
			{"Binarytint-Api-Key", KindAPI, false}, {"X-Vapi-Secret", KindAPI, false}, {"Authorization", KindAPI, true}},
		signed: KindAPI}
	InternalPolicy = Policy{Name: "internal", Routes: []string{"POST/api/reports/aurora-report/*", "POST/api/reports/aurora-internal-report/*"},
		headers: []keyHeader{{internalKeyHeader, KindInternal, false}}, roles: noViewer}
	PartnerPolicy = Policy{Name: "partner", Routes: []string{"POST/api/outbound-call-uat", "POST/api/hyperscale/outbound-call"},
		headers: []keyHeader{{internalKeyHeader, KindInternal, false}, {"Binarytint-External-Api-Key", KindExternal, false}}, roles: noViewer}
	// OperatorPolicy is the operators' API. A session cookie may take the place of the key: see Operators. POST /api/v1/session,
	// which makes the cookie, has no authorizer. A method is any, since the gateway has authorized nothing by it.
	OperatorPolicy = Policy{Name: "operator", Routes: []string{"*/api/v1/session", "*/api/v1/assistants", "*/api/v1/assistants/*", "*/api/v1/audit",
		"*/api/v1/calls", "*/api/v1/calls/*"}, headers: []keyHeader{{internalKeyHeader, KindInternal, false}}, roles: anyRole}
)

// internalKeyHeader holds internal keys.
const internalKeyHeader = "Binarytint-Internal-Api-Key"

// Key is a live key: its digest, and what is known of its holder.
type Key struct {
	digest [sha256.Size]byte
	Name   string // the holder's name, for logs; the key's ID if it has none
	// Assistants are the only assistants that the key may reach; empty means all.
	Assistants []string
	// Uses are the only uses of an api key; empty means all.
	Uses []Use
	// ExpiresAt is when the key stops working; zero means never.
	ExpiresAt time.Time
	Limits    Limits
	Kind      KeyKind
	// Role is the role of an operator's key; empty for a key that is no operator's.
	Role      Role
	signature *signature // how the holder signs requests; nil for a key that is sent
}

// allows reports whether the key may be used on the routes of a policy.
func (k Key) allows(p Policy) bool {
	return (p.Use == "" || len(k.Uses) == 0 || slices.Contains(k.Uses, p.Use)) && p.roles.allows(k.Role)
}

// isExpired reports whether the key has stopped working.
func (k Key) isExpired(now time.Time) bool { return !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt) }

// ID returns the first 12 hexadecimal digits of the digest. They tell keys apart in logs and do not lead back to the key.
func (k Key) ID() string { return hex.EncodeToString(k.digest[:6]) }

// IsSignature reports whether the holder signs requests instead of sending the key.
func (k Key) IsSignature() bool { return k.signature != nil }

// KeySource returns the live keys of a kind.
type KeySource interface {
	Keys(ctx context.Context, kind KeyKind) ([]Key, error)
}

// errNoValidKey does not say what was wrong with the key.
var errNoValidKey = fault.New(fault.Unauthorized, "A valid API key is required.").WithCode("invalid_api_key")

func errKeysUnavailable(cause error) error {
	return fault.New(fault.Unavailable, "Keys cannot be checked at the moment.").WithCode("keys_unavailable").Because(cause)
}

// HasConflictingHeader reports whether a header that may hold a key has two different values. A cache or a proxy in front
// may have checked the other one.
func (p Policy) HasConflictingHeader(h http.Header) bool {
	for _, header := range p.headers {
		if _, ok := singleValue(headerValues(h, header.name)); !ok {
			return true
		}
	}
	return false
}

// Authenticate returns the first valid key in the policy's headers. The error is a fault: Unauthorized if there is no
// valid key, Unavailable if the live keys could not be loaded.
func (p Policy) Authenticate(ctx context.Context, h http.Header, keys KeySource) (Key, error) {
	if p.HasConflictingHeader(h) {
		return Key{}, errNoValidKey
	}
	var unavailable error
	for _, header := range p.headers {
		value, _ := singleValue(headerValues(h, header.name))
		candidate, ok := value, true
		if header.bearer {
			candidate, ok = bearerToken(value)
		}
		if !ok || !isWellFormedKey(candidate) {
			continue
		}
		live, err := keys.Keys(ctx, header.kind)
		if err != nil {
			unavailable = err // another header may still hold a valid key
			continue
		}
		if key, ok := findKey(candidate, live); ok && key.allows(p) {
			key.Kind = header.kind
			return key, nil
		}
	}
	if unavailable != nil {
		return Key{}, errKeysUnavailable(unavailable)
	}
	return Key{}, errNoValidKey
}

// findKey compares a candidate with every live key, also after one has matched, so that the time is always the same.
func findKey(candidate string, live []Key) (Key, bool) {
	digest := sha256.Sum256([]byte(candidate))
	found := -1
	for i := range live {
		equal := subtle.ConstantTimeCompare(digest[:], live[i].digest[:])
		found = subtle.ConstantTimeSelect(equal, i, found)
	}
	if found < 0 || live[found].signature != nil { // the secret of a signature is no key
		return Key{}, false
	}
	return live[found], true
}

// headerValues returns all values of a header, in whatever case its name is written: an event holds the names as the
// client wrote them.
func headerValues(h http.Header, name string) []string {
	var all []string
	for k, values := range h {
		if strings.EqualFold(k, name) {
			all = append(all, values...)
		}
	}
	return all
}

// singleValue returns the one value of a header, "" if there is none. Function URLs join repeated headers with a comma:
// the same value twice counts as one value, two different ones are not ok.
func singleValue(values []string) (value string, ok bool) {
	for i, v := range values {
		parts := strings.Split(v, ",")
		for j := range parts {
			if strings.TrimLeft(parts[j], " ") != parts[0] {
				parts = []string{v}
				break
			}
		}
		if i == 0 {
			value = parts[0]
		} else if parts[0] != value {
			return "", false
		}
	}
	return value, true
}

// bearerToken reads "Bearer <token>": the scheme in any case, exactly one space, nothing trimmed (RFC 6750).
func bearerToken(value string) (string, bool) {
	scheme, token, ok := strings.Cut(value, " ")
	return token, ok && strings.EqualFold(scheme, "Bearer")
}

// isWellFormedKey reports whether a string can be a key at all: 32 to 512 printable ASCII characters without space.
func isWellFormedKey(s string) bool {
	if len(s) < 32 || len(s) > 512 {
		return false
	}
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return true
}
