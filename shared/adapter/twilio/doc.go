// Package twilio places calls, sends text messages and acts on live calls through Twilio.
//
// # Decisions
//
// github.com/twilio/twilio-go has no context, no limit we would choose and no place for another address, so one client
// is made for each request, which is cheap, around one transport that lives on. Only its rest/api/v2010, client and
// twiml packages are used.
//
// Nothing is tried again that Twilio may have taken: creating a message or a call is not idempotent there. An answer
// that was lost is fault.Timeout, state unknown; only a connection that was never made is fault.Unavailable, and known
// not to have happened.
//
// A call is placed with TwiML in the request, and nothing of a caller's text is in it: the two parameters of the stream
// are ids. Every refusal that has Twilio's code is the caller's mistake on a route that places calls, but a refused
// token, which is ours. The library checks the form of the credentials itself, before it sends anything.
//
// Twilio's own error texts repeat numbers and the account, so an error holds the code and never the text.
package twilio
