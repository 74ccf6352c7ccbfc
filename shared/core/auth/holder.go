package auth

import (
	"encoding/json"
	"slices"
)

// Holder is who came through a door, without anything of the key itself.
type Holder struct {
	ID   string // of the key's entry, for logs
	Name string // the entry's, or its ID where it has none
	Kind Kind
	// Assistants are the only ones the key may place calls for; empty means all.
	Assistants []string
}

// May reports whether the key may place calls for an assistant.
func (h Holder) May(assistantID string) bool {
	return len(h.Assistants) == 0 || slices.Contains(h.Assistants, assistantID)
}

// Holder is the entry without its digest.
func (e Entry) Holder() Holder {
	return Holder{ID: e.ID(), Name: e.Name, Kind: e.Kind, Assistants: e.Assistants}
}

// context is what the function behind the gateway is told of the key; API Gateway passes on scalars alone.
func (h Holder) context() map[string]any {
	c := map[string]any{"keyId": h.ID, "keyName": h.Name, "keyKind": string(h.Kind)}
	if len(h.Assistants) > 0 {
		b, _ := json.Marshal(h.Assistants) // strings: cannot fail
		c["keyAssistants"] = string(b)
	}
	return c
}

// HolderOf reads what an authorizer put into an event's context. It is not ok where there is no key, or a scope that
// cannot be read: a key is never wider than it was meant to be.
func HolderOf(context map[string]any) (h Holder, ok bool) {
	text := func(key string) string { s, _ := context[key].(string); return s }
	h = Holder{ID: text("keyId"), Name: text("keyName"), Kind: Kind(text("keyKind"))}
	if scope := text("keyAssistants"); scope != "" {
		if json.Unmarshal([]byte(scope), &h.Assistants) != nil || len(h.Assistants) == 0 {
			return Holder{}, false
		}
	}
	return h, h.ID != ""
}
