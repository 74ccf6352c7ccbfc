// Package assistantcheck checks the JSON document of an assistant: its schema, templates, tools, the schemas in it, its time
// zone, and the limits of the table that stores it.
//
// Every complaint is returned, each with the path of its field, so that a form can show it where it belongs. What depends on
// other assistants (handoffs, telephone numbers) is not checked here.
//
// # Decisions
//
// github.com/santhosh-tekuri/jsonschema/v6 checks the whole of JSON Schema, names the path of every error and never loads a
// schema from a file or the network here. It costs 6 ms and 2 MB at every start of a process that links it, so only programs
// and functions that store assistants import this package.
//
// golang.org/x/text writes that library's messages in English.
//
// Numbers have at most 38 digits, and nesting at most 30 levels, because DynamoDB stores no others
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html). Without this check such a document
// would be rejected when it is written, without the name of the field.
package assistantcheck
