// Package tools holds the tools of agents: the built-in tools, each in a file with its prompt text beside it, and the HTTP
// and MCP tools that an assistant declares.
//
// # Decisions
//
// Caller and assistant come from the Scope alone. No tool has a parameter for a caller, a sender, a recipient or an
// assistant, so no conversation can name another's. An assistant that is not stored has get_current_time and end_call only,
// whatever its caller sends.
//
// Every tool that may have an effect runs through Idempotency. Its key is a hash of call, number of the user's messages,
// tool, arguments and occurrence. So a turn that is retried gets the first result, although the model gives its calls new
// ids. This includes HTTP and MCP tools, since we cannot know what they do, except MCP tools that are declared read-only.
// Without a call id a retry looks like a second request, and the tool simply runs. If the idempotency store cannot be
// reached, there is no effect: an effect that happens twice is worse than one that does not happen.
//
// The addresses of HTTP and MCP servers are written by hand, so the guard trusts none of them: it dials through package
// netguard and follows no redirect.
//
// github.com/modelcontextprotocol/go-sdk speaks MCP. Every list and every call opens a session of its own: a Lambda function
// is frozen between turns, and a session that was open then would be found dead while a caller waits. Servers with slow
// session starts would change our mind.
package tools
