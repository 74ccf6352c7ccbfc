// Package relayapi is the WebSocket side of ConversationRelay: API Gateway's events and Twilio's messages in both directions
// (https://www.twilio.com/docs/voice/conversationrelay/websocket-messages).
//
// # Decisions
//
// A message of an unknown type, or one that cannot be read, is ignored. A message is always answered with 200: after another
// status, or an error, API Gateway sends a message of its own to Twilio, which is an error there
// (https://www.twilio.com/docs/api/errors/64107).
//
// The handshake is verified for the address that stands in the TwiML, VOICE_RELAY_URL, and never for one that is built from the
// event: a domain of the deployment's own would change it. A slash more or less at its end is accepted.
package relayapi
