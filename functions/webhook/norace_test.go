//go:build !race

package main

// timeFactor multiplies the time limits of faults.md, since test machines may be loaded.
const timeFactor = 3
