// Package eventtest sends the cases of functions to them and compares what comes of it with what the cases want.
//
// A case's want names what a test observed:
//
//	status    the HTTP status
//	headers   all headers of the answer; null: one of the defaults that is not sent
//	body      the body of the answer, its members in this order
//	error     the code, message and param of an error answer, instead of its body
//	stream    the events of an event stream
//	golden    instead of all these: the name of a file in testdata with everything that was observed
//
// Whatever else a function's test observes has a name of its own, such as the calls that were placed. What is observed
// and not wanted is a failure, unless it is empty.
//
// The package also has what several functions' tests stand on: a model that follows a script, stores in memory, and
// tools, mails and telephone calls that are only noted.
//
// # Decisions
//
// An answer is read as Lambda reads it, from the response's wire form, so that the tests of all functions and of both
// addresses of a function are the same.
package eventtest
