package auth

import "encoding/json"

// Principal is the caller whose key was accepted. It holds nothing of the key itself.
type Principal struct {
	ID   string // the key's ID, for logs
	Name string // the key's name, or its ID if it has none
	Kind KeyKind
	// Assistants are the assistants that the key may place calls for; empty means all.
	Assistants []string
}

// Principal returns what is known of the key's holder.
func (k Key) Principal() Principal {
	return Principal{ID: k.ID(), Name: k.Name, Kind: k.Kind, Assistants: k.Assistants}
}

// AuthorizerContext returns the principal in the form in which an authorizer passes it to the function behind API
// Gateway, which accepts scalar values only. PrincipalFromContext reads it.
func (p Principal) AuthorizerContext() map[string]any {
	c := map[string]any{"keyId": p.ID, "keyName": p.Name, "keyKind": string(p.Kind)}
	if len(p.Assistants) > 0 {
		b, _ := json.Marshal(p.Assistants) // strings: cannot fail
		c["keyAssistants"] = string(b)
	}
	return c
}

// PrincipalFromContext reads the authorizer's part of an event. It is not ok if there is no key, or if the list of
// assistants cannot be read: a key must never be wider than it was meant to be.
func PrincipalFromContext(context map[string]any) (p Principal, ok bool) {
	text := func(name string) string { s, _ := context[name].(string); return s }
	p = Principal{ID: text("keyId"), Name: text("keyName"), Kind: KeyKind(text("keyKind"))}
	if assistants := text("keyAssistants"); assistants != "" {
		if json.Unmarshal([]byte(assistants), &p.Assistants) != nil || len(p.Assistants) == 0 {
			return Principal{}, false
		}
	}
	return p, p.ID != ""
}
