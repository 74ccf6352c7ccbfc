package liquid

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Check returns what is wrong with a template: what cannot be parsed, and what fails when it is rendered with variables that
// are missing, empty, or filled with samples of different types.
func Check(source string) []error {
	t, invalid := Parse(source)
	var problems []error
	for _, e := range invalid {
		problems = append(problems, e)
	}
	if len(problems) > 0 {
		return problems
	}
	u := findUsage(t)
	clock := Clock{Zone: time.UTC, Now: func() time.Time { return time.Unix(0, 0) }}
	for _, s := range u.samples() {
		_, failed := t.Render(context.Background(), s.vars, clock)
		for _, e := range failed {
			// A list or an object is not a number. Whether it can come where a number is wanted is not known.
			if s.isOddType && errors.Is(e, errDivisionByZero) {
				continue
			}
			problems = append(problems, fmt.Errorf("%w, when %s", e, s.description))
		}
		if len(problems) > 0 {
			return problems
		}
	}
	return nil
}

// usage is how a template uses a variable, or a property of one.
type usage struct {
	properties map[string]*usage
	item       *usage // of a list
	compared   []any  // the values it is compared with
}

func (u *usage) property(name string) *usage {
	if u.properties == nil {
		u.properties = map[string]*usage{}
	}
	if u.properties[name] == nil {
		u.properties[name] = &usage{}
	}
	return u.properties[name]
}

func (u *usage) listItem() *usage {
	if u.item == nil {
		u.item = &usage{}
	}
	return u.item
}

// sample is one set of variables.
type sample struct {
	description string
	vars        map[string]any
	isOddType   bool
}

// Limits on the number of samples.
const (
	maxCompared = 10  // that have the values that variables are compared with
	maxLeaves   = 100 // variables that are left out or empty, one at a time
)

// leaf is a variable, or a property of one, of which no property is used.
type leaf struct {
	name  string
	usage *usage
}

// leaves returns the first leaves in alphabetical order.
func (u *usage) leaves(name string) []leaf {
	if u.properties == nil && u.item == nil {
		return []leaf{{name, u}}
	}
	var all []leaf
	if u.item != nil {
		all = u.item.leaves(name + "[]")
	}
	for _, property := range slices.Sorted(maps.Keys(u.properties)) {
		path := property
		if name != "" {
			path = name + "." + property
		}
		all = append(all, u.properties[property].leaves(path)...)
	}
	return all[:min(len(all), maxLeaves)]
}

// samples returns the sets of variables that a template is checked with.
func (u *usage) samples() []sample {
	all := []sample{{"variables are missing", nil, false}}
	add := func(description string, isOddType bool, scalar any) {
		all = append(all, sample{description, u.fill(func(*usage) any { return scalar }, isEmpty(scalar)), isOddType})
	}
	add("variables are empty", false, "")
	add("variables are texts", false, "3")
	add("variables are numbers", false, int64(3))
	add("variables are numbers with a fraction", false, 2.5)
	add("variables are true", true, true)
	add("variables are lists", true, []any{"a", int64(2), nil})
	add("variables are objects", true, map[string]any{"name": "a", "number": int64(2)})
	for _, leaf := range u.leaves("") {
		without := func(value any) map[string]any {
			return u.fill(func(v *usage) any {
				if v == leaf.usage {
					return value
				}
				return "3"
			}, false)
		}
		all = append(all, sample{leaf.name + " is missing", without(nil), false}, sample{leaf.name + " is empty", without(""), false})
	}
	for i := range min(u.maxCompared(), maxCompared) {
		all = append(all, sample{"variables have the values that they are compared with", u.fill(func(v *usage) any {
			if len(v.compared) == 0 {
				return "3"
			}
			return v.compared[i%len(v.compared)]
		}, false), false})
	}
	return all
}

func (u *usage) maxCompared() int {
	n := len(u.compared)
	if u.item != nil {
		n = max(n, u.item.maxCompared())
	}
	for _, p := range u.properties {
		n = max(n, p.maxCompared())
	}
	return n
}

// fill returns an object with the properties that a template uses.
func (u *usage) fill(scalar func(*usage) any, emptyLists bool) map[string]any {
	object := map[string]any{}
	for name, p := range u.properties {
		switch {
		case p.item != nil && emptyLists:
			object[name] = []any{}
		case p.item != nil:
			item := p.item.value(scalar)
			object[name] = []any{item, item, item}
		default:
			object[name] = p.value(scalar)
		}
	}
	return object
}

