// Package outbound places calls: once for each request, and only if the deployment's rules allow the call.
//
// # Order of steps
//
//  1. Validate the fields.
//  2. Look up the idempotency key. If it has a call, answer with that call.
//  3. Check the assistants of the API key, the number's type, its country, and that it is not one of our own.
//  4. Check the do-not-call list, consent and calling hours, and that no limit allows nothing.
//  5. Create the record, claim the key, take the quotas.
//  6. Ask the provider for the call, once, and save its sid.
//
// Every step before the call fails closed. If a step fails, what earlier steps claimed or took is returned.
//
// # Decisions
//
// A limit of 0 rejects a call before anything is stored. So a key whose entry allows no calls passes all other rules and
// leaves nothing behind: `make smoke` tries the routes with such a key.
//
// The state of a call is in one place: its record. A claim of an idempotency key only leads to the record. The record is
// created before the key is claimed, so that a claimed key always leads to a record. A crash between the two writes
// leaves a record without a claim. A crash after them leaves a record that becomes unknown at its deadline, after 30
// seconds. A worker that has not reached the provider within 14 seconds gives up, because after the deadline others treat
// its record as abandoned.
//
// The rejection of a call is two writes: the record becomes rejected, and the key is released. They need no transaction.
// If only the first one succeeds, the key is free all the same: a rejected record holds no key, and the next claim
// replaces its claim.
//
// An unknown call is looked up among the provider's calls, by its two numbers and the time of its record. This is done
// only while no other call to the number is in progress. The sid that is found is claimed first, so that no two records
// get one call. Two unknown calls to one number at one time may be mistaken for each other; neither is placed again.
// A look-up during a request never concludes that a call was not placed. Only Reconcile does, 15 minutes later, because
// an operator runs it.
//
// Package contact checks the number and the do-not-call list and counts the limits, for calls as for messages. The spend is
// an estimate for each call, because Twilio names no price when it accepts a call. It is not corrected later.
//
// Two bodies are equal if their fields are equal as they were sent. White space and unknown fields do not matter. The
// scope of an idempotency key is the name of the API key, so that a rotated key is the same caller.
package outbound
