package main

import "strings"

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
		distance := editDistance(name, n)
		if name != "" && strings.HasPrefix(n, name) {
			distance = 1
		}
		if distance < least {
			best, least = n, distance
		}
	}
	return best
}

// editDistance returns the Levenshtein distance: how many bytes must be added, removed or replaced to make b from a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1) // distances from the part of a that was read to each beginning of b
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
