// Package fault holds errors that have two voices: a sentence for the caller and a cause for the log.
//
// The sentence, its code and its field may leave the house; the cause never does. Which kind becomes which HTTP
// status is decided in one table, in package web.
package fault
