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
// A call is placed with TwiML in the request. For a voice server no text of a caller is in it: the two parameters of the
// stream are ids. For ConversationRelay the greeting is in it, which may hold the name that the request for the call gave.
//
// The library's twiml package escapes texts, but it writes the attributes in the order of a map, and those of ConversationRelay
// that Twilio added later in lower case (speechtimeout), which Twilio ignores without an error. So attributes are sorted, these
// names are given as optional attributes, and tests read the document as strictly as it is documented.
//
// No table maps the nicknames of voices to ids: ElevenLabs withdraws voices, public lists of ids contradict each other, and a
// voice that Twilio does not know ends the call. A nickname is left out, and Twilio's default voice speaks.
//
// Every rejection with a code of Twilio's is an error in the caller's request on the routes that place calls, except
// rejected credentials, which are our own error. The library checks the form of the credentials itself, before it sends
// anything.
//
// Twilio's error texts repeat phone numbers and the account, so an error holds Twilio's code and never its text.
package twilio
