package toolschema

import (
	"fmt"
	"regexp"
	"strings"
)

func (k *keywords) objects() {
	if least, ok := k.count("minProperties", 4); ok {
		k.add(of(func(f *frame, o map[string]any) *complaint { return f.least("minProperties", len(o), least) }))
	}
	if most, ok := k.count("maxProperties", 4); ok {
		k.add(of(func(f *frame, o map[string]any) *complaint { return f.most("maxProperties", len(o), most) }))
	}
	if v, ok := k.value("required", 4); ok {
		least := 0
		if k.draft == 4 {
			least = 1
		}
		for _, name := range k.names("required", v, least) {
			k.add(of(func(f *frame, o map[string]any) *complaint {
				if _, ok := o[name]; ok {
					return nil
				}
				return f.complainOf(name, "is missing")
			}))
		}
	}
	k.dependencies("dependencies", 4)
	k.properties()
	if n := k.one("propertyNames", 6); n != nil {
		k.add(of(func(f *frame, o map[string]any) *complaint {
			for _, name := range sorted(o) {
				if f.under(n, name, name) != nil {
					return f.complain("invalid propertyName '" + name + "'")
				}
			}
			return nil
		}))
	}
	k.dependencies("dependentSchemas", 2019)
	k.dependencies("dependentRequired", 2019)
}

// dependencies reads what else must be there, or hold, where a property is.
func (k *keywords) dependencies(keyword string, since int) {
	object := k.object(keyword, since)
	for _, name := range sorted(object) {
		if _, ok := object[name].([]any); ok && keyword != "dependentSchemas" || keyword == "dependentRequired" {
			least := 0
			if k.draft == 4 {
				least = 1
			}
			needed := k.names(keyword, object[name], least)
			k.add(of(func(f *frame, o map[string]any) *complaint {
				if _, ok := o[name]; !ok {
					return nil
				}
				for _, other := range needed {
					if _, ok := o[other]; !ok {
						return f.complain(fmt.Sprintf("properties '%s' required, if '%s' exists", other, name))
					}
				}
				return nil
			}))
			continue
		}
		n := k.schemaOf(object[name], keyword, name)
		k.add(of(func(f *frame, o map[string]any) *complaint {
			if _, ok := o[name]; !ok {
				return nil
			}
			return f.same(n)
		}))
	}
}

// properties reads the keywords that share the properties among them.
func (k *keywords) properties() {
	named := k.named("properties", 4)
	type matched struct {
		name *regexp.Regexp
		node *node
	}
	var byPattern []matched
	patterns := k.named("patternProperties", 4)
	for _, text := range sorted(patterns) {
		byPattern = append(byPattern, matched{k.pattern("patternProperties", text), patterns[text]})
	}
	others := k.one("additionalProperties", 4)
	if len(named) == 0 && len(byPattern) == 0 && others == nil {
		return
	}
	k.add(of(func(f *frame, o map[string]any) *complaint {
		var left []string
		for _, name := range sorted(o) {
			n, judged := named[name]
			if judged {
				if c := f.under(n, name, o[name]); c != nil {
					return c
				}
			}
			for _, p := range byPattern {
				if p.name.MatchString(name) {
					judged = true
					if c := f.under(p.node, name, o[name]); c != nil {
						return c
					}
				}
			}
			if judged {
				f.seen.property(name)
			} else {
				left = append(left, name)
			}
		}
		return f.left(left, others, o)
	}))
}

// left judges the properties that no name and no pattern has.
func (f *frame) left(names []string, n *node, o map[string]any) *complaint {
	if n == nil {
		return nil
	}
	for _, name := range names {
		if n.never {
			return f.complainOf(name, "is not a parameter of this tool")
		}
		if c := f.under(n, name, o[name]); c != nil {
			return c
		}
		f.seen.property(name)
	}
	return nil
}

func hexadecimal(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == "" }
