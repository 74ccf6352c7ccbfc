// Package twilio places calls, sends text messages and controls live calls through Twilio's REST API.
//
// # Decisions
//
// github.com/twilio/twilio-go takes no context, no limits of ours and no other address. So one of its clients is made for
// each request, which is cheap, around one transport that is shared. Only its packages rest/api/v2010, client and twiml
// are used.
//
// A request that Twilio may have accepted is never repeated: creating a message or a call is not idempotent. A lost answer
// is fault.Timeout, with unknown state. Only a connection that was never made is fault.Unavailable: then nothing happened.
//
// A call is placed with TwiML in the request. No text of a caller is in it: the two parameters of the stream are ids.
// Every rejection with a code of Twilio's is an error in the caller's request on the routes that place calls, except
// rejected credentials, which are our own error. The library checks the form of the credentials itself, before it sends
// anything.
//
// Twilio's error texts repeat phone numbers and the account, so an error holds Twilio's code and never its text.
package twilio
