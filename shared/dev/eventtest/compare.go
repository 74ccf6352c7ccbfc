package eventtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// compareField reports every value of got that is not the one of want. A body is compared byte by byte, since clients
// may depend on the order of its members; anything else is compared by its values.
func compareField(t *testing.T, name string, got, want json.RawMessage) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	have, wanted := leaves(t, name, got), leaves(t, name, want)
	if reflect.DeepEqual(have, wanted) {
		if name == "body" && got[0] != '"' { // a text has one spelling; how JSON escapes it does not count
			t.Errorf("the body has the wanted values in another order or spelling:\n got %s\nwant %s", got, want)
		}
		return
	}
	for _, path := range slices.Sorted(maps.Keys(have)) {
		switch value, expected := wanted[path]; {
		case !expected:
			t.Errorf("%s is %s; the case does not want it", path, have[path])
		case value != have[path]:
			t.Errorf("%s is %s, want %s", path, have[path], value)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(wanted)) {
		if _, ok := have[path]; !ok {
			t.Errorf("%s is missing, want %s", path, wanted[path])
		}
	}
}

// leaves returns the innermost values of a JSON text by their paths.
func leaves(t *testing.T, name string, text json.RawMessage) map[string]string {
	t.Helper()
	all := map[string]string{}
	if len(text) == 0 {
		return all
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s is no JSON: %v: %s", name, err, text)
	}
	addLeaves(t, all, name, v)
	return all
}

func addLeaves(t *testing.T, all map[string]string, path string, v any) {
	t.Helper()
	members := map[string]any{}
	switch v := v.(type) {
	case map[string]any:
		members = v
	case []any:
		for i, element := range v {
			members[fmt.Sprint(i)] = element
		}
	}
	if len(members) == 0 {
		all[path] = string(encode(t, v))
	}
	for name, member := range members {
		addLeaves(t, all, path+"."+name, member)
	}
}

// inOrder returns the fields as one JSON object: the answer first.
func inOrder(t *testing.T, fields map[string]json.RawMessage) json.RawMessage {
	t.Helper()
	names := []string{"status", "headers", "stream", "body"}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	var members [][]byte
	for _, name := range names {
		if value, ok := fields[name]; ok {
			members = append(members, slices.Concat(encode(t, name), []byte(":"), value))
		}
	}
	return slices.Concat([]byte("{"), bytes.Join(members, []byte(",")), []byte("}"))
}

// asYAML returns what was observed, for a person to look at and to paste into cases.yaml.
func asYAML(t *testing.T, fields map[string]json.RawMessage) []byte {
	t.Helper()
	var observed yaml.Node
	text := inOrder(t, fields)
	if err := yaml.Unmarshal(text, &observed); err != nil { // most JSON is YAML
		return text
	}
	want, err := yaml.Marshal(map[string]any{"want": plainStyle(observed.Content[0])})
	if err != nil {
		t.Fatal(err)
	}
	return want
}

// plainStyle takes the marks of JSON from a value, so that it is written as a person writes YAML.
func plainStyle(n *yaml.Node) *yaml.Node {
	n.Style = 0
	for _, child := range n.Content {
		plainStyle(child)
	}
	return n
}

func encode(t *testing.T, v any) json.RawMessage {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSpace(b.Bytes())
}
