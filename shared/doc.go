// Package shared is the map: everything that the deployed functions in functions/ are made of, floor by floor.
//
// A package imports only floors below its own; the order inside a floor, and every other rule about the tree, is in
// architecture_test.go beside this file.
//
//	ground     fault        error kinds: a sentence for the caller, a cause for the log
//	           golden       what tests compare with: testdata/*.golden and events/
//	domain     aurora       the words of the trade: assistants, calls, sessions, phones
//	engines    swarm        the agent loop: one stream of events that whole and streamed answers read
//	           access       whether a key opens a door
//	           tools        what agents may do: built-in, HTTP and MCP tools
//	use cases  chat         one turn of a conversation
//	           outbound     calls that we place: guards, limits, once
//	           summary      what came of a call, found out by a model
//	           webhook      what voice providers tell and ask
//	           report       what happened with an assistant's calls: counted, told, mailed
//	adapters   bucket       S3
//	           dynamo       DynamoDB
//	           mail         SES
//	           openai       the model
//	           queue        SQS, both ends
//	           secret       Secrets Manager
//	           twilio       Twilio: text messages, live calls
//	edge       boot         settings, log, metrics: how a Lambda starts
//	           web          API Gateway's and function URLs' events as net/http
//	           completions  the wire format of the chat routes
//	           assemble     the parts of functions that talk and report, introduced to each other
//	           dialing      the same for functions that place calls
//	top        openapi      every route as a document, and a validator for tests
//	           standin      servers that stand in for AWS and the model on one machine
//	           local        `make run`: the bundle on one machine, from template.yaml
//	           operate      the program behind the operator's make targets
//	           clients      other people's clients, run against `make run`
package shared
