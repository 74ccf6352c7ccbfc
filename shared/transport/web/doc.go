// Package web turns the events of API Gateway and of function URLs into HTTP requests, and the handlers' responses back into
// what Lambda expects.
//
// A Function serves all kinds of events: REST API or function URL, whole or streamed. A handler sees net/http and returns
// an error if it fails. errors.go has the only table from kinds of errors to statuses.
//
// # Decisions
//
// The key is checked before anything else of a request is read. Behind the REST API an authorizer has done that, and its
// result is in the event; an event without that result is rejected. A function URL has no authorizer, so the function
// checks the key by the same policy itself.
//
// lambdaurl, the package of aws-lambda-go for this, serves function URLs only. A panic in its goroutine ends the process
// after an answer that looks complete. The stream in this package recovers from panics, and ends at a deadline if its
// reader does not read.
//
// A request has a soft deadline two seconds before Lambda would end the process, so that there is time to answer with an
// error.
//
// github.com/awslabs/aws-lambda-go-api-proxy/core converts events to requests and buffered responses to events.
package web
