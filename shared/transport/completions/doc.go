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
// What is spoken depends on the model's words alone and never on how they were cut into chunks: the speech filter holds
// back a mark until it is known what it is, and nothing else.
//
// A text message ends in three dots and not in an ellipsis, which would turn the whole message from GSM-7 into UCS-2 and
// halve what it holds.
//
// On the phone a filler is not part of the conversation, and the fallback message is: the next turn must know what the
// caller was told.
package completions
