// Package openai calls models through the Chat Completions API of OpenAI, or of any server that speaks it.
//
// # Decisions
//
// github.com/sashabaranov/go-openai writes the request and reads the stream. Retries, time limits, the meaning of an error
// status and errors in the middle of a stream are the work of the http client that it gets from us. So a failure is
// a fault before go-openai could print the server's answer into the log.
//
// github.com/cenkalti/backoff/v5 computes the waits between tries, github.com/sony/gobreaker/v2 is the circuit breaker.
//
// Whole answers are requested as streams too. So there is one way to fail, and one first word to wait for.
package openai
