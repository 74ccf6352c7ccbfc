// Package eventcase reads the named cases of a function's tests and builds the Lambda event of each.
//
// The cases of a function stand in functions/<function>/testdata/cases.yaml:
//
//	include:                # optional: cases that several functions share
//	  - file: ../../../shared/dev/eventtest/testdata/outbound-calls.yaml
//	    with: {client: client.}   # $(client) in that file is replaced by "client."
//	defaults:               # what a case does not say itself
//	  path: /api/webhook
//	  url: {path: /}        # the same for events of a function URL
//	answers:                # a place for YAML anchors: answers that several cases want
//	  - &not_found {status: 404, error: {code: not_found, message: There is nothing at this address.}}
//	cases:
//	  - name: a path that the function does not serve
//	    path: /api/webhook/more
//	    want: *not_found
//
// A case describes its event with these fields:
//
//	file        a whole event: events/<function>/<file>.json, sent as it is
//	event       the envelope: rest (API Gateway, the default), url (function URL), authorizer, sqs, or plain (the body itself)
//	method      the HTTP method; POST by default
//	path        the path that the caller asks for
//	route       the path with its parameters, as template.yaml writes it; by default the path
//	query       the query parameters, by name
//	headers     the request's headers: a text, a list (the header is sent more than once), or null (it is not sent)
//	authorizer  what the authorizer found out, in the context of a REST event; null: no authorizer ran
//	body        the body: a mapping or a list is sent as JSON, a text as it is
//	like        a whole event whose body this case starts from
//	set         changes to the body: a dotted path and its new value
//	remove      changes to the body: dotted paths that are removed
//	form        the body as form fields; a case changes those of the defaults, null removes one
//	base64      true: the body is sent as base64; claimed: the event says so and the body is not
//	twilio      signs the form as Twilio does: the token, and the address where it is not the event's own
//	messages    the messages of an sqs event: body, objects (the keys in S3's notification), attributes, group and receives
//	given       what the test sets up first; each function's test defines it
//	want        what the test checks; see package eventtest
//
// The tag !file name stands for a body that is JSON in a file beside cases.yaml. In a body, !repeat [text, times] stands for a repeated text, !join [text, …] for texts in a row, and
// !gzip text for the base64 of its gzip.
//
// # Decisions
//
// Cases are YAML and not Go tables, because `make event` writes them as whole events for `sam local invoke`, and
// because a request's body reads best as what it is. Fields that nothing reads are errors, so that a misspelt field
// cannot weaken a test.
//
// The envelope is built here, in one place. The few whole events in events/ show that it is what AWS sends: each of
// them is a case too.
package eventcase
