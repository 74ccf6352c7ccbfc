//go:build !race

package main

// timeFactor multiplies the time limits of these tests.
const timeFactor = 1
