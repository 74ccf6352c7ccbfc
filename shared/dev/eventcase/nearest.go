package eventcase

import (
	"fmt"
	"slices"
	"strings"
)

// Find returns the case with a name, which may be written as a slug. An unknown name is an error that names the
// nearest.
func Find(cases []*Case, name string) (*Case, error) {
	names := make([]string, len(cases))
	for i, c := range cases {
		if c.Name == name || c.Slug() == Slug(name) {
			return c, nil
		}
		names[i] = c.Name
	}
	near := Nearest(name, names, 3)
	if len(near) == 0 {
		return nil, fmt.Errorf("there is no case %q", name)
	}
	return nil, fmt.Errorf("there is no case %q; the nearest are:\n  %s", name, strings.Join(near, "\n  "))
}

// Nearest returns at most n names that are most like a name, the nearest first.
func Nearest(name string, names []string, n int) []string {
	name = Slug(name)
	sorted := slices.Clone(names)
	slices.SortStableFunc(sorted, func(a, b string) int { return distance(name, Slug(a)) - distance(name, Slug(b)) })
	return sorted[:min(n, len(sorted))]
}

// distance is EditDistance less the letters of common words, so that a few words of a long name are enough.
func distance(a, b string) int {
	shared := 0
	for word := range strings.SplitSeq(a, "-") {
		if strings.Contains(b, word) {
			shared += len(word)
		}
	}
	return EditDistance(a, b) - 2*shared
}

// EditDistance returns the Levenshtein distance: how many bytes must be added, removed or replaced to make b from a.
func EditDistance(a, b string) int {
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
