// Package openapi describes every route, key, question, answer and error of the API as an OpenAPI document, and holds
// what tests see against it.
//
// # Decisions
//
// The document is written by hand and the tests compare: one generated from the code would agree with any mistake in
// it. It is OpenAPI 3.0, which more tools read than 3.1, and nothing here needs more.
//
// Requests are loose where providers are: a field that may come as text, number or object has no type. Answers are
// strict, since callers depend on them: a key too many is a failure.
//
// OpenAPI cannot say what the lines of an event stream hold. The document has a schema for one event (ChatEvent), and
// Validate reads the lines itself.
//
// github.com/getkin/kin-openapi: the validator.
package openapi
