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

// Kind is one of the three kinds of key.
type Kind string

// The kinds of key.
const (
	API      Kind = "api"      // BINARYTINT_API_KEY: chat and webhook
	Internal Kind = "internal" // BINARYTINT-INTERNAL-API-KEY: reports, calls
	External Kind = "external" // BINARYTINT-EXTERNAL-API-KEY: calls by partners
)

// Policy says which header opens a class of routes with which kind of key. One valid key is enough.
type Policy struct {
	Name   string
	routes []string // METHOD/path patterns of the method ARN
	reads  []header
}

type header struct {
	name   string
	kind   Kind
	bearer bool // the value is "Bearer <key>"
}

// The policies of the contract's table of keys.
var (
	Bearer = Policy{Name: "bearer", routes: []string{"POST/api/v1/openai/*"},
		reads: []header{{"Authorization", API, true}}}
	Webhook = Policy{Name: "webhook", routes: []string{"POST/api/webhook"},
		reads: []header{{"Flask-Api-Key", API, false}, {"Binarytint_api_key", API, false},
			{"Binarytint-Api-Key", API, false}, {"X-Vapi-Secret", API, false}, {"Authorization", API, true}}}
	// Reports is the contract's internal policy; Internal is the kind of key that opens it.
	Reports = Policy{Name: "internal", routes: []string{"POST/api/reports/aurora-report/*", "POST/api/reports/aurora-internal-report/*"},
		reads: []header{{"Binarytint-Internal-Api-Key", Internal, false}}}
	Partner = Policy{Name: "partner", routes: []string{"POST/api/outbound-call-uat", "POST/api/hyperscale/outbound-call"},
		reads: []header{{"Binarytint-Internal-Api-Key", Internal, false}, {"Binarytint-External-Api-Key", External, false}}}
)

// Entry is a live key: its digest, and what is known of its holder.
type Entry struct {
	digest [sha256.Size]byte
	// Name is the holder's, for logs; the entry's ID where it has none.
	Name string
	// Assistants are the only ones the key may place calls for; empty means all.
	Assistants []string
	Kind       Kind
}

// ID tells entries apart in logs: the first 12 hexadecimal digits of the digest, which do not lead back to the key.
func (e Entry) ID() string { return hex.EncodeToString(e.digest[:6]) }

// Keys knows the live keys of each kind. An error means that nobody can be let in.
type Keys interface {
	Entries(ctx context.Context, kind Kind) ([]Entry, error)
}

// errDenied does not say what was wrong with the key.
var errDenied = fault.New(fault.Unauthorized, "A valid API key is required.").Coded("invalid_api_key")

// Ambiguous reports whether one of the policy's headers stands there with two different values: a cache or a proxy in
// front may have looked at the other one.
func (p Policy) Ambiguous(h http.Header) bool {
	for _, r := range p.reads {
		if _, ok := single(values(h, r.name)); !ok {
			return true
		}
	}
	return false
}

// Decide returns the entry of the first valid key among the policy's headers. The error is a fault: Unauthorized
// where there is none, Unavailable where the keys cannot be loaded.
func (p Policy) Decide(ctx context.Context, h http.Header, keys Keys) (Entry, error) {
	if p.Ambiguous(h) {
		return Entry{}, errDenied
	}
	var away error
	for _, r := range p.reads {
		value, _ := single(values(h, r.name))
		key, ok := value, true
		if r.bearer {
			key, ok = bearerToken(value)
		}
		if !ok || !wellFormed(key) {
			continue
		}
		live, err := keys.Entries(ctx, r.kind)
		if err != nil {
			away = err
			continue
		}
		if e, ok := match(key, live); ok {
			e.Kind = r.kind
			return e, nil
		}
	}
	if away != nil {
		return Entry{}, fault.New(fault.Unavailable, "Keys cannot be checked at the moment.").Coded("keys_unavailable").Because(away)
	}
	return Entry{}, errDenied
}

// match visits every live key, whether or not one has matched.
func match(key string, live []Entry) (Entry, bool) {
	digest := sha256.Sum256([]byte(key))
	found := -1
	for i := range live {
		eq := subtle.ConstantTimeCompare(digest[:], live[i].digest[:])
		found = subtle.ConstantTimeSelect(eq, i, found)
	}
	if found < 0 {
		return Entry{}, false
	}
	return live[found], true
}

// values finds a header whatever its casing; the map may come from an event with the client's own.
func values(h http.Header, name string) []string {
	var all []string
	for k, vs := range h {
		if strings.EqualFold(k, name) {
			all = append(all, vs...)
		}
	}
	return all
}

// single returns the one value of a header, "" where there is none. Function URLs join repeated headers with a comma:
// the same value twice is one value, two different ones are not ok.
func single(vs []string) (value string, ok bool) {
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

// wellFormed reports whether a string can be a key at all: 32 to 512 printable ASCII characters without space.
func wellFormed(key string) bool {
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
