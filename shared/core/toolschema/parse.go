package toolschema

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// drafts are the versions of JSON Schema, by what $schema says after the scheme.
var drafts = map[string]int{
	"json-schema.org/schema":               2020,
	"json-schema.org/draft/2020-12/schema": 2020,
	"json-schema.org/draft/2019-09/schema": 2019,
	"json-schema.org/draft-07/schema":      7,
	"json-schema.org/draft-06/schema":      6,
	"json-schema.org/draft-04/schema":      4,
}

// parser makes nodes of a document.
type parser struct {
	root    map[string]any
	draft   int
	nodes   map[string]*node // by JSON pointer
	parts   map[string]*part // by address
	refs    []reference
	dynamic bool // some reference goes by the way on which it was come to
}

// part is the document, or a schema within it that has an address of its own.
type part struct {
	address *url.URL
	pointer string
	anchors map[string]string // names of places: their JSON pointers
}

// reference leads from one schema to another, once all are there.
type reference struct {
	from *node
	at   string // JSON pointer of the schema that refers
	in   *part
	to   string
	is   func(*node)
}

func newParser(root map[string]any) (*parser, error) {
	p := &parser{root: root, draft: 2020, nodes: map[string]*node{}, parts: map[string]*part{}}
	if said, ok := root["$schema"]; ok {
		text, ok := said.(string)
		if !ok {
			return nil, errors.New("$schema must be a string")
		}
		bare := strings.TrimPrefix(strings.TrimPrefix(strings.TrimSuffix(text, "#"), "http://"), "https://")
		if p.draft, ok = drafts[bare]; !ok {
			return nil, fmt.Errorf("$schema is %.200q, which is no version of JSON Schema", text)
		}
	}
	return p, nil
}

// document makes all nodes and leads each reference to its own.
func (p *parser) document() (*node, error) {
	whole := &part{address: &url.URL{Scheme: "tool", Path: "/parameters"}, anchors: map[string]string{}}
	p.parts[whole.address.String()] = whole
	root, err := p.schema(p.root, "", whole)
	if err != nil {
		return nil, err
	}
	for i := 0; i < len(p.refs); i++ { // a reference may lead to what nothing else led to, with references in it
		r := p.refs[i]
		to, err := p.resolve(r.in, r.to)
		if err != nil {
			r.from.broken = fmt.Errorf("%s: %w", orRoot(r.at), err)
			continue
		}
		r.is(to)
		r.from.leads = append(r.from.leads, to)
	}
	if err := broken(root, map[*node]bool{}); err != nil {
		return nil, err
	}
	if p.dynamic {
		for _, part := range p.parts {
			if part.pointer != "" {
				return nil, fmt.Errorf("$dynamicRef beside %s within a schema is not supported", p.id())
			}
		}
	}
	return root, nil
}

// broken is a reference that leads nowhere in what a node applies. One in a definition that nothing uses does no harm.
func broken(n *node, seen map[*node]bool) error {
	if seen[n] {
		return nil
	}
	seen[n] = true
	if n.broken != nil {
		return n.broken
	}
	for _, next := range n.leads {
		if err := broken(next, seen); err != nil {
			return err
		}
	}
	return nil
}

func orRoot(pointer string) string {
	if pointer == "" {
		return "the schema"
	}
	return pointer
}

// resolve finds what a reference leads to. It never leaves the document.
func (p *parser) resolve(from *part, ref string) (*node, error) {
	u, err := url.Parse(ref)
	if err != nil {
		return nil, fmt.Errorf("%.200q is no reference", ref)
	}
	to := *from.address.ResolveReference(u)
	fragment := to.Fragment
	in := p.parts[unfragmented(to)]
	if in == nil {
		return nil, fmt.Errorf("%.200q leads to another document, and nothing is loaded from elsewhere", ref)
	}
	if fragment != "" && fragment[0] != '/' {
		pointer, ok := in.anchors[fragment]
		if !ok {
			return nil, fmt.Errorf("%.200q leads to an anchor that is not there", ref)
		}
		return p.nodes[pointer], nil
	}
	pointer := in.pointer + fragment
	if n := p.nodes[pointer]; n != nil {
		return n, nil
	}
	v, ok := at(p.root, pointer)
	if !ok {
		return nil, fmt.Errorf("%.200q leads nowhere", ref)
	}
	return p.schema(v, pointer, in)
}

func unfragmented(u url.URL) string {
	u.Fragment, u.RawFragment = "", ""
	return u.String()
}

