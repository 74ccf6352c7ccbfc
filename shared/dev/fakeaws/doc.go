// Package fakeaws holds the wire form that the stand-ins for AWS share, and below it one stand-in a folder.
//
// # Decisions
//
// The stand-ins speak the real wire protocols, so that the AWS SDK and the OpenAI client that run on one machine
// are the ones that run in AWS. They do what Aurora, the AWS SDK for Go and the aws command line use, and answer
// the rest with UnknownOperationException rather than pretend.
//
// Signatures are not checked: everything listens on 127.0.0.1 with dummy credentials.
//
// State is kept in bbolt without fsync: it outlives the process, however that ends, but not a power cut. One
// developer's machine gains more from the speed than it loses by that.
package fakeaws
