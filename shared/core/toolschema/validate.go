package toolschema

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// problem is the first thing that is wrong with arguments: the path of a value, and what is wrong with it.
type problem struct{ path, message string }

// validation counts the steps of one Check.
type validation struct{ steps int }

// path is the place of a value in the arguments; nil is the arguments themselves.
type path struct {
	parent *path
	name   string
}

func (p *path) String() string {
	if p == nil {
		return ""
	}
	return dotted(p.parent.String(), p.name)
}

func dotted(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "." + name
}

func (p *path) problem(format string, args ...any) *problem {
	return &problem{p.String(), fmt.Sprintf(format, args...)}
}

func (c *validation) validate(n *node, v any, at *path) *problem {
	if n == nil {
		return nil
	}
	if n.never {
		return at.problem("is not allowed")
	}
	if c.steps++; c.steps > maxSteps {
		return at.problem("takes too long to check")
	}
	if len(n.types) > 0 {
		if got := typeOf(v); !slices.Contains(n.types, got) && !(got == "number" && slices.Contains(n.types, "integer") && rational(v.(json.Number)).IsInt()) {
			return at.problem("must be %s, not %s", strings.Join(n.types, " or "), got)
		}
	}
	for _, allowed := range [][]any{n.enum, n.constant} {
		if allowed != nil && !slices.ContainsFunc(allowed, func(one any) bool { return equal(v, one) }) {
			return at.problem("must be one of %s", choices(allowed))
		}
	}
	if p := c.validate(n.ref, v, at); p != nil {
		return p
	}
	var p *problem
	switch v := v.(type) {
	case json.Number:
		p = n.validateNumber(rational(v), at)
	case string:
		p = c.validateString(n, v, at)
	case []any:
		p = c.validateArray(n, v, at)
	case map[string]any:
		p = c.validateObject(n, v, at)
	}
	if p != nil {
		return p
	}
	return c.validateBranches(n, v, at)
}

func (c *validation) validateBranches(n *node, v any, at *path) *problem {
	for _, branch := range n.allOf {
		if p := c.validate(branch, v, at); p != nil {
			return p
		}
	}
	if _, first := c.matches(n.anyOf, v, at, 1); first != nil {
		return first
	}
	// Which of two branches holds may depend on a keyword that is not checked.
	most := 2
	if slices.ContainsFunc(n.oneOf, func(branch *node) bool { return branch.incomplete }) {
		most = 1
	}
	matched, first := c.matches(n.oneOf, v, at, most)
	if matched > 1 {
		return at.problem("must match exactly one of the schemas of oneOf")
	}
	return first
}

// matches counts the branches that a value matches, up to most. Where it matches none, first is the first problem.
func (c *validation) matches(branches []*node, v any, at *path, most int) (matched int, first *problem) {
	for _, branch := range branches {
		p := c.validate(branch, v, at)
		if p == nil {
			matched++
		} else if first == nil {
			first = p
		}
		if matched == most {
			break
		}
	}
	if matched > 0 {
		first = nil
	}
	return matched, first
}

func (n *node) validateNumber(v *big.Rat, at *path) *problem {
	for _, limit := range []struct {
		name  string
		value *big.Rat
		wrong func(compared int) bool
	}{
		{"minimum", n.minimum, func(c int) bool { return c < 0 }},
		{"maximum", n.maximum, func(c int) bool { return c > 0 }},
		{"exclusiveMinimum", n.above, func(c int) bool { return c <= 0 }},
		{"exclusiveMaximum", n.below, func(c int) bool { return c >= 0 }},
	} {
		if limit.value != nil && limit.wrong(v.Cmp(limit.value)) {
			return at.problem("%s: got %v, want %v", limit.name, float(v), float(limit.value))
		}
	}
	if n.multipleOf != nil && !new(big.Rat).Quo(v, n.multipleOf).IsInt() {
		return at.problem("multipleOf: got %v, want %v", float(v), float(n.multipleOf))
	}
	return nil
}

func checkCount(name string, got int, least, most *int, at *path) *problem {
	if least != nil && got < *least {
		return at.problem("min%s: got %d, want %d", name, got, *least)
	}
	if most != nil && got > *most {
		return at.problem("max%s: got %d, want %d", name, got, *most)
	}
	return nil
}

func (c *validation) validateString(n *node, v string, at *path) *problem {
	if p := checkCount("Length", utf8.RuneCountInString(v), n.minLength, n.maxLength, at); p != nil {
		return p
	}
	if n.pattern != nil && !c.match(n.pattern, v) {
		return at.problem("must match %s", n.pattern)
	}
	return nil
}

// match counts steps by the time that a match takes, which is proportional to the text and to the expression.
func (c *validation) match(p *pattern, text string) bool {
	c.steps += len(text) * p.instructions / 32
	return c.steps <= maxSteps && p.MatchString(text)
}

func (c *validation) validateArray(n *node, v []any, at *path) *problem {
	if p := checkCount("Items", len(v), n.minItems, n.maxItems, at); p != nil {
		return p
	}
	if n.unique {
		seen := map[string]int{}
		for j, item := range v {
			key := string(canonical(nil, item))
			if i, ok := seen[key]; ok {
				return at.problem("items at %d and %d are equal", i, j)
			}
			seen[key] = j
		}
	}
	for i, item := range v {
		schema := n.items
		if i < len(n.prefixItems) {
			schema = n.prefixItems[i]
		}
		if p := c.validate(schema, item, &path{at, strconv.Itoa(i)}); p != nil {
			return p
		}
	}
	return nil
}

func (c *validation) validateObject(n *node, v map[string]any, at *path) *problem {
	if p := checkCount("Properties", len(v), n.minProperties, n.maxProperties, at); p != nil {
		return p
	}
	for _, name := range n.required {
		if _, ok := v[name]; !ok {
			return (&path{at, name}).problem("is missing")
		}
	}
	if n.properties == nil && n.patternProperties == nil && n.additional == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		inner := &path{at, name}
		schema, known := n.properties[name]
		if p := c.validate(schema, v[name], inner); p != nil {
			return p
		}
		for _, by := range n.patternProperties {
			if c.match(by.pattern, name) {
				known = true
				if p := c.validate(by.schema, v[name], inner); p != nil {
					return p
				}
			}
		}
		if known || n.additional == nil {
			continue
		}
		if n.additional.never {
			return inner.problem("is not a parameter of this tool")
		}
		if p := c.validate(n.additional, v[name], inner); p != nil {
			return p
		}
	}
	return nil
}

func choices(values []any) string {
	b, err := json.Marshal(values)
	if err != nil {
		return "the listed values"
	}
	return strings.Trim(strings.ReplaceAll(string(b), `","`, `", "`), "[]")
}
