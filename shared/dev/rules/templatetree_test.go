package rules_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v3"
)

// tree is a CloudFormation template or a part of one. Intrinsic functions are in the long form: {"Ref": …}, {"Fn::Sub": …}.
type tree map[string]any

// at returns the tree at a path of keys, or an empty tree.
func (t tree) at(path ...string) tree {
	for _, key := range path {
		switch next := t[key].(type) {
		case tree:
			t = next
		case map[string]any:
			t = next
		default:
			return nil
		}
	}
	return t
}

func (t tree) text(key string) string {
	switch v := t[key].(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

// number returns the number at a key, or 0.
func (t tree) number(key string) float64 {
	n, err := strconv.ParseFloat(t.text(key), 64)
	if err != nil {
		return 0
	}
	return n
}

// list returns the value at a key as a list; a single value is a list of one.
func (t tree) list(key string) []any {
	switch v := t[key].(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

func (t tree) trees(key string) []tree {
	var all []tree
	for _, v := range t.list(key) {
		if m, ok := v.(map[string]any); ok {
			all = append(all, m)
		}
	}
	return all
}

// ofType yields the id and properties of every resource of a type, ordered by id.
func (t tree) ofType(kind string) iter.Seq2[string, tree] {
	return func(yield func(string, tree) bool) {
		resources := t.at("Resources")
		for _, id := range slices.Sorted(maps.Keys(resources)) {
			if r := resources.at(id); r.text("Type") == kind && !yield(id, r.at("Properties")) {
				return
			}
		}
	}
}

// referencedIDs returns the logical ids that a value refers to, at any depth.
func referencedIDs(v any) []string {
	var found []string
	switch v := v.(type) {
	case tree:
		return referencedIDs(map[string]any(v))
	case []any:
		for _, e := range v {
			found = append(found, referencedIDs(e)...)
		}
	case map[string]any:
		for key, e := range v {
			switch e := e.(type) {
			case string:
				if key == "Ref" || key == "DependsOn" {
					found = append(found, e)
				}
				if key == "Fn::Sub" {
					found = append(found, placeholders(e)...)
				}
			case []any:
				for i, element := range e {
					text, _ := element.(string)
					switch {
					case key == "DependsOn" || key == "Fn::GetAtt" && i == 0:
						found = append(found, text)
					case key == "Fn::Sub" && i == 0:
						found = append(found, placeholders(text)...)
					}
				}
			}
			found = append(found, referencedIDs(e)...)
		}
	}
	return found
}

func placeholders(text string) []string {
	var found []string
	for _, part := range strings.Split(text, "${")[1:] {
		name, _, _ := strings.Cut(part, "}")
		name, _, _ = strings.Cut(name, ".")
		found = append(found, name)
	}
	return found
}

// sourceTemplate returns template.yaml as it is written.
func sourceTemplate(t *testing.T) tree {
	t.Helper()
	template, err := parseTemplate()
	if err != nil {
		t.Fatal(err)
	}
	return template
}

var parseTemplate = sync.OnceValues(func() (tree, error) {
	text, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	v, err := longForm(document.Content[0])
	if err != nil {
		return nil, err
	}
	// Through JSON, so that both templates hold the same Go types.
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var template tree
	return template, json.Unmarshal(b, &template)
})

// longForm converts CloudFormation's YAML tags, such as !Ref, to the long form.
func longForm(n *yaml.Node) (any, error) {
	var v any
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			e, err := longForm(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			m[n.Content[i].Value] = e
		}
		v = m
	case yaml.SequenceNode:
		s := []any{}
		for _, c := range n.Content {
			e, err := longForm(c)
			if err != nil {
				return nil, err
			}
			s = append(s, e)
		}
		v = s
	case yaml.ScalarNode:
		if strings.HasPrefix(n.Tag, "!!") {
			return v, n.Decode(&v)
		}
		v = n.Value
	default:
		return nil, fmt.Errorf("line %d: expected a scalar, a list or a map", n.Line)
	}
	switch tag := n.Tag; {
	case tag == "!Ref":
		return map[string]any{"Ref": v}, nil
	case tag == "!GetAtt":
		of, attribute, _ := strings.Cut(n.Value, ".")
		return map[string]any{"Fn::GetAtt": []any{of, attribute}}, nil
	case strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!"):
		return map[string]any{"Fn::" + tag[1:]: v}, nil
	}
	return v, nil
}
