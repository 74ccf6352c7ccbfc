package aurora

// SessionState is what we store of a conversation between two turns, for callers that do not send it back themselves.
type SessionState struct {
	ActiveAgent      string
	ContextVariables map[string]any
}
