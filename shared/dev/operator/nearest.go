package main

import (
	"strings"

	"example.com/aurora/shared/dev/eventcase"
)

// suggestion returns " Did you mean X?" for the nearest of the names, or nothing if none is near.
func suggestion(name string, names []string) string {
	if best := nearest(name, names); best != "" {
		return " Did you mean " + best + "?"
	}
	return ""
}

// nearest returns the name with the smallest edit distance, the first of several. A name that starts with what was typed
// counts as one edit, since people type the beginning. It returns nothing if half of the letters would have to change.
func nearest(name string, names []string) string {
	best, least := "", max(len(name)/2, 2)
	for _, n := range names {
		distance := eventcase.EditDistance(name, n)
		if name != "" && strings.HasPrefix(n, name) {
			distance = 1
		}
		if distance < least {
			best, least = n, distance
		}
	}
	return best
}
