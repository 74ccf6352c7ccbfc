// Package auth authenticates requests: by API keys, for the authorizers of the API and for function URLs alike, and by
// the signed links in mails.
//
// # Decisions
//
// A policy is code. No environment variable, which somebody may mistype, changes which headers it reads and which kinds
// of key it accepts.
//
// A signature may take the place of a key where a policy says so. It covers the bytes of the body and the time, so what was
// recorded is of no use after five minutes. There is no memory of signatures that were seen: providers send a request again
// that was not answered, and what a request does, it does once (package idempotency, the archive of reports). The secret of
// a signature must be stored itself, so it is never accepted as a key.
//
// Keys are compared as SHA-256 digests in constant time, and all keys are compared, so that the time of an answer does
// not show how close a guess was. A key of the wrong form is rejected without a call to the secret store.
//
// A link in a mail is a token that names one object and the time when it was made, signed with HMAC-SHA256. Nothing is
// stored for it, so a mail costs no write. A revocation is an object in the bucket; it ends the links of a report, or all
// links, that were made before it was written. So only a revocation costs a write, and opening a link costs two reads. The
// secret may hold the previous key beside the new one; then a new key ends no link. Only objects under reports/ can be
// linked to. All invalid links get the same 401, whether they are expired, revoked, forged or malformed.
//
// The token follows a number sign in the link. API Gateway's traces hold the whole address of a request
// (https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-understanding-xray-traces.html), and so may every
// proxy's log. What follows the number sign is not sent (RFC 3986, section 3.5); the page at the address posts it.
package auth
