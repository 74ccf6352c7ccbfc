// Package secretsmanager reads secrets from Secrets Manager and keeps each for a minute.
//
// # Decisions
//
// A minute and no longer: a key that was taken back stops working within it, and when the store is away the answer is
// an error, never a stale key. The contract promises a rotation within 60 s (120 s with the gateway's own cache).
//
// github.com/aws/aws-sdk-go-v2/service/secretsmanager: the store itself.
package secretsmanager
