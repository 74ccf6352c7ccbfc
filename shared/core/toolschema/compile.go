package toolschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// maxInstructions bounds the regular expressions of a schema, all together, as the regexp package counts their size.
const maxInstructions = 10_000

// node is a compiled schema. A nil pointer, slice or map is a keyword that the schema does not have.
type node struct {
	never                                      bool // the schema false
	incomplete                                 bool // it has keywords, itself or in its branches, that are not checked
	types                                      []string
	enum, constant                             []any // constant has one value
	minimum, maximum, above, below, multipleOf *big.Rat
	minLength, maxLength, minItems, maxItems   *int
	minProperties, maxProperties               *int
	pattern                                    *pattern
	unique                                     bool
	items, additional, ref                     *node
	prefixItems, allOf, anyOf, oneOf           []*node
	required                                   []string
	properties                                 map[string]*node
	patternProperties                          []patternProperty
}

type pattern struct {
	*regexp.Regexp
	instructions int
}

type patternProperty struct {
	pattern *pattern
	schema  *node
}

// unchecked lists the keywords that say more about a value and are accepted without being checked. See doc.go.
var unchecked = []string{"not", "if", "contains", "propertyNames", "dependencies", "dependentSchemas", "dependentRequired", "unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef"}

var typeNames = []string{"array", "boolean", "integer", "null", "number", "object", "string"}

// compiler compiles one document. Its methods record the first error in err and go on.
type compiler struct {
	document     map[string]any
	nodes        map[string]*node // by JSON pointer
	instructions int
	err          error
}

func (c *compiler) fail(pointer, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%s: "+format, append([]any{orRoot(pointer)}, args...)...)
	}
}

func orRoot(pointer string) string {
	if pointer == "" {
		return "the schema"
	}
	return pointer
}

func (c *compiler) compile(v any, pointer string) *node {
	if n := c.nodes[pointer]; n != nil {
		return n
	}
	n := &node{}
	c.nodes[pointer] = n
	switch v := v.(type) {
	case bool:
		n.never = !v
	case map[string]any:
		s := keywords{compiler: c, of: v, pointer: pointer}
		s.compileValue(n)
		s.compileObject(n)
		s.compileBranches(n)
	default:
		c.fail(pointer, "must be a schema: an object, true or false")
	}
	return n
}

// keywords reads the keywords of one schema.
type keywords struct {
	*compiler
	of      map[string]any
	pointer string
}

func (k keywords) compileValue(n *node) {
	if v, ok := k.of["type"]; ok {
		if one, ok := v.(string); ok {
			v = []any{one}
		}
		n.types = k.stringList("type", v)
		for _, t := range n.types {
			if !slices.Contains(typeNames, t) {
				k.fail(k.pointer, "type must not be %.40q", t)
			}
		}
		slices.Sort(n.types) // the order of the message
	}
	if v, ok := k.of["enum"]; ok {
		if n.enum, ok = v.([]any); !ok {
			k.fail(k.pointer, "enum must be a list")
		}
	}
	if v, ok := k.of["const"]; ok {
		n.constant = []any{v}
	}
	n.minimum, n.maximum = k.number("minimum"), k.number("maximum")
	n.above, n.below = k.number("exclusiveMinimum"), k.number("exclusiveMaximum")
	if k.of["exclusiveMinimum"] == true { // draft 4
		n.minimum, n.above = nil, n.minimum
	}
	if k.of["exclusiveMaximum"] == true {
		n.maximum, n.below = nil, n.maximum
	}
	if n.multipleOf = k.number("multipleOf"); n.multipleOf != nil && n.multipleOf.Sign() <= 0 {
		k.fail(k.pointer, "multipleOf must be more than 0")
	}
	n.minLength, n.maxLength = k.count("minLength"), k.count("maxLength")
	if v, ok := k.of["pattern"]; ok {
		text, ok := v.(string)
		if !ok {
			k.fail(k.pointer, "pattern must be a string")
		}
		n.pattern = k.regexp(text)
	}
	n.minItems, n.maxItems = k.count("minItems"), k.count("maxItems")
	n.unique = k.of["uniqueItems"] == true
}

func (k keywords) compileObject(n *node) {
	n.minProperties, n.maxProperties = k.count("minProperties"), k.count("maxProperties")
	if v, ok := k.of["required"]; ok {
		n.required = k.stringList("required", v)
	}
	n.properties = k.schemas("properties")
	patterns := k.schemas("patternProperties")
	for _, text := range slices.Sorted(maps.Keys(patterns)) {
		n.patternProperties = append(n.patternProperties, patternProperty{k.regexp(text), patterns[text]})
	}
	n.additional = k.schema("additionalProperties")
	rest := "items"
	if _, ok := k.of["items"].([]any); ok { // before draft 2020-12
		n.prefixItems, rest = k.list("items"), "additionalItems"
	} else {
		n.prefixItems = k.list("prefixItems")
	}
	n.items = k.schema(rest)
}

