// Package timeline tells what happened in one call, in order, and which part of the service took the time.
//
// # Decisions
//
// Everything of a call is found by one of its ids. The ledger leads from an id to the row of the call and to the record of an
// outbound call, and each record of a turn or message names further ids. So a turn that came before the row existed is found under
// the id that it had.
//
// Two assistants may have calls with one id. What belongs to an assistant that the reader may not see is left out, and so is what
// names no assistant if there are several.
//
// The verdict follows rules, and the first that fits decides: a call that had no assistant is not also a slow model. The rules read
// records only, so the command `make find` gives the same verdict as the API.
package timeline
