// Package textmessage answers the text messages that people send to our numbers, by SMS, MMS and WhatsApp.
//
// # Decisions
//
// Twilio waits 15 seconds for an answer, and a turn with tools may take longer. So a message is put into a queue and Twilio is
// answered at once; a worker sends the assistant's answer later. The queue delivers the messages between two addresses in
// order, and the next ones only after those before were answered. What has come meanwhile is answered together, as one turn.
//
// Opt-outs are recorded before anything else is looked up, so that they hold whatever fails later. Twilio replies itself to
// the usual words on ordinary and toll-free numbers, so we send nothing: the person would get two replies. On WhatsApp, RCS and
// short codes, and for words that Twilio does not know, the worker sends one confirmation. "Yes" takes an opt-out back only for
// a person who is on the list, and not on toll-free numbers, whose carriers do not know the word.
//
// A message is answered once, also if the worker is killed. The answer is recorded before it is sent; Twilio has no idempotency
// keys for messages. A worker that finds a recorded answer asks Twilio whether it was sent, and sends it if it was not. The
// sids of answered messages are stored for two days with the conversation, so a late delivery of the same message is known.
// Only errors that prove that Twilio has not accepted a message lead to another try without asking.
//
// A message that cannot be answered is tried a few times together with what came with it, and the last time alone. Then the
// person gets one apology, and the message waits in the dead-letter queue. The messages behind it go on.
//
// The reply limits of package contact end a conversation with a machine that answers every text. When a limit of the day is used
// up, later messages are stored without a turn until the next day: the model costs money too.
//
// Media are not fetched: the model reads text only, and Twilio's addresses of media need the account's password. The model
// gets a note of what came. The name that a person has chosen on WhatsApp is not passed on: it would stand in the prompt.
package textmessage
