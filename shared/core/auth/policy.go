package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"strings"

	"example.com/aurora/shared/core/fault"
)

// KeyKind is one of the three kinds of key.
type KeyKind string

// The kinds of key.
const (
	KindAPI      KeyKind = "api"      // BINARYTINT_API_KEY: chat and webhook
	KindInternal KeyKind = "internal" // BINARYTINT-INTERNAL-KindAPI-KEY: reports, calls
	KindExternal KeyKind = "external" // BINARYTINT-EXTERNAL-KindAPI-KEY: calls by partners
)

// Policy says which header opens a class of routes with which kind of key. One valid key is enough.
type Policy struct {
	Name    string
	routes  []string // METHOD/path patterns of the method ARN
	headers []header
}

type header struct {
	name   string
	kind   KeyKind
	bearer bool // the value is "Bearer <key>"
}

// The policies of the contract's table of keys.
var (
	BearerPolicy = Policy{Name: "bearer", routes: []string{"POST/api/v1/openai/*"},
		headers: []header{{"Authorization", KindAPI, true}}}
	WebhookPolicy = Policy{Name: "webhook", routes: []string{"POST/api/webhook"},
		headers: []header{{"Flask-Api-Key", KindAPI, false}, {"Binarytint_api_key", KindAPI, false},
			{"Binarytint-Api-Key", KindAPI, false}, {"X-Vapi-Secret", KindAPI, false}, {"Authorization", KindAPI, true}}}
	// InternalPolicy is the contract's internal policy; Internal is the kind of key that opens it.
	InternalPolicy = Policy{Name: "internal", routes: []string{"POST/api/reports/aurora-report/*", "POST/api/reports/aurora-internal-report/*"},
		headers: []header{{"Binarytint-Internal-Api-Key", KindInternal, false}}}
	PartnerPolicy = Policy{Name: "partner", routes: []string{"POST/api/outbound-call-uat", "POST/api/hyperscale/outbound-call"},
		headers: []header{{"Binarytint-Internal-Api-Key", KindInternal, false}, {"Binarytint-External-Api-Key", KindExternal, false}}}
)

// Key is a live key: its digest, and what is known of its holder.
type Key struct {
	digest [sha256.Size]byte
	// Name is the holder's, for logs; the entry's ID where it has none.
	Name string
	// Assistants are the only ones the key may place calls for; empty means all.
	Assistants []string
	Kind       KeyKind
}

// ID tells entries apart in logs: the first 12 hexadecimal digits of the digest, which do not lead back to the key.
func (e Key) ID() string { return hex.EncodeToString(e.digest[:6]) }

// KeySource knows the live keys of each kind. An error means that nobody can be let in.
type KeySource interface {
	Keys(ctx context.Context, kind KeyKind) ([]Key, error)
}

// errNoValidKey does not say what was wrong with the key.
var errNoValidKey = fault.New(fault.Unauthorized, "A valid API key is required.").WithCode("invalid_api_key")

// HasConflictingHeader reports whether one of the policy's headers stands there with two different values: a cache or a proxy in
// front may have looked at the other one.
func (p Policy) HasConflictingHeader(h http.Header) bool {
	for _, r := range p.headers {
		if _, ok := singleValue(headerValues(h, r.name)); !ok {
			return true
		}
	}
	return false
}

// Authenticate returns the entry of the first valid key among the policy's headers. The error is a fault: Unauthorized
// where there is none, Unavailable where the keys cannot be loaded.
func (p Policy) Authenticate(ctx context.Context, h http.Header, keys KeySource) (Key, error) {
	if p.HasConflictingHeader(h) {
		return Key{}, errNoValidKey
	}
	var away error
	for _, r := range p.headers {
		value, _ := singleValue(headerValues(h, r.name))
		key, ok := value, true
		if r.bearer {
			key, ok = bearerToken(value)
		}
		if !ok || !isWellFormedKey(key) {
			continue
		}
		live, err := keys.Keys(ctx, r.kind)
		if err != nil {
			away = err
			continue
		}
		if e, ok := findKey(key, live); ok {
			e.Kind = r.kind
			return e, nil
		}
	}
	if away != nil {
		return Key{}, fault.New(fault.Unavailable, "Keys cannot be checked at the moment.").WithCode("keys_unavailable").Because(away)
	}
	return Key{}, errNoValidKey
}

// findKey visits every live key, whether or not one has matched.
func findKey(key string, live []Key) (Key, bool) {
	digest := sha256.Sum256([]byte(key))
	found := -1
	for i := range live {
		eq := subtle.ConstantTimeCompare(digest[:], live[i].digest[:])
		found = subtle.ConstantTimeSelect(eq, i, found)
	}
	if found < 0 {
		return Key{}, false
	}
	return live[found], true
}

// headerValues finds a header whatever its casing; the map may come from an event with the client's own.
func headerValues(h http.Header, name string) []string {
	var all []string
	for k, vs := range h {
		if strings.EqualFold(k, name) {
			all = append(all, vs...)
		}
	}
	return all
}

// singleValue returns the one value of a header, "" where there is none. Function URLs join repeated headers with a comma:
// the same value twice is one value, two different ones are not ok.
func singleValue(vs []string) (value string, ok bool) {
	for i, v := range vs {
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
func bearerToken(v string) (string, bool) {
	scheme, token, ok := strings.Cut(v, " ")
	return token, ok && strings.EqualFold(scheme, "Bearer")
}

// isWellFormedKey reports whether a string can be a key at all: 32 to 512 printable ASCII characters without space.
func isWellFormedKey(key string) bool {
	if len(key) < 32 || len(key) > 512 {
		return false
	}
	for i := range len(key) {
		if key[i] < '!' || key[i] > '~' {
			return false
		}
	}
	return true
}
