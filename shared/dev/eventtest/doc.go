// Package eventtest plays the chat functions through their event files: with a model that keeps to a script, stores in
// memory, and tools that note what they did.
//
// # Decisions
//
// What a function answered is read as Lambda would read it, off the wire form of the response, so that the tests of
// every door are one.
package eventtest
