// Package emulator plays AWS on one machine, from template.yaml: `make run`.
//
// Every function is a process that speaks Lambda's runtime API (runtime.go, lambda.go, function.go); in front of them
// stand API Gateway (gateway.go, authorize.go, responses.go), function URLs, the Invoke API, the pollers of SQS and
// the schedules; behind them DynamoDB (dynalite), S3 (gofakes3), SQS, SES, Secrets Manager, Twilio and the model (package
// standin).
// Nothing here knows a route, a table or a function by name: what a later template adds works without a change.
//
// # Decisions
//
// Each process has its own runtime API address, told apart by its path, so that it is known who asks, and who died.
//
// An invocation's life (its deadline, the end of its process) is kept by the pool and not by who asked for it: a
// caller who hangs up changes nothing for the function, as in Lambda.
//
// What Lambda does over minutes is done over seconds where a developer would sit and wait: a failed message comes
// back after 1, 2, 4 … seconds, up to the queue's visibility timeout, and a failed Event invocation after one and two
// seconds instead of minutes. Order and number of attempts are Lambda's.
//
// A streamed route or function URL takes only a stream, and a buffered one only a whole answer; the wrong kind is 502,
// as at API Gateway. Better to see that here.
//
// A notification is kept beside its object before S3 answers, and sent again by the next run if this one dies in
// between: nothing that was stored goes untold.
//
// The secrets that end in /openai and /twilio always hold what this run was given, so that a real key does not stay on
// disk longer than it is wanted.
package emulator
