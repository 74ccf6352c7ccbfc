package personaldata

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"example.com/aurora/shared/core/redact"
)

// node is one value of a JSON text.
type node struct {
	kind    byte   // { [ " 0, or the first letter of null, true and false
	raw     []byte // of a value that is no object and no list, as it stands in the text
	names   []nodeName
	kids    []*node
	inner   *node // the JSON that a string holds
	changed bool

	text      string // waits for redactStreams
	keepPlain bool
}

type nodeName struct {
	text string
	raw  []byte
}

func (n *node) replace(s string) { n.kind, n.raw, n.inner, n.changed = '"', quote(s), nil, true }

func (n *node) isChanged() bool {
	if n.changed || n.inner != nil && n.inner.isChanged() {
		return true
	}
	for _, kid := range n.kids {
		if kid.isChanged() {
			return true
		}
	}
	return false
}

// append appends the JSON of the value. A string that holds JSON is written anew only if something in it changed.
func (n *node) append(out []byte) []byte {
	switch {
	case n.kind == '{':
		out = append(out, '{')
		for i, kid := range n.kids {
			if i > 0 {
				out = append(out, ',')
			}
			out = append(append(out, n.names[i].raw...), ':')
			out = kid.append(out)
		}
		return append(out, '}')
	case n.kind == '[':
		out = append(out, '[')
		for i, kid := range n.kids {
			if i > 0 {
				out = append(out, ',')
			}
			out = kid.append(out)
		}
		return append(out, ']')
	case n.inner != nil && n.inner.isChanged():
		return append(out, quote(string(n.inner.append(nil)))...)
	}
	return append(out, n.raw...)
}

// parseNode reads a JSON text to its end.
func parseNode(text []byte) (*node, error) {
	d := newDecoder(text)
	n, err := readNode(d)
	if err != nil {
		return nil, err
	}
	if len(bytes.Trim(text[d.InputOffset():], " \t\r\n")) > 0 {
		return nil, fmt.Errorf("there is something after the JSON value")
	}
	return n, nil
}

// parsePrefix reads as much of a text as is JSON, and returns where that ends.
func parsePrefix(text []byte) (n *node, end int) {
	d := newDecoder(text)
	n, _ = readNode(d)
	return n, int(d.InputOffset())
}

func newDecoder(text []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// readNode reads a value. With an error, n has what was read before it.
func readNode(d *jsontext.Decoder) (n *node, err error) {
	n = &node{kind: byte(d.PeekKind())}
	if n.kind != '{' && n.kind != '[' {
		raw, err := d.ReadValue()
		n.raw = bytes.Clone(raw)
		return n, err
	}
	if _, err := d.ReadToken(); err != nil {
		return n, err
	}
	for end := jsontext.Kind(n.kind + 2); d.PeekKind() != end; { // } and ] are two behind { and [
		var name nodeName
		if n.kind == '{' {
			raw, err := d.ReadValue()
			if err != nil {
				return n, err
			}
			name.raw = bytes.Clone(raw)
			name.text = unquote(name.raw)
		}
		kid, err := readNode(d)
		if err == nil || kid.kind == '{' || kid.kind == '[' {
			n.kids = append(n.kids, kid)
			if n.kind == '{' {
				n.names = append(n.names, name)
			}
		}
		if err != nil {
			return n, err
		}
	}
	_, err = d.ReadToken()
	return n, err
}

func unquote(raw []byte) string {
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return strings.ToValidUTF8(string(text), "\uFFFD")
	}
	return string(text)
}

func quote(s string) []byte {
	raw, err := jsontext.AppendQuote(nil, strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil {
		return []byte(`"` + redact.Removed + `"`) // cannot be: the text is UTF-8
	}
	return raw
}
