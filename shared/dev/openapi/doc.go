// Package openapi describes every route, key, request, answer and error of the API as an OpenAPI document, and validates
// the exchanges of tests against it.
//
// # Decisions
//
// The document is written by hand and the tests compare: a document generated from the code would
// contain the code's mistakes. It is OpenAPI 3.0, which more tools read than 3.1, and nothing here needs 3.1.
//
// Requests are as lenient as providers require: a field that may be a string, number or object has no type. Answers are
// strict, since callers depend on them: an additional key is a failure.
//
// OpenAPI cannot describe the lines of an event stream. The document has a schema for one event (ChatEvent), and
// Validate reads the lines itself.
//
// github.com/getkin/kin-openapi: the validator.
package openapi
