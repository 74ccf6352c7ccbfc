// Package agent runs one turn of a conversation between a person and an agent, and yields it as one stream of events.
//
// The idea is that of OpenAI's Swarm (https://github.com/openai/swarm): an agent is instructions and tools, the model
// is asked, and what it says is the turn. A streamed answer ranges over the events; a whole one collects them; there
// is one loop for both, since the reference wrote it twice and the two drifted apart.
//
// The package knows no vendor and no HTTP. A message has the shape of the Chat Completions API because every model
// server speaks it.
//
// # Decisions
//
// A turn always ends with an End event that holds what was gathered, also when it fails: a caller whose stream broke
// still gets the session as far as it came.
//
// "Finished" means that the model gave a reason. A connection that closes cleanly without one is a failure, because a
// cut stream looks just the same.
package agent
