// Package assemble puts together what every function that talks needs: models, tools, stores and keys.
//
// # Decisions
//
// Four functions and the webhook are made of the same parts: their settings are read and the parts introduced to each
// other here, once, and main.go says which of them it is. The package stands on the edge floor, so that nothing below it
// knows it, and the authorizers do not link what it brings along.
//
// What makes reports, and what queues them, is put together here too. Package report with its templates adds 0.3 MB to
// functions that have no use for it; a package of its own would be one more to know.
package assemble
