// Package completions is the wire format of the chat endpoints: OpenAI's chat completions, whole and streamed, with the
// session that the API document adds to them.
//
// # Decisions
//
// A stream's chunks are written by hand into one buffer that is used again for each token: what never changes is
// encoded once, the text is quoted by github.com/go-json-experiment/json/jsontext, and the chunk goes out in one write.
// Everything else goes through encoding/json.
//
// The status line waits for the model's first word, so that a model that fails before it is a status and not a stream
// that ends in an error.
//
// Callers of the API document get the session as it shows it, a bare line; it makes strict OpenAI clients throw, so all
// others get it inside a chunk (contract, "Chat").
package completions
