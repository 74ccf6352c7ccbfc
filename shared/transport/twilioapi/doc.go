// Package twilioapi is the HTTP side of what Twilio sends: signed forms, which are requests of a call or a message, and
// reports of their progress.
//
// # Decisions
//
// A form is verified for the address that Twilio was given: PUBLIC_URL, or the address of the request, with the path and the
// query. The address is never built from a header that a caller can choose.
//
// A request for TwiML that Twilio signed is always answered with TwiML and 200. With another status Twilio speaks a sentence
// of its own to the caller, "an application error has occurred", and ends the call. So a failure becomes an apology and, where
// there is one, a call to the assistant's fallback number. It is counted as AnswerDegraded.
package twilioapi
