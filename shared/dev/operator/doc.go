// Command operator is the program behind the operator's make targets: run, demo, invoke, assistant, key, report, backfill,
// reindex, redrive and others.
//
// # Decisions
//
// It is one program, so that the operator's commands are tested like all other code. The Makefile only calls it.
//
// A command reaches the local stack at the addresses in run.json. With -stage it reaches a deployed stack, whose resources
// have the names that template.yaml gives them, with the operator's own AWS credentials.
//
// Reindexing uses the worker's own code, without an analyst. It goes through the bucket in order and in batches, and saves its
// progress after each batch: everything before the saved key is indexed, and indexing an object twice changes nothing. An
// end-of-call report that was deleted or cannot be read is counted. A store that fails ends the run, so that nothing is left
// out without notice. github.com/schollz/progressbar/v3 draws the progress bar, on a terminal only.
//
// The commands erase and export print a number only in part. Their receipt and archive are files that only the operator can
// read.
package main
