// Package openai asks models through the Chat Completions API of OpenAI, or of any server that speaks it.
//
// # Decisions
//
// github.com/sashabaranov/go-openai writes the request and reads the stream; what it leaves open is done in the
// http client that it is given: retries, time limits, the meaning of an error answer, errors in the middle of a
// stream. So a failure is a fault before go-openai could print the server's answer into a log.
//
// github.com/cenkalti/backoff/v5 spaces the tries.
//
// A whole answer is asked for as a stream too: there is one way to fail, and a first byte to wait for.
//
// Options that go-openai would drop because they are zero (temperature, top_p) are sent as the smallest float, which
// servers read as 0. Empty content, which it drops as well, is sent as one space: a message without content is
// refused.
package openai
