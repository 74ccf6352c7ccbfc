package chat

import "example.com/aurora/shared/core/liquid"

// CheckPrompt returns what is wrong with the Liquid template of a prompt: what cannot be read, and what would fail in a call.
// It is called before an assistant is stored.
func CheckPrompt(prompt string) []error { return liquid.Check(prompt) }
