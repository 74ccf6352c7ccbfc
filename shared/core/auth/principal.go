package auth

import (
	"encoding/json"
	"slices"
	"time"

	"example.com/aurora/shared/core/fault"
)

// Principal is the caller whose key was accepted. It holds nothing of the key itself.
type Principal struct {
	ID   string // the key's ID. It tells the callers apart, also those whose keys have the same name or none
	Name string // the key's name, or its ID if it has none
	Kind KeyKind
	Role Role // of an operator; empty for all others
	// Assistants are the only assistants that the caller may reach; empty means all.
	Assistants []string
	ExpiresAt  time.Time // zero if the key does not expire
	Limits     Limits
}

// errAssistantNotAllowed is the same whether the assistant exists or not.
var errAssistantNotAllowed = fault.New(fault.Forbidden, "This key may not use this assistant.").WithCode("assistant_not_allowed")

// CheckAssistant returns fault.Forbidden if the principal may not reach an assistant. The empty id stands for an assistant
// that is not stored: a key that is limited to some assistants does not reach it.
func (p Principal) CheckAssistant(id string) error {
	if len(p.Assistants) > 0 && !slices.Contains(p.Assistants, id) {
		return errAssistantNotAllowed
	}
	return nil
}

// IsExpired reports whether the principal's key has stopped working. API Gateway stores an authorizer's answer for a
// minute, so the function behind it asks again.
func (p Principal) IsExpired(now time.Time) bool {
	return !p.ExpiresAt.IsZero() && !now.Before(p.ExpiresAt)
}

// Principal returns what is known of the key's holder.
func (k Key) Principal() Principal {
	return Principal{ID: k.ID(), Name: k.Name, Kind: k.Kind, Role: k.Role, Assistants: k.Assistants, ExpiresAt: k.ExpiresAt, Limits: k.Limits}
}

// AuthorizerContext returns the principal in the form in which an authorizer passes it to the function behind API
// Gateway, which accepts scalar values only. PrincipalFromContext reads it.
func (p Principal) AuthorizerContext() map[string]any {
	c := map[string]any{"keyId": p.ID, "keyName": p.Name, "keyKind": string(p.Kind)}
	if p.Role != "" {
		c["keyRole"] = string(p.Role)
	}
	if len(p.Assistants) > 0 {
		b, _ := json.Marshal(p.Assistants) // strings: cannot fail
		c["keyAssistants"] = string(b)
	}
	if !p.ExpiresAt.IsZero() {
		c["keyExpiresAt"] = p.ExpiresAt.UTC().Format(time.RFC3339Nano)
	}
	if p.Limits != (Limits{}) {
		b, _ := json.Marshal(p.Limits) // numbers: cannot fail
		c["keyLimits"] = string(b)
	}
	return c
}

// PrincipalFromContext reads the authorizer's part of an event. It is not ok if there is no key, or if a limit of the key
// cannot be read: a key must never be wider than it was meant to be.
func PrincipalFromContext(context map[string]any) (p Principal, ok bool) {
	text := func(name string) string { s, _ := context[name].(string); return s }
	p = Principal{ID: text("keyId"), Name: text("keyName"), Kind: KeyKind(text("keyKind")), Role: Role(text("keyRole"))}
	if assistants := text("keyAssistants"); assistants != "" {
		if json.Unmarshal([]byte(assistants), &p.Assistants) != nil || len(p.Assistants) == 0 {
			return Principal{}, false
		}
	}
	if expires := text("keyExpiresAt"); expires != "" {
		var err error
		if p.ExpiresAt, err = time.Parse(time.RFC3339Nano, expires); err != nil {
			return Principal{}, false
		}
	}
	if limits := text("keyLimits"); limits != "" {
		if json.Unmarshal([]byte(limits), &p.Limits) != nil {
			return Principal{}, false
		}
	}
	return p, p.ID != ""
}