// at follows a JSON pointer.
func at(v any, pointer string) (any, bool) {
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

func within(pointer string, names ...string) string {
	for _, name := range names {
		pointer += "/" + strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
	}
	return pointer
}

// id is the keyword that names a schema.
func (p *parser) id() string {
	if p.draft == 4 {
		return "id"
	}
	return "$id"
}

// schema makes the node of a schema. In draft 4 hardly any is true or false.
func (p *parser) schema(v any, pointer string, in *part) (_ *node, err error) {
	if n := p.nodes[pointer]; n != nil {
		return n, nil
	}
	n := &node{}
	p.nodes[pointer] = n
	if _, object := v.(map[string]any); !object {
		defer func() { n.broken = err }()
	}
	switch v := v.(type) {
	case bool:
		if p.draft == 4 && !strings.HasPrefix(pointer[strings.LastIndexByte(pointer, '/')+1:], "additional") {
			return nil, fmt.Errorf("%s must be an object", orRoot(pointer))
		}
		n.never = !v
		return n, nil
	case map[string]any:
		k := keywords{parser: p, node: n, of: v, pointer: pointer, in: in}
		k.all()
		if n.broken == nil {
			n.broken = k.wrong // for whatever else leads here
		}
		if k.wrong != nil {
			return nil, k.wrong
		}
		return n, nil
	}
	return nil, fmt.Errorf("%s must be a schema: an object, true or false", orRoot(pointer))
}

// keywords reads one schema's. What is wrong first stays in wrong.
type keywords struct {
	*parser
	*node
	of      map[string]any
	pointer string
	in      *part
	idle    bool // what is being read is there for references alone
	wrong   error
}

func (k *keywords) fail(name, why string) {
	if k.wrong == nil {
		k.wrong = fmt.Errorf("%s: %s %s", orRoot(k.pointer), name, why)
	}
}

func (k *keywords) add(c check) { k.checks = append(k.checks, c) }

// value is a keyword's, where the schema has it and its draft knows it.
func (k *keywords) value(name string, since int) (any, bool) {
	if k.draft < since {
		return nil, false
	}
	v, ok := k.of[name]
	return v, ok
}

func (k *keywords) text(name string, since int) (string, bool) {
	v, ok := k.value(name, since)
	if !ok {
		return "", false
	}
	s, ok := v.(string)
	if !ok {
		k.fail(name, "must be a string")
	}
	return s, ok
}

func (k *keywords) flag(name string, since int) bool {
	v, ok := k.value(name, since)
	if !ok {
		return false
	}
	b, ok := v.(bool)
	if !ok {
		k.fail(name, "must be true or false")
	}
	return b
}

// count is a whole number of at least 0.
func (k *keywords) count(name string, since int) (int, bool) {
	v, ok := k.value(name, since)
	if !ok {
		return 0, false
	}
	n, ok := whole(v)
	if !ok {
		k.fail(name, "must be a whole number of at least 0")
	}
	return n, ok
}

// list is a list with at least so many values.
func (k *keywords) list(name string, since, least int) []any {
	v, ok := k.value(name, since)
	if !ok {
		return nil
	}
	list, ok := v.([]any)
	if !ok || len(list) < least {
		k.fail(name, "must be a list"+map[bool]string{true: " with a value"}[least > 0])
	}
	return list
}

// names is a list of different strings.
func (k *keywords) names(name string, v any, least int) []string {
	list, ok := v.([]any)
	names, seen := make([]string, 0, len(list)), make(map[string]bool, len(list))
	for _, item := range list {
		s, text := item.(string)
		ok = ok && text && !seen[s]
		names, seen[s] = append(names, s), true
	}
	if !ok || len(list) < least {
		k.fail(name, "must be a list of different strings")
	}
	return names
}

func (k *keywords) object(name string, since int) map[string]any {
	v, ok := k.value(name, since)
	if !ok {
		return nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		k.fail(name, "must be an object")
	}
	return object
}

// schemaOf is a keyword's schema.
func (k *keywords) schemaOf(v any, names ...string) *node {
	n, err := k.schema(v, within(k.pointer, names...), k.in)
	if err != nil && k.wrong == nil {
		k.wrong = err
	}
	if n != nil && !k.idle {
		k.leads = append(k.leads, n)
	}
	return n
}

func (k *keywords) one(name string, since int) *node {
	v, ok := k.value(name, since)
	if !ok {
		return nil
	}
	return k.schemaOf(v, name)
}

func (k *keywords) many(name string, since int) []*node {
	list := k.list(name, since, 1)
	nodes := make([]*node, len(list))
	for i, v := range list {
		nodes[i] = k.schemaOf(v, name, strconv.Itoa(i))
	}
	return nodes
}

func (k *keywords) named(name string, since int) map[string]*node {
	object := k.object(name, since)
	nodes := make(map[string]*node, len(object))
	for _, of := range sorted(object) {
		nodes[of] = k.schemaOf(object[of], name, of)
	}
	return nodes
}

// refer adds a check that applies what a reference leads to.
func (k *keywords) refer(ref string) {
	var to *node
	k.refs = append(k.refs, reference{k.node, k.pointer, k.in, ref, func(n *node) { to = n }})
	k.add(func(f *frame) *complaint { return f.same(to) })
}
