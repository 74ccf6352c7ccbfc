// Package agent runs one turn of a conversation between a person and an agent, and yields it as one stream of events.
//
// The idea is that of OpenAI's Swarm (https://github.com/openai/swarm): an agent is instructions and tools, and a turn is
// what its model says, with the tool calls in between. A consumer that streams ranges over the events; Collect gathers
// them for a whole answer. There is one loop for both: Swarm had two, and they drifted apart.
//
// The package knows no vendor and no HTTP. A message has the shape of the Chat Completions API, because every model
// server accepts it.
//
// # Decisions
//
// The last event of a turn is always an End event with the result, also after an error. So a caller whose stream broke
// still gets the session as far as it came.
//
// A message is complete only if the model gave a finish reason. A connection that closes without one is an error, because
// a stream that was cut looks exactly like this.
package agent
