// Package testkit holds the doubles that the tests of many packages share: assistants, secrets and the log.
//
// A double that one package alone needs stays in that package's tests. Fakes that speak a network protocol have their
// own packages: fakes3, fakesqs and the like. Package dynalite makes the tables of template.yaml.
package testkit
