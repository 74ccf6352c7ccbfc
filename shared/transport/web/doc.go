// Package web turns the events of API Gateway and of function URLs into HTTP requests, and handlers' answers back.
//
// One Function serves every way in: a REST event, a REST event whose answer streams, a function URL's event whole or
// streamed. The handler sees net/http and returns an error where it fails; which kind of error becomes which status is
// one table (errors.go), and it is the only one.
//
// # Decisions
//
// The key is looked at before anything else of a request. Behind REST an authorizer has done so already and its
// finding is in the event: an event without it did not come through the door. A function URL has no authorizer, so the
// same policy is asked here.
//
// lambdaurl is not used: it serves function URLs alone, and a panic in its goroutine ends the process after a
// clean-looking answer. The streamed answer here recovers, and ends a reader's stall at the deadline.
//
// A request works to a soft deadline two seconds before Lambda would kill the process, so that there is time to say
// that it ended.
//
// github.com/awslabs/aws-lambda-go-api-proxy/core: events to requests, buffered answers to events.
package web
