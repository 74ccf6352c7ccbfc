// Package fault holds errors with two texts: a message for the caller and a cause for the log.
//
// The message, the code and the field may be shown to a caller. The cause never is. Package web decides in one table which
// kind becomes which HTTP status.
package fault
