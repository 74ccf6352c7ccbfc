// Package auth decides whether a key opens a door, for the authorizers of the KindAPI and for function URLs alike.
//
// # Decisions
//
// A policy is code: which headers it reads and which kinds of key it takes cannot be changed by an environment
// variable that somebody mistypes.
//
// Keys are compared as SHA-256 digests in constant time, and every live key is visited, so that neither the time of
// an answer nor its absence tells how close a guess was. A key of the wrong shape costs no call to the store.
//
// The policy document that an authorizer returns names every route of its own policy and no other: KindAPI Gateway caches
// it by the key, and a document for one route alone would be 403 on the next
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html).
//
// The link in a mail is its own key: a token that names one object and when it was made, signed with HMAC-SHA256. Nothing
// is stored for it, so that a mail costs no write, and nothing can be taken back but by changing the secret, which ends
// every link. The secret may hold the key before beside the new one, and then ends none. Only report pages can be linked
// to, whoever signed. A link tells a reader nothing of which of its faults it has.
//
// github.com/aws/aws-lambda-go/events: the authorizer's event and answer.
package auth
