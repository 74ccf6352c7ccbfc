// Package callapi is the HTTP side of outbound calls: the two routes that place calls, and the callback by which the
// telephone provider reports how a call goes on.
//
// The wire formats are those of shared/docs/api.md. A body is decoded into raw fields once. Field names must match
// exactly: encoding/json alone would take PHONENUMBER for phoneNumber.
package callapi