func (u *usage) value(scalar func(*usage) any) any {
	if u.properties != nil {
		return u.fill(scalar, false)
	}
	return scalar(u)
}

// usageFinder walks through a template.
type usageFinder struct {
	root  *usage
	local map[string]*usage // variables of loops, and those that are assigned
}

// findUsage returns the variables of a template as the properties of one object.
func findUsage(t *Template) *usage {
	f := &usageFinder{root: &usage{}, local: map[string]*usage{"forloop": {}}}
	f.nodes(t.nodes)
	return f.root
}

func (f *usageFinder) nodes(nodes []node) {
	for _, n := range nodes {
		f.node(n)
	}
}

func (f *usageFinder) node(n node) {
	switch n := n.(type) {
	case blockNode:
		f.nodes(n)
	case outputNode:
		f.expression(n.value)
	case assignNode:
		if u := f.expression(n.value); u != nil {
			f.local[n.name] = u
		} else {
			f.local[n.name] = &usage{}
		}
	case captureNode:
		f.nodes(n.body)
		f.local[n.name] = &usage{}
	case ifNode:
		f.branches(n.branches, nil)
	case caseNode:
		f.branches(n.branches, f.expression(n.subject))
	case cycleNode:
		f.expressions(n.values)
	case *ifChangedNode:
		f.nodes(n.body)
	case *forNode:
		f.loop(n)
	}
}

func (f *usageFinder) loop(n *forNode) {
	item := &usage{}
	if list := f.expression(n.list); list != nil {
		item = list.listItem()
	}
	f.expressions([]expression{n.limit, n.offset})
	before, shadowed := f.local[n.variable]
	f.local[n.variable] = item
	f.nodes(n.body)
	delete(f.local, n.variable)
	if shadowed {
		f.local[n.variable] = before
	}
	f.nodes(n.otherwise)
}

// branches walks through the branches of if, unless and case. subject is what the values of case are compared with.
func (f *usageFinder) branches(branches []branch, subject *usage) {
	for _, b := range branches {
		f.expressions(b.conditions)
		for _, c := range b.conditions {
			addCompared(subject, c)
		}
		f.nodes(b.body)
	}
}

func addCompared(u *usage, with expression) {
	if l, ok := with.(literal); ok && u != nil && !slices.Contains(u.compared, l.value) {
		u.compared = append(u.compared, l.value)
	}
}

func (f *usageFinder) expressions(all []expression) {
	for _, e := range all {
		f.expression(e)
	}
}

// expression walks through an expression. It returns the usage of the variable that the expression is, or nil.
func (f *usageFinder) expression(e expression) *usage {
	switch e := e.(type) {
	case variable:
		return f.variable(e)
	case rangeExpression:
		f.expressions([]expression{e.from, e.to})
	case logical:
		f.expressions([]expression{e.left, e.right})
	case truth:
		f.expression(e.of)
	case comparison:
		addCompared(f.expression(e.left), e.right)
		addCompared(f.expression(e.right), e.left)
	case filtered:
		return f.filtered(e)
	}
	return nil
}

func (f *usageFinder) variable(v variable) *usage {
	name, isName := v.name.(literal)
	if !isName {
		f.expression(v.name)
		return nil
	}
	text, _ := name.value.(string)
	u := f.local[text]
	if u == nil {
		u = f.root.property(text)
	}
	for _, step := range v.path {
		l, isLiteral := step.(literal)
		property, isText := l.value.(string)
		switch {
		case !isLiteral:
			f.expression(step)
			return nil
		case !isText, property == "first", property == "last":
			u = u.listItem()
		case property == "size":
			return nil
		default:
			u = u.property(property)
		}
	}
	return u
}

// filtered returns the usage of the list that filters such as sort and where return a part of.
func (f *usageFinder) filtered(e filtered) *usage {
	u := f.expression(e.input)
	for _, c := range e.calls {
		f.expressions(c.args)
		for _, named := range c.named {
			f.expression(named)
		}
		if u == nil || c.use != listValue {
			u = nil
			continue
		}
		item := u.listItem()
		if len(c.args) > 0 {
			if l, ok := c.args[0].(literal); ok && c.name != "join" && c.name != "concat" {
				if name, ok := l.value.(string); ok {
					item.property(name)
				}
			}
		}
		if !slices.Contains([]string{"where", "reject", "sort", "sort_natural", "reverse", "uniq", "compact"}, c.name) {
			u = nil
		}
	}
	return u
}
