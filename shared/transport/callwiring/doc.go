// Package callwiring puts together what every function that has to do with outbound calls needs, and reads its settings.
//
// # Decisions
//
// It is apart from package assemble because the tables of telephone numbers come with it: 5.6 MB that a chat function
// has no use for.
//
// A rule that cannot be read is no rule that is off: a function that places calls does not start. The webhook does, and
// finds nobody eligible, since it has reports to take in.
package callwiring
