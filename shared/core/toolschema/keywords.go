package toolschema

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// all reads the schema's keywords in the order in which their complaints are told.
func (k *keywords) all() {
	k.identity()
	k.kinds()
	k.format()
	if ref, ok := k.text("$ref", 4); ok {
		k.refer(ref)
		if k.draft < 2019 { // nothing stands beside it there
			only := k.checks[len(k.checks)-1:]
			k.idle = true
			defer func() { k.checks = only }()
		}
	}
	k.objects()
	k.lists()
	k.texts()
	k.numbers()
	for _, name := range []string{"$recursiveRef", "$dynamicRef"} { // in one document they are as $ref
		if ref, ok := k.text(name, map[string]int{"$recursiveRef": 2019, "$dynamicRef": 2020}[name]); ok && !(k.draft == 2020 && name == "$recursiveRef") {
			k.dynamic = true
			k.refer(ref)
		}
	}
	k.combined()
	k.unevaluated()
}

// identity reads what names a schema, and what only describes it.
func (k *keywords) identity() {
	for _, a := range []struct {
		name  string
		since int
	}{{"title", 4}, {"description", 4}, {"$comment", 7}, {"contentEncoding", 7}, {"contentMediaType", 7}, {"format", 4}} {
		k.text(a.name, a.since)
	}
	k.flag("readOnly", 7)
	k.flag("writeOnly", 7)
	k.flag("deprecated", 2019)
	k.list("examples", 6, 0)
	k.address()
	for _, name := range []string{"$anchor", "$dynamicAnchor"} {
		if anchor, ok := k.text(name, map[string]int{"$anchor": 2019, "$dynamicAnchor": 2020}[name]); ok {
			k.anchor(anchor)
		}
	}
	k.idle = true
	k.named("$defs", 2019)
	k.named("definitions", 4)
	k.one("contentSchema", 2019)
	k.idle = false
}

// address reads the name by which others may refer to a schema, and within which it refers to others.
func (k *keywords) address() {
	id, ok := k.text(k.id(), 4)
	if _, refers := k.of["$ref"]; !ok || id == "" || refers && k.draft < 2019 {
		return
	}
	u, err := url.Parse(id)
	if err != nil || k.draft >= 2019 && u.Fragment != "" {
		k.fail(k.id(), "must be an address")
		return
	}
	if k.draft < 2019 && u.Fragment != "" {
		defer func() { k.anchor(u.Fragment) }()
	}
	if id[0] == '#' {
		return
	}
	address := k.in.address.ResolveReference(u)
	name := unfragmented(*address)
	if other := k.parts[name]; other != nil && other.pointer != k.pointer {
		k.fail(k.id(), fmt.Sprintf("%.100q is there twice", id))
		return
	}
	k.in = &part{address, k.pointer, map[string]string{}}
	k.parts[name] = k.in
}

func (k *keywords) anchor(name string) {
	if other, ok := k.in.anchors[name]; ok && other != k.pointer {
		k.fail("anchor", fmt.Sprintf("%.100q is there twice", name))
	}
	k.in.anchors[name] = k.pointer
}

var types = []string{"array", "boolean", "integer", "null", "number", "object", "string"}

// kinds reads type, const and enum.
func (k *keywords) kinds() {
	if v, ok := k.value("type", 4); ok {
		if one, ok := v.(string); ok {
			v = []any{one}
		}
		want := k.names("type", v, 1)
		for _, t := range want {
			if !slices.Contains(types, t) {
				k.fail("type", fmt.Sprintf("must not be %.40q", t))
			}
		}
		slices.Sort(want) // as they are told
		k.add(func(f *frame) *complaint {
			got := typeOf(f.value)
			if slices.Contains(want, got) {
				return nil
			}
			if n, ok := f.value.(json.Number); ok && slices.Contains(want, "integer") && number(n).IsInt() {
				return nil
			}
			return f.complain("must be " + strings.Join(want, " or ") + ", not " + got)
		})
	}
	if v, ok := k.value("const", 6); ok {
		k.add(func(f *frame) *complaint {
			if equal(f.value, v) {
				return nil
			}
			return f.complain("value must be " + choices([]any{v}))
		})
	}
	if _, ok := k.value("enum", 4); ok {
		least := 0
		if k.draft < 7 {
			least = 1
		}
		list := k.list("enum", 4, least)
		k.different("enum", list)
		k.add(func(f *frame) *complaint {
			if slices.ContainsFunc(list, func(v any) bool { return equal(f.value, v) }) {
				return nil
			}
			return f.complain("must be one of " + choices(list))
		})
	}
}

// different refuses equal values where the draft does.
func (k *keywords) different(name string, list []any) {
	if k.draft > 7 {
		return
	}
	if i, _ := twice(list); i >= 0 {
		k.fail(name, "must be different values")
	}
}

// twice finds two equal values; -1 where there are none.
func twice(list []any) (int, int) {
	seen := make(map[string]int, len(list))
	for j, v := range list {
		key := string(canonical(nil, v))
		if i, ok := seen[key]; ok {
			return i, j
		}
		seen[key] = j
	}
	return -1, -1
}

func choices(of []any) string {
	b, err := json.Marshal(of)
	if err != nil {
		return "the listed values"
	}
	return strings.Trim(strings.ReplaceAll(string(b), `","`, `", "`), "[]")
}

