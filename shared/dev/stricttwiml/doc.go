// Package stricttwiml reads TwiML for a phone call as strictly as its documentation is written.
//
// Twilio accepts unknown verbs and attributes silently, so a name in the wrong letter case, such as speechtimeout, is lost
// without an error: https://www.twilio.com/docs/voice/twiml. This package reports each of them as a problem. Documented
// values are checked too. FatalProblems returns the combinations of speech settings that end a ConversationRelay session, which a
// caller notices; Twilio ignores the other problems.
//
// # Decisions
//
// Only the verbs and nouns that a telephone assistant needs are known. Another documented verb is reported as unknown: it is
// then time to add it here, with its attributes.
//
// The names are those of
// https://www.twilio.com/docs/voice/twiml/connect/conversationrelay, …/dial, …/say, …/recording, …/reject, …/redirect,
// …/pause, …/hangup, …/number, …/sip and …/stream.
package stricttwiml
