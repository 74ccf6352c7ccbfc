// Command operate is the program behind the operator's make targets: run, demo, invoke, assistant, key, redrive.
//
// # Decisions
//
// It is one program, so that what an operator does is tested like everything else, and the Makefile only names it.
//
// A command reaches the local stack through the addresses in run.json, and a deployed one, given -stage, through the
// names that template.yaml gives its resources and the operator's own AWS credentials.
//
// github.com/santhosh-tekuri/jsonschema/v6 checks an assistant's document; a schema from elsewhere is never loaded.
package main