// format reads what only the drafts before 2019 assert.
func (k *keywords) format() {
	name, _ := k.text("format", 4)
	valid := formats[name]
	if k.draft >= 2019 || valid == nil {
		return
	}
	k.add(of(func(f *frame, s string) *complaint {
		if valid(s) {
			return nil
		}
		return f.complain("is not valid " + name)
	}))
}

// pattern compiles an expression of the schema's.
func (k *keywords) pattern(name, text string) *regexp.Regexp {
	e, err := regexp.Compile(text)
	if err != nil {
		wrong := fmt.Errorf("%s: %s is no regex that can be used: %w", orRoot(k.pointer), name, err)
		if name == "patternProperties" && k.draft < 7 { // where it is none, it harms only if it is used
			k.broken = wrong
		} else if k.wrong == nil {
			k.wrong = wrong
		}
	}
	return e
}

func (k *keywords) texts() {
	length := func(s string) int { return utf8.RuneCountInString(s) }
	if least, ok := k.count("minLength", 4); ok {
		k.add(of(func(f *frame, s string) *complaint { return f.least("minLength", length(s), least) }))
	}
	if most, ok := k.count("maxLength", 4); ok {
		k.add(of(func(f *frame, s string) *complaint { return f.most("maxLength", length(s), most) }))
	}
	if text, ok := k.text("pattern", 4); ok {
		e := k.pattern("pattern", text)
		k.add(of(func(f *frame, s string) *complaint {
			if e.MatchString(s) {
				return nil
			}
			return f.complain("must match " + text)
		}))
	}
}

func (f *frame) least(name string, got, want int) *complaint {
	if got >= want {
		return nil
	}
	return f.complain(name + ": got " + strconv.Itoa(got) + ", want " + strconv.Itoa(want))
}

func (f *frame) most(name string, got, want int) *complaint {
	if got <= want {
		return nil
	}
	return f.complain(name + ": got " + strconv.Itoa(got) + ", want " + strconv.Itoa(want))
}

func (k *keywords) lists() {
	if least, ok := k.count("minItems", 4); ok {
		k.add(of(func(f *frame, list []any) *complaint { return f.least("minItems", len(list), least) }))
	}
	if most, ok := k.count("maxItems", 4); ok {
		k.add(of(func(f *frame, list []any) *complaint { return f.most("maxItems", len(list), most) }))
	}
	if k.flag("uniqueItems", 4) {
		k.add(of(func(f *frame, list []any) *complaint {
			if i, j := twice(list); i >= 0 {
				return f.complain(fmt.Sprintf("items at %d and %d are equal", i, j))
			}
			return nil
		}))
	}
	k.items()
	least, most := 1, math.MaxInt
	if m, ok := k.count("minContains", 2019); ok {
		least = m
	}
	if m, ok := k.count("maxContains", 2019); ok {
		most = m
	}
	if n := k.one("contains", 6); n != nil {
		k.add(contains(n, least, most, k.draft >= 2020))
	}
}

func (k *keywords) items() {
	if k.draft >= 2020 {
		first := k.many("prefixItems", 2020)
		if len(first) > 0 {
			k.add(each(first))
		}
		if n := k.one("items", 2020); n != nil {
			k.add(items(n, len(first)))
		}
		return
	}
	others := k.one("additionalItems", 4)
	if _, ok := k.of["items"].([]any); !ok {
		if n := k.one("items", 4); n != nil {
			k.add(items(n, 0))
		}
		return
	}
	first := k.many("items", 4)
	k.add(each(first))
	if others == nil {
		return
	}
	if others.never {
		k.add(of(func(f *frame, list []any) *complaint {
			if n := len(list) - len(first); n > 0 {
				return f.complain(fmt.Sprintf("last %d additionalItem(s) not allowed", n))
			}
			return nil
		}))
		return
	}
	k.add(items(others, len(first)))
}

func (k *keywords) combined() {
	if n := k.one("not", 4); n != nil {
		k.add(not(n))
	}
	for _, n := range k.many("allOf", 4) {
		k.add(func(f *frame) *complaint { return f.same(n) })
	}
	if nodes := k.many("anyOf", 4); len(nodes) > 0 {
		k.add(anyOf(nodes))
	}
	if nodes := k.many("oneOf", 4); len(nodes) > 0 {
		k.add(oneOf(nodes))
	}
	idle := k.idle
	if _, ok := k.of["if"]; !ok {
		k.idle = true
	}
	then, otherwise := k.one("then", 7), k.one("else", 7)
	k.idle = idle
	if n := k.one("if", 7); n != nil {
		k.add(conditional(n, then, otherwise))
	}
}

// unevaluated reads what judges the properties and items that nothing else has judged.
func (k *keywords) unevaluated() {
	if n := k.one("unevaluatedProperties", 2019); n != nil {
		k.add(of(func(f *frame, object map[string]any) *complaint {
			for _, name := range sorted(object) {
				if !f.seen.properties[name] {
					if c := f.under(n, name, object[name]); c != nil {
						return c
					}
					f.seen.property(name)
				}
			}
			return nil
		}))
	}
	if n := k.one("unevaluatedItems", 2019); n != nil {
		k.add(of(func(f *frame, list []any) *complaint {
			for i, item := range list {
				if !f.seen.items[i] {
					if c := f.under(n, strconv.Itoa(i), item); c != nil {
						return c
					}
					f.seen.item(i)
				}
			}
			return nil
		}))
	}
}
