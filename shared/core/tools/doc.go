// Package tools holds what agents may do: the built-in tools, one a file with its prompt text beside it, and the HTTP
// and MCP tools that an assistant declares.
//
// # Decisions
//
// Who calls, and which assistant answers, comes from the Session alone. No tool has a parameter for a caller, a sender,
// a recipient or an assistant, so that no conversation can name another's. An assistant that is not stored has none but
// get_current_time and end_call, whatever its caller says.
//
// Everything that may have an effect goes through the ledger (Idempotency) under the hash of call, number of the user's
// messages, tool, arguments and occurrence: a turn that is tried again gets the first result, although the model mints
// new ids for its calls. That holds for HTTP and MCP tools too, since we cannot know what they do; MCP's read-only ones
// are the exception. Where a conversation has no call id, nothing tells a second try from a second wish, and the tool
// is simply run. Where the ledger is away, no effect happens: twice is worse than not at all.
//
// HTTP and MCP servers are written into a configuration by hand, and the guard trusts none of it: it judges the
// resolved address when the connection is made, which covers rebinding, and follows no redirect. What is allowed is
// said, not what is forbidden: global unicast addresses without the special ones that the IANA registries list
// (https://www.iana.org/assignments/iana-ipv4-special-registry, https://www.iana.org/assignments/iana-ipv6-special-registry).
//
// Package schema below this one checks arguments, and data that is extracted from calls; its doc.go says why it is ours.
//
// github.com/modelcontextprotocol/go-sdk speaks MCP. Every list and every call has a session of its own: a Lambda is
// frozen between turns, and a session that was kept would be found dead just when a caller waits. What would change our
// mind: servers whose sessions are dear to open.
package tools
