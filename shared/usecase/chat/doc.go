// Package chat takes one turn of a conversation: it finds the assistant, fills in its prompt, runs the agent loop with its
// tools and handoffs, and returns the session after the turn.
//
// # Decisions
//
// Everything that can be rejected is rejected before the model is called, so that a caller gets an error status and not a
// stream that ends in an error.
//
// The active agent is stored by the assistant's id, because the next turn must find it again. An assistant that exists only
// in the caller's assistant_config is stored by its name.
//
// Session is declared here and not in package aurora, because it holds the messages of package agent.
//
// A prompt template can come with a request, in assistant_config. So a template can read nothing but its variables, and
// package liquid limits what it takes. A part that fails is left empty and logged: an assistant that knows less is better
// than one that reads a template to its model.
//
// Turns and tokens of a key are counted after the turn. A count before it would be exact, and would make each caller on the
// phone wait for a write. A read before it would be no better when many processes begin at once. See KeyLimits for the error.
package chat
