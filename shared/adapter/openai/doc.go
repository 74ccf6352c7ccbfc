// Package openai calls models through the Chat Completions API of OpenAI, or of any server that speaks it.
//
// # Decisions
//
// github.com/sashabaranov/go-openai sends the request and reads the stream. Its types know what OpenAI itself sends, and
// servers that speak OpenAI's API differ. So the http client that it gets from us puts our own body in place of its, and
// hands it one event a line, whatever form the server chose; the events are decoded here too. Retries, time limits, the
// meaning of an error status and errors in the middle of a stream are the work of the same client. So a failure is a fault
// before go-openai could print the server's answer into the log.
//
// A request is tried again, or the next model asked, only before the first word. So the client reads the stream up to the
// first event with content before it hands it on. The events before it have no content.
//
// github.com/cenkalti/backoff/v5 computes the waits between tries, github.com/sony/gobreaker/v2 is the circuit breaker.
//
// Whole answers are requested as streams too. So there is one way to fail, and one first word to wait for.
package openai
