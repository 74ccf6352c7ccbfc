// Package secretsmanager reads secrets from Secrets Manager and caches each for a minute.
//
// # Decisions
//
// The cache lasts 60 s, and an expired entry is never used: a revoked key stops working within that time, and if the store
// does not answer, the result is an error and not an old key. API Gateway caches an authorizer's decision for another 60 s.
//
// github.com/aws/aws-sdk-go-v2/service/secretsmanager: the service's own client.
package secretsmanager
