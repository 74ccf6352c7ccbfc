//go:build race

package main

// timeFactor multiplies the time limits of faults.md: the race detector slows down work on large bodies, and test machines
// may be loaded. A store that never answers is still told apart from one that is given up on.
const timeFactor = 8
