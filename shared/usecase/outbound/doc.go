// Package outbound places calls: once for each request, and only where the deployment's rules allow.
//
// # The order
//
// Fields, idempotency record looked up, the key's assistants, type and country and own numbers, do-not-call, consent,
// calling hours, idempotency record claimed, counters taken, the call created once, its sid saved. Each step before the
// call fails closed. What was claimed or taken is given back where a later step refuses.
//
// # Decisions
//
// A call's state is in one place, its record; the idempotency record only leads there. The record is written before the
// key is claimed, so that a key that is taken always leads to a record. A crash in between leaves a record that nobody
// has; a crash after it leaves one that is unknown at its deadline, 30 seconds later. Whoever has not reached the
// provider 14 seconds after the record was opened does not ask it any more, so that nobody calls whom others took for
// dead.
//
// A refusal is written into the record and releases the key. Where only the first succeeds the key is free all the
// same: a refused record holds none, and the next claim goes over it. That makes two writes to two items safe in any
// order without a transaction.
//
// An unknown call is found among the provider's by its two numbers and by the time its record was in progress, and only
// while no other call to the number is being placed. A found sid is claimed in the ledger first, so that no two records
// take one call. Two unknown calls at the same time may be taken for each other; either way neither is placed again.
// Asking again never concludes that a call was not placed. Only Reconcile does, a quarter of an hour later, since it is
// the operator who asks.
//
// Counters are fixed windows of a minute or a UTC day: one item each. They err to the side of too few calls: a give-back
// is tried once, and what a dead process took stays taken. The spend is an estimate for each call, because Twilio names
// no price when it takes one; it is not corrected afterwards.
//
// Bodies are equal where their fields are, as they were sent: white space and unknown fields between them do not make
// another call. A key's scope is the name of the caller's key, so that a rotated key is the same caller.
//
// The numbers of every assistant are its own: a call to one could be answered by the assistant that placed it. Those
// that are stored in E.164 are found whoever calls; a national one only where its own assistant calls, because the
// table has no index for it.
//
// Toll-free and internet-telephony numbers are refused besides premium ones: they are nobody's line to be called at.
//
// # High-risk destinations
//
// countries.txt is our own list, made in November 2026; Twilio publishes none for use elsewhere
// (https://www.twilio.com/docs/voice/api/dialing-permissions-resources). Its first part begins with the destinations of
// the FCC's advice on one-ring calls (the area codes 284, 649, 809 and 876, and in May 2019 the country codes 222 and
// 232: https://www.fcc.gov) and of the industry's usual examples (Cuba, Somalia, Jamaica); what else is in it, and the second
// part, is our judgement of where a rented range pays. It is a second fence behind Twilio's dialing permissions, and it
// is coarse: an operator who calls there names the country in ALLOWED_COUNTRIES. A list of ranges in place of
// countries, kept up to date, would be better, and is what would change our mind.
package outbound
