package eventcase

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// resolve follows YAML aliases.
func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// Text returns a scalar as text, with the tags !repeat, !join, !gzip and !!binary carried out.
func Text(n *yaml.Node) (string, error) {
	n = resolve(n)
	switch n.Tag {
	case "!repeat":
		if len(n.Content) != 2 {
			return "", fmt.Errorf("line %d: !repeat wants [text, times]", n.Line)
		}
		times, err := strconv.Atoi(n.Content[1].Value)
		if err != nil {
			return "", fmt.Errorf("line %d: !repeat: %w", n.Line, err)
		}
		text, err := Text(n.Content[0])
		return strings.Repeat(text, times), err
	case "!join":
		var all strings.Builder
		for _, part := range n.Content {
			text, err := Text(part)
			if err != nil {
				return "", err
			}
			all.WriteString(text)
		}
		return all.String(), nil
	case "!gzip":
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := io.WriteString(w, n.Value)
		err = errors.Join(err, w.Close())
		return base64.StdEncoding.EncodeToString(b.Bytes()), err
	case "!!binary":
		raw, err := base64.StdEncoding.DecodeString(n.Value)
		return string(raw), err
	}
	if n.Kind != yaml.ScalarNode {
		return "", fmt.Errorf("line %d: a text is wanted", n.Line)
	}
	return n.Value, nil
}

// JSON returns a YAML value as compact JSON, its members in the order of the file and its numbers as written.
func JSON(n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	err := writeJSON(&b, n)
	return b.Bytes(), err
}

func writeJSON(b *bytes.Buffer, n *yaml.Node) error {
	n = resolve(n)
	switch {
	case n.IsZero():
		b.WriteString("null")
	case n.Kind == yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteByte(',')
			}
			writeString(b, n.Content[i].Value)
			b.WriteByte(':')
			if err := writeJSON(b, n.Content[i+1]); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case n.Kind == yaml.SequenceNode && n.ShortTag() == "!!seq":
		b.WriteByte('[')
		for i, element := range n.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := writeJSON(b, element); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	case slices.Contains([]string{"!!null", "!!bool", "!!int", "!!float"}, n.ShortTag()):
		if !json.Valid([]byte(n.Value)) {
			return fmt.Errorf("line %d: %s is not written as JSON writes it", n.Line, n.Value)
		}
		b.WriteString(n.Value)
	default:
		text, err := Text(n)
		if err != nil {
			return err
		}
		writeString(b, text)
	}
	return nil
}

func writeString(b *bytes.Buffer, text string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a buffer takes everything, and a string is always valid
	b.Truncate(b.Len() - 1)
}

// fromJSON returns JSON as a YAML value.
func fromJSON(text []byte) (*yaml.Node, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return nextValue(d)
}

func nextValue(d *json.Decoder) (*yaml.Node, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Delim:
		n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		if v == '[' {
			n = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		}
		for d.More() {
			element, err := nextValue(d)
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, element)
		}
		_, err := d.Token()
		return n, err
	case string:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: v}, nil
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!float", Value: v.String()}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: strconv.FormatBool(v)}, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
}

// change returns a copy of a body in which the values of set are in place and those of remove are gone.
func change(body, set *yaml.Node, remove []string) (*yaml.Node, error) {
	body = clone(body)
	for i := 0; i < len(set.Content); i += 2 {
		if err := put(body, set.Content[i].Value, set.Content[i+1]); err != nil {
			return nil, err
		}
	}
	for _, path := range remove {
		if err := put(body, path, nil); err != nil {
			return nil, err
		}
	}
	return body, nil
}

func clone(n *yaml.Node) *yaml.Node {
	n = resolve(n)
	c := *n
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		c.Content[i] = clone(child)
	}
	return &c
}

// put sets the value at a dotted path, or removes it where value is nil. A number is the index in a list.
func put(n *yaml.Node, path string, value *yaml.Node) error {
	name, rest, deeper := strings.Cut(path, ".")
	if !deeper {
		return setMember(n, name, value)
	}
	at := indexOf(n, name)
	if at < 0 {
		return fmt.Errorf("the body has no %s", path)
	}
	return put(n.Content[at], rest, value)
}

// setMember sets a member of a mapping or an element of a list, or removes it where value is nil.
func setMember(n *yaml.Node, name string, value *yaml.Node) error {
	at := indexOf(n, name)
	switch {
	case at >= 0 && value != nil:
		n.Content[at] = value
	case at >= 0 && n.Kind == yaml.MappingNode:
		n.Content = slices.Delete(n.Content, at-1, at+1)
	case at >= 0:
		n.Content = slices.Delete(n.Content, at, at+1)
	case value == nil || n.Kind != yaml.MappingNode:
		return fmt.Errorf("the body has no %s", name)
	default:
		n.Content = append(n.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: name}, value)
	}
	return nil
}

// indexOf returns where the content of a mapping or a list has a value, or -1.
func indexOf(n *yaml.Node, name string) int {
	if n.Kind == yaml.SequenceNode {
		if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(n.Content) {
			return i
		}
		return -1
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return i + 1
		}
	}
	return -1
}

// mergeNodes returns the mapping base with the members of over: a member keeps its place, a new one comes last, and null
// removes one.
func mergeNodes(base, over yaml.Node) yaml.Node {
	if base.IsZero() || over.IsZero() {
		if over.IsZero() {
			return base
		}
		return over
	}
	result := clone(&base)
	for over, i := resolve(&over), 0; i < len(over.Content); i += 2 {
		name, value := over.Content[i].Value, over.Content[i+1]
		if value.ShortTag() == "!!null" {
			value = nil
		}
		_ = setMember(result, name, value) // null for a member that is not there is no mistake
	}
	return *result
}

// encodeForm returns form fields as application/x-www-form-urlencoded, in the order of the file.
func encodeForm(form *yaml.Node) ([]byte, error) {
	var pairs []string
	form = resolve(form)
	for i := 0; i < len(form.Content); i += 2 {
		value, err := Text(form.Content[i+1])
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, url.QueryEscape(form.Content[i].Value)+"="+url.QueryEscape(value))
	}
	return []byte(strings.Join(pairs, "&")), nil
}
