// Package ses sends e-mail through SES.
//
// # Decisions
//
// github.com/wneessen/go-mail builds the MIME message, and SES sends it raw: the message is then ours to the last
// byte, with both a text and an HTML part, whatever comes later. Recipients are given to SES as the envelope, one
// request for all: nobody's mail may be lost because another's address is refused, which is why a refusal is an error
// that names no address and the caller decides whom to try alone.
//
// Lines end where a header's value would be: any CR or LF in an address or a subject is refused, not cleaned.
package ses
