package auth

import (
	"encoding/json"
	"slices"
)

// Principal is who came through a door, without anything of the key itself.
type Principal struct {
	ID   string // of the key's entry, for logs
	Name string // the entry's, or its ID where it has none
	Kind KeyKind
	// Assistants are the only ones the key may place calls for; empty means all.
	Assistants []string
}

// May reports whether the key may place calls for an assistant.
func (h Principal) May(assistantID string) bool {
	return len(h.Assistants) == 0 || slices.Contains(h.Assistants, assistantID)
}

// Principal is the entry without its digest.
func (e Key) Principal() Principal {
	return Principal{ID: e.ID(), Name: e.Name, Kind: e.Kind, Assistants: e.Assistants}
}

// authorizerContext is what the function behind the gateway is told of the key; KindAPI Gateway passes on scalars alone.
func (h Principal) authorizerContext() map[string]any {
	c := map[string]any{"keyId": h.ID, "keyName": h.Name, "keyKind": string(h.Kind)}
	if len(h.Assistants) > 0 {
		b, _ := json.Marshal(h.Assistants) // strings: cannot fail
		c["keyAssistants"] = string(b)
	}
	return c
}

// PrincipalFromContext reads what an authorizer put into an event's context. It is not ok where there is no key, or a scope that
// cannot be read: a key is never wider than it was meant to be.
func PrincipalFromContext(context map[string]any) (h Principal, ok bool) {
	text := func(key string) string { s, _ := context[key].(string); return s }
	h = Principal{ID: text("keyId"), Name: text("keyName"), Kind: KeyKind(text("keyKind"))}
	if scope := text("keyAssistants"); scope != "" {
		if json.Unmarshal([]byte(scope), &h.Assistants) != nil || len(h.Assistants) == 0 {
			return Principal{}, false
		}
	}
	return h, h.ID != ""
}
