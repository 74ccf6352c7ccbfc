// Package completions serves the chat routes in OpenAI's chat completions format, whole and streamed, and adds the session
// of the conversation (full_session) to it.
//
// # Decisions
//
// The chunks of a stream are written by hand into one buffer that is reused for each token. The constant beginning is
// encoded once, github.com/go-json-experiment/json/jsontext quotes the text, and each chunk is one write: a token costs no
// allocation. Everything else goes through encoding/json.
//
// The status line is sent with the model's first word. A model that fails before it gets an error status, not a stream
// that ends in an error.
//
// A stream sends full_session either as an event of its own, as the API document shows it, or inside a chunk. Strict
// OpenAI clients fail on the first form, so only callers that send the document's fields get it (shared/docs/api.md).
//
// On the phone the fallback message becomes part of the conversation, so that the next turn knows what the caller heard. A
// filler does not.
package completions
