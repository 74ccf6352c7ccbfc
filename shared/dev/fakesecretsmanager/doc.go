// Package fakesecretsmanager is a fake of AWS Secrets Manager: secrets whose versions have labels, stored on disk.
//
// # Decisions
//
// Nothing is encrypted: the file is readable by its owner only, and contains keys of this machine.
//
// Rotation by a function is not supported, since Aurora rotates a key by listing the old and the new one.
package fakesecretsmanager
