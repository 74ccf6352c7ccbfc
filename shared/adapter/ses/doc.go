// Package ses sends e-mail through SES.
//
// # Decisions
//
// github.com/wneessen/go-mail builds the MIME message, with a text part and an HTML part, and SES sends it as it is (raw).
// So the message does not depend on what SES would make of its parts. The recipients are the envelope of one request for
// all of them. One rejected address must not cost the other recipients their mail, so a rejection is an error that names no
// address, and the caller decides for whom to try again alone.
//
// A CR or LF in an address or a subject would start a new header. Such a mail is rejected, not cleaned.
package ses
