//go:build race

package main

// slack is how much longer than said an answer may take: the race detector makes work on large bodies slow.
const slack = 4
