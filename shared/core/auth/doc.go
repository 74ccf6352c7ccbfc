// Package auth authenticates requests: by API keys, for the authorizers of the API and for function URLs alike, and by
// the signed links in mails.
//
// # Decisions
//
// A policy is code. No environment variable, which somebody may mistype, changes which headers it reads and which kinds
// of key it accepts.
//
// Keys are compared as SHA-256 digests in constant time, and all keys are compared, so that the time of an answer does
// not show how close a guess was. A key of the wrong form is rejected without a call to the secret store.
//
// A link in a mail is a token that names one object and the time when it was made, signed with HMAC-SHA256. Nothing is
// stored for it, so a mail costs no write. The price is that a single link cannot be revoked: only a change of the secret
// ends links, and it ends all of them. The secret may hold the previous key beside the new one; then no link ends. Only
// objects under reports/ can be linked to. All invalid links get the same 401: expired, forged and malformed ones cannot
// be told apart.
package auth
