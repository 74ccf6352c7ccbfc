// Package aurora holds the words of the trade: assistant, session, call, phone number. It does no I/O.
//
// # Decisions
//
// What comes from outside is read leniently and written strictly: a documented string may arrive as a number or a
// boolean (the API document's examples quote every value, its callers do not), and leaves as a string.
package aurora
