// Package aurora holds the domain types: assistants, calls, outbound calls, reports, telephone numbers, and the keys under
// which they are stored. It does no I/O.
//
// # Decisions
//
// Configuration is read leniently and written strictly: a documented string may arrive as a number or a boolean, because
// the API document's examples quote every value and its callers do not. It is always written as a string.
package aurora
