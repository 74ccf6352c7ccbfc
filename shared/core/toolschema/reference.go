package toolschema

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// checkReferences returns an error for a reference that leaves the document, also below keywords that are not checked:
// the schema is given to a model, which must not be sent to another address.
func checkReferences(v any) error {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := checkReferences(item); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, inner := range v {
			text, isText := inner.(string)
			switch {
			case slices.Contains([]string{"const", "enum", "default", "examples"}, name): // values, not schemas
			case (name == "$ref" || name == "$dynamicRef" || name == "$recursiveRef") && isText && text != "#" && !strings.HasPrefix(text, "#/"):
				return fmt.Errorf("the reference %.200q is not supported: it must be # or a JSON pointer in the same schema, such as #/$defs/address", text)
			case name == "$schema" && isText && !strings.Contains(text, "json-schema.org/"):
				return fmt.Errorf("$schema is %.200q, which is not a version of JSON Schema", text)
			default:
				if err := checkReferences(inner); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// checkLoops records an error when a schema applies itself to the same value again: validation would not end.
func (c *compiler) checkLoops() {
	const visiting, done = 1, 2
	state := map[*node]int{}
	var visit func(n *node) bool
	visit = func(n *node) bool {
		if n == nil || state[n] == done {
			return true
		}
		if state[n] == visiting {
			return false
		}
		state[n] = visiting
		for _, next := range slices.Concat([]*node{n.ref}, n.allOf, n.anyOf, n.oneOf) {
			if !visit(next) {
				return false
			}
		}
		state[n] = done
		return true
	}
	for pointer, n := range c.nodes {
		if !visit(n) {
			c.fail(pointer, "the schema refers to itself without end")
			return
		}
	}
}

// decodeFragment returns the JSON pointer of a reference within a document.
func decodeFragment(ref string) (string, error) {
	return url.PathUnescape(strings.TrimPrefix(ref, "#"))
}

// lookup follows a JSON pointer (RFC 6901).
func lookup(v any, pointer string) (any, bool) {
	if pointer == "" {
		return v, true
	}
	for token := range strings.SplitSeq(pointer[1:], "/") {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~1", "/"), "~0", "~")
		switch in := v.(type) {
		case map[string]any:
			inner, ok := in[token]
			if !ok {
				return nil, false
			}
			v = inner
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(in) || strconv.Itoa(i) != token {
				return nil, false
			}
			v = in[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// join appends names to a JSON pointer.
func join(pointer string, names ...string) string {
	for _, name := range names {
		pointer += "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
	}
	return pointer
}
