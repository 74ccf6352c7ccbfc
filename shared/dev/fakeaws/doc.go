// Package fakeaws holds the AWS JSON protocol, which the fakes of AWS services share.
//
// # Decisions
//
// The fakes speak the real wire protocols, so that the same AWS SDK and OpenAI client run on one machine and in AWS. They
// implement what Aurora, the AWS SDK for Go and the aws command line use, and answer every other operation with
// UnknownOperationException.
//
// Signatures are not checked: everything listens on 127.0.0.1 with dummy credentials.
//
// State is stored in bbolt without fsync: it survives the end of the process but not a power failure. On a development
// machine speed matters more.
package fakeaws
