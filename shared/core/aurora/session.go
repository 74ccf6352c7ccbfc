package aurora

// SessionState is what we store of a conversation between two turns, for callers that do not send it back themselves.
type SessionState struct {
	ActiveAgent      string
	ContextVariables map[string]any
}

// SessionKey finds a stored session. Callers choose the ids of their calls, so a call's id alone says nothing about its
// owner: with the same id, another assistant, caller or API key has another session.
type SessionKey struct {
	AssistantID string // of the assistant that was called
	CallID      string
	Caller      Phone  // empty if it is not known
	PrincipalID string // of the API key
}
