// Package shared is the map of the code that the functions in functions/ are built from.
//
// The layer is in the path. core is imported by all; usecase and adapter import core and never each other; transport
// imports those three and wires them; functions import transport; dev runs on development machines only, and nothing
// that is deployed imports it. The tests in dev/rules check this.
//
//	core/           no network or storage; tools alone send what an assistant asks them to send
//	  fault           errors: a code, a sentence for the caller, a cause for the log
//	  aurora          domain types: assistants, calls, outbound calls, reports, object keys
//	  assistantcheck  the check of an assistant's document: every complaint with its path
//	  contact         who may be called, texted or mailed: rules, limits and the day's spend
//	  phonetables     reading of phone numbers by the numbering plans of all countries
//	  numberplan      the country and the kind of a phone number, without those tables
//	  providermsg     what voice providers post to the webhook
//	  agent           the agent loop: one stream of events for whole and streamed answers
//	  auth            authentication of API keys, signed links and operators, and their rights
//	  idempotency     runs an effect once per key, over claims that a store holds
//	  optout          text messages that ask for no more messages, or take that back
//	  tools           what an assistant may do: built-in, HTTP and MCP tools
//	  netguard        connections to public addresses only (SSRF protection)
//	  toolschema      JSON Schema validation of tool arguments
//	  liquid          prompt templates: reading, checking, and rendering within a budget
//	  script          what is said on a phone call without a model, and the variables of templates
//	  text            cutting and cleaning of texts from outside
//	  personaldata    removal of personal data from what is stored of a call
//	  logfields       the ids that every log line of a request has
//	  trace           records what happened in a turn of a conversation, or to a message of a voice provider
//	  metric          counts failures where an error becomes an answer, and measures the first word
//	  redact          removal of credentials and phone numbers, for logs and stored texts
//	  retryafter      the header Retry-After of a provider's answer
//	  safego          goroutines that recover from panics, and bounded parallel calls
//	usecase/        what the product does; declares the interfaces that it needs
//	  chat            one turn of a conversation
//	  phonecall       the conversation of a phone call over ConversationRelay
//	  versions        versions of assistants: drafts, publications, rollbacks, the audit
//	  webhook         answers voice providers' messages and stores end-of-call reports
//	  callindex       one row for each call, from its end-of-call reports
//	  endofcall       ends phone calls of ConversationRelay: the end-of-call report of each
//	  callanalysis    summary, outcome and structured data of a call, by a model
//	  callcontrol     what Twilio does with a phone call: answer, transfer, resume, apologise
//	  outbound        outbound calls: validation, guards, idempotency, status
//	  retention       deletes what assistants keep for a shorter time than the deployment
//	  report          weekly and monthly reports and their mails
//	  textmessage     text messages straight from Twilio: opt-outs, answers, reports
//	  timeline        what happened in one call, in order, and which part took the time
//	  erasure         finds, exports and erases what is stored about one number
//	adapter/        one package for each service at the other end
//	  dynamo          DynamoDB
//	  s3              S3
//	  sqs             SQS: sending and consuming
//	  ses             SES
//	  secretsmanager  Secrets Manager
//	  openai          OpenAI's chat completions API
//	  twilio          Twilio's REST API
//	  apigateway      API Gateway: messages to the clients of a WebSocket API
//	transport/      Lambda events, HTTP and wire formats
//	  lambdaapp       how a Lambda function starts: settings, log, metrics
//	  authorizer      API Gateway authorizer events, decided by a key policy
//	  web             API Gateway and function URL events as HTTP requests
//	  relayapi        ConversationRelay's messages in the events of a WebSocket API
//	  phoneturn       a turn of a phone call, with the chat use case
//	  voiceturn       one spoken turn: filler, fallback message, limits of silence
//	  completions     the wire format of the chat routes
//	  reportapi       the wire format of the report routes
//	  speech          Markdown to spoken words, streaming
//	  smstext         Markdown to one text message
//	  twilioapi       what Twilio sends: signed forms for calls and messages
//	  callapi         the HTTP side of outbound calls: two routes and the provider's callback
//	  textapi         the HTTP side of text messages straight from Twilio
//	  operatorapi     the HTTP side of the operators' API, and what all its routes check
//	  modelwiring     builds the models of a function from its settings
//	  contactwiring   builds the guard of everything that reaches a person
//	  toolwiring      builds an assistant's tools
//	  tracewiring     builds the writer of the records of turns and messages
//	  chatwiring      builds the chat functions
//	  reportwiring    builds the report functions
//	  phonewiring     builds the functions that carry phone calls
//	  twiliowiring    builds the client of Twilio, and the functions that answer its calls
//	  callwiring      builds the functions that place calls
//	  textwiring      builds the worker that answers text messages
//	  operatorwiring  builds what authenticates operators
//	dev/            development and tests only
//	  emulator        `make run`: template.yaml on one machine
//	  fakeaws         the AWS JSON protocol, for the fakes
//	  fakeledger      an in-memory ledger
//	  fakeopenai      a model server
//	  fakeversions    the stores of versions of assistants in memory
//	  fakes3          an S3 server
//	  fakesecretsmanager a Secrets Manager server
//	  fakeses         an SES server
//	  fakesqs         an SQS server
//	  fakephone       an in-memory store of phone calls
//	  fakerelay       the telephone and the ConversationRelay session of a call, for faketwilio
//	  faketwilio      a Twilio server
//	  stricttwiml     a reader of TwiML that reports every deviation from its documentation
//	  phoneday        a day of phone calls against the whole stack
//	  typedcall       a phone call whose caller types, for `make call`
//	  dynalite        starts npm's dynalite, a DynamoDB server, with the tables of template.yaml
//	  callfinder      everything that a stack has of one call, for `make find`
//	  testkit         doubles that many packages' tests share: assistants, secrets, the log
//	  eventcase       the named cases of functions' tests, and the Lambda event of each
//	  longfields      tests that work grows with the length of a field, not faster
//	  eventtest       runs a function's cases against it
//	  golden          comparison with golden files
//	  olddata         reads what earlier versions stored
//	  openapi         the OpenAPI document, and a validator for tests
//	  compat          other vendors' clients against `make run`
//	  rules           tests of the repository: layers, template, style
//	  bench           `make bench`
//	  smoke           `make smoke`: checks a whole stack from outside
//	  operator        the program behind the make targets
package shared
