// Package chat takes a turn in a conversation: which assistant speaks, what it knows, what was said before, and what
// the session is afterwards.
//
// # Decisions
//
// Everything that can be refused is refused before the model is asked, so that a caller gets a status and not a stream
// that ends in an error.
//
// The active agent is named by the assistant's id, because it must be found again in the next turn; an assistant that
// exists only in the caller's assistant_config goes by its name.
//
// Session is here and not in package aurora: it holds messages, and their type is the agent loop's.
//
// A template may come with a request, in its assistant_config, so it can read nothing but its variables: Liquid's include
// opens files, and this process's environment is one. What a template may write is bounded. The time that a loop takes
// without writing is not, since the library cannot be stopped: such a request takes its own invocation with it.
//
// github.com/osteele/liquid: prompt variables, in the template language that Vapi's users write already.
package chat
