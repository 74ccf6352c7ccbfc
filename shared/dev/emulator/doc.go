// Package emulator plays AWS on one machine, from template.yaml: `make run`.
//
// Every function is a pool of processes that speak Lambda's runtime API (runtime.go, functionprocess.go, function.go).
// Requests reach them through API Gateway (gateway.go, authorize.go, responses.go), WebSocket APIs (websocket.go,
// connection.go), function URLs, the Invoke API, SQS pollers and schedules. They use DynamoDB (dynalite), S3 (gofakes3), and the fakes of SQS, SES, Secrets Manager, Twilio and
// the model. No route, table or function is named in the code, so an addition to template.yaml works without a change here.
//
// # Decisions
//
// Each process gets its own path in the address of the runtime API. So a request tells which process sent it.
//
// The pool owns an invocation with its deadline and the end of its process; the caller does not. As in Lambda, a caller
// who hangs up changes nothing for the function.
//
// No invocation and no message can be lost between two programs. The answer to a request for an invocation, or to a receive,
// may never arrive: the process was killed, a connection broke, or an HTTP client repeated its request. So a process has one
// open request for an invocation, and one invocation; an invocation that could not be sent goes to another process; one
// without an answer at its deadline is a failure, with a line in the log. A receive hides its messages for the function's
// time limit only, and the poller, once it has them, hides them for the queue's visibility timeout.
//
// Some waits are shorter than Lambda's, because a developer watches them: a failed message returns after 1, 2, 4 …
// seconds, up to the queue's visibility timeout, and a failed Event invocation after one and two seconds instead of
// minutes. The order and the number of attempts are Lambda's.
//
// A streamed route or function URL accepts only a streamed response, and a buffered one only a buffered response. The
// other kind is a 502, as in AWS: better to see that here.
//
// A WebSocket API has a port of its own, as it has a host of its own in AWS. Its wss:// address in a function's environment stays
// what AWS would give: it goes to Twilio, and is signed. Its https:// address becomes the local one, since functions send to
// clients there. A failed invocation sends the client the same frame as in AWS, which a client such as Twilio does not understand.
// github.com/coder/websocket carries the connections. It shows messages and not frames, so the limit for frames is checked on
// the bytes of the connection.
//
// The notification of an object is stored with the object before S3 answers. If the process dies before it is sent, the
// next run sends it. So no stored object goes unnoticed.
//
// The secrets that end in /openai and /twilio are written again at every start, from the environment of that start. So a
// real key does not stay on disk after the run that used it.
package emulator
