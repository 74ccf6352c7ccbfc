// Package trace records what happened in one turn of a conversation, or to one message of a voice provider: times, sizes, codes,
// names of models and tools, and versions.
//
// # Decisions
//
// A record explains a call to those who may not read it. So it holds no text of the conversation, no telephone number and no
// person's name, and the types keep them out: a value is a number, a time, a Name or a Key. NewName accepts only what has the form
// of an identifier and holds no telephone number. NewKey keeps an id only if it has the form of those that providers make, and
// hashes every other one, because callers of the API may choose an id freely.
//
// The recorder is in the context, as that of package metric is: models, tools and caches add to it where things happen. Code that
// runs without a recorder records nothing.
//
// The attributes have the names of OpenTelemetry's conventions where there are some
// (https://github.com/open-telemetry/semantic-conventions-genai). shared/docs/operators.md lists them.
//
// A record is written after the last byte of the answer. A Writer has 300 ms for it; a failure is counted and is no error. The
// record is also a line of the log, which is complete whatever is sampled or fails.
package trace
