package aurora

import "encoding/json"

// ToolScope says for whom a tool acts. It comes from the request and the store, never from the model.
type ToolScope struct {
	CallID      string
	CallSID     string // Twilio's id of the live call; may be empty
	RequestHash string // stands for the conversation if the caller gave it no id; else empty
	Caller      Phone
	PrincipalID string // of the key that the request had
	KeyShare    KeyShare
	// CallerIsClaimed says that Caller was not verified, as on a web page. Tools neither disclose nor act
	// by it.
	CallerIsClaimed  bool
	UserMessageCount int // in the conversation so far
	// Assistant has an id only if it was loaded from the store. An assistant that comes with the request may do little.
	Assistant Assistant
	// CalledID is the id of the stored assistant that the call reached, and CalledNumbers are its numbers. After a handoff it
	// is another one than Assistant.
	CalledID      string
	CalledNumbers []Phone
	CallerTools   []string        // the names of the tools that the caller runs itself
	CallDetails   json.RawMessage // sent to HTTP tools as "call"
}

// IsStored reports whether the assistant was loaded from the store.
func (s ToolScope) IsStored() bool { return s.Assistant.ID() != "" }
