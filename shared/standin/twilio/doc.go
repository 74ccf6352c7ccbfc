// Package twilio stands in for Twilio: it takes text messages and changes of calls, keeps them for tests and developers
// to look at, and sends nothing.
//
// # Decisions
//
// Numbers are refused as Twilio's own test credentials refuse them
// (https://www.twilio.com/docs/iam/test-credentials): +15005550001 is no valid number, +15005550004 has unsubscribed,
// and so on. Every other number in E.164 is taken. So a test needs no script to see a refusal.
//
// A live call is made by somebody's telephone, which is not here: every well-formed sid is a call in progress until it
// was ended.
//
// Everything is in memory, the newest thousand of each: what was sent is looked at while the stack runs.
package twilio
