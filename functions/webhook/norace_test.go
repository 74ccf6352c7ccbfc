//go:build !race

package main

// slack is how much longer than said an answer may take.
const slack = 1
