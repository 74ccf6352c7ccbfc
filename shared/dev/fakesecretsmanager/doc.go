// Package fakesecretsmanager stands in for AWS Secrets Manager: secrets with a current and a previous value, kept on disk.
//
// # Decisions
//
// Nothing is encrypted: the file is readable by its owner alone, and what it holds are this machine's keys.
//
// Only the labels AWSCURRENT and AWSPREVIOUS are known; rotation by a function is not served, since Aurora's keys
// rotate by being two in one list.
package fakesecretsmanager
