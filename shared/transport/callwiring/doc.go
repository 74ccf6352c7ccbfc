// Package callwiring builds the parts of functions that have to do with outbound calls, from the settings.
//
// # Decisions
//
// It is separate from chatwiring because it links the tables of phone numbers: 5.6 MB that chat functions do not need.
//
// An invalid rule must not act as a rule that is switched off. So a function that places calls does not start with one.
// The webhook does start, because it has reports to store; it then finds no number eligible.
package callwiring
