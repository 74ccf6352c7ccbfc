// Package providermsg reads the messages that voice providers post to the webhook.
//
// # Decisions
//
// The API document's shape and Vapi's are read by the same tables of paths (paths.go): a value is taken from the first
// path that has one. A value of an unexpected type counts as missing, so that one odd field does not cost the rest of a
// message. What a message does not say is absent, never zero.
//
// The webhook stores reports of several megabytes and needs only a few fields of them. Identity holds those fields, and
// IdentityCollector gathers them while the webhook copies the report, so that the body is read once.
package providermsg