func (k keywords) compileBranches(n *node) {
	n.allOf, n.anyOf, n.oneOf = k.list("allOf"), k.list("anyOf"), k.list("oneOf")
	if v, ok := k.of["$ref"]; ok {
		n.ref = k.resolve(v)
	}
	n.incomplete = slices.ContainsFunc(unchecked, func(name string) bool { _, ok := k.of[name]; return ok })
}

// spreadIncomplete marks the schemas that lead to an incomplete one, until nothing changes: schemas may be recursive.
func (c *compiler) spreadIncomplete() {
	for changed := true; changed; {
		changed = false
		for _, n := range c.nodes {
			if !n.incomplete && slices.ContainsFunc(n.children(), func(child *node) bool { return child.incomplete }) {
				n.incomplete, changed = true, true
			}
		}
	}
}

func (n *node) children() []*node {
	all := slices.Concat(slices.Collect(maps.Values(n.properties)), n.allOf, n.anyOf, n.oneOf, n.prefixItems, []*node{n.items, n.additional, n.ref})
	for _, by := range n.patternProperties {
		all = append(all, by.schema)
	}
	return slices.DeleteFunc(all, func(child *node) bool { return child == nil })
}

// resolve returns the schema that a $ref leads to. checkReferences has seen that it stays in the document.
func (k keywords) resolve(ref any) *node {
	text, _ := ref.(string)
	pointer, err := decodeFragment(text)
	if err != nil {
		k.fail(k.pointer, "%.200q is not a reference", text)
		return nil
	}
	v, ok := lookup(k.document, pointer)
	if !ok {
		k.fail(k.pointer, "%.200q leads nowhere", text)
		return nil
	}
	return k.compile(v, pointer)
}

func (k keywords) regexp(text string) *pattern {
	tree, err := syntax.Parse(text, syntax.Perl)
	if err == nil {
		var program *syntax.Prog
		if program, err = syntax.Compile(tree.Simplify()); err == nil {
			k.instructions += len(program.Inst)
			if k.instructions > maxInstructions {
				err = errors.New("the regular expressions of the schema are too large")
			} else if e, wrong := regexp.Compile(text); wrong == nil {
				return &pattern{e, len(program.Inst)}
			}
		}
	}
	k.fail(k.pointer, "%.80q is not a regex that can be used: %w", text, err)
	return nil
}

func (k keywords) number(name string) *big.Rat {
	switch v := k.of[name].(type) {
	case nil:
	case bool:
		if strings.HasPrefix(name, "exclusive") { // draft 4
			return nil
		}
		k.fail(k.pointer, "%s must be a number", name)
	case json.Number:
		return rational(v)
	default:
		k.fail(k.pointer, "%s must be a number", name)
	}
	return nil
}

// count reads a whole number of at least 0. JSON Schema takes 1.0 for one.
func (k keywords) count(name string) *int {
	v, ok := k.of[name]
	if !ok {
		return nil
	}
	if n, ok := v.(json.Number); ok {
		if r := rational(n); r.IsInt() && r.Sign() >= 0 && r.Num().IsInt64() {
			count := int(r.Num().Int64())
			return &count
		}
	}
	k.fail(k.pointer, "%s must be a whole number of at least 0", name)
	return nil
}

func (k keywords) stringList(name string, v any) []string {
	list, ok := v.([]any)
	texts := make([]string, 0, len(list))
	for _, item := range list {
		text, isText := item.(string)
		ok = ok && isText
		texts = append(texts, text)
	}
	if !ok {
		k.fail(k.pointer, "%s must be a list of strings", name)
	}
	return texts
}

func (k keywords) schema(name string) *node {
	v, ok := k.of[name]
	if !ok {
		return nil
	}
	return k.compile(v, join(k.pointer, name))
}

func (k keywords) list(name string) []*node {
	v, ok := k.of[name]
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		k.fail(k.pointer, "%s must be a list with at least one schema", name)
	}
	nodes := make([]*node, len(list))
	for i, item := range list {
		nodes[i] = k.compile(item, join(k.pointer, name, strconv.Itoa(i)))
	}
	return nodes
}

func (k keywords) schemas(name string) map[string]*node {
	v, ok := k.of[name]
	if !ok {
		return nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		k.fail(k.pointer, "%s must be an object", name)
	}
	nodes := make(map[string]*node, len(object))
	for key, schema := range object {
		nodes[key] = k.compile(schema, join(k.pointer, name, key))
	}
	return nodes
}
