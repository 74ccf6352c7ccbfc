package liquid

import (
	"slices"
	"strings"
)

// withoutBlanks removes the white space from the content of a tag that prints nothing else, as Ruby's Liquid does.
func withoutBlanks(branches []branch) []branch {
	if !slices.ContainsFunc(branches, func(b branch) bool { return !isBlankContent(b.body) }) {
		for i := range branches {
			branches[i].body = slices.DeleteFunc(branches[i].body, func(n node) bool { _, isText := n.(textNode); return isText })
		}
	}
	return branches
}

func isBlankContent(nodes []node) bool {
	return !slices.ContainsFunc(nodes, func(n node) bool { return !isBlankNode(n) })
}

// isBlankNode reports whether a node prints nothing but white space.
func isBlankNode(n node) bool {
	isBlankBranch := func(b branch) bool { return isBlankContent(b.body) }
	switch n := n.(type) {
	case textNode:
		return strings.TrimSpace(string(n)) == ""
	case assignNode, captureNode:
		return true
	case blockNode:
		return isBlankContent(n)
	case ifNode:
		return !slices.ContainsFunc(n.branches, func(b branch) bool { return !isBlankBranch(b) })
	case caseNode:
		return !slices.ContainsFunc(n.branches, func(b branch) bool { return !isBlankBranch(b) })
	case *forNode:
		return isBlankContent(n.body) && isBlankContent(n.otherwise)
	case *ifChangedNode:
		return isBlankContent(n.body)
	}
	return false
}
