// Command operate is the program behind the operator's make targets: run, demo, invoke, assistant, key, report,
// backfill, reindex, redrive and their like.
//
// # Decisions
//
// It is one program, so that what an operator does is tested like everything else, and the Makefile only names it.
//
// A command reaches the local stack through the addresses in run.json, and a deployed one, given -stage, through the
// names that template.yaml gives its resources and the operator's own AWS credentials.
//
// Reindexing goes through the worker's own code, without an analyst. It works in order and in batches, and notes after
// each one how far it came, so that what is below the note is done whatever happened; what is done twice changes nothing.
// A report that is gone or cannot be read is counted, and a store that fails ends the run, so that nothing is left out
// unsaid. github.com/schollz/progressbar/v3 draws its bar, on a terminal alone.
//
// github.com/santhosh-tekuri/jsonschema/v6 checks an assistant's document; a schema from elsewhere is never loaded.
package main
