//go:build race

package main

// timeFactor multiplies the time limits of these tests: the race detector makes work on large bodies slow.
const timeFactor = 4
