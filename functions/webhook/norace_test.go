//go:build !race

package main

// timeFactor is how much longer than said an answer may take.
const timeFactor = 1
