package personaldata

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"example.com/aurora/shared/core/redact"
)

// document is a JSON text that is read, and what is replaced in it.
type document struct {
	text  []byte
	in    *jsontext.Decoder
	edits []edit

	// parent is the document in which this one is the content of a string of this length; nil for the outermost.
	parent       *document
	from, length int
}

// edit replaces a value, or the name of a member, by a string.
type edit struct {
	from, length int
	by           string
}

// newDocument accepts what encoding/json accepts: a name may occur twice, and text need not be UTF-8.
func (w *walker) newDocument(text []byte) *document {
	doc := &document{text: text, in: jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	w.documents = append(w.documents, doc)
	return doc
}

// readAll reads a document to its end: one value, and nothing but white space after it.
func (w *walker) readAll(doc *document, c context) error {
	if err := w.value(doc, c); err != nil {
		return err
	}
	if _, err := doc.in.ReadToken(); !errors.Is(err, io.EOF) {
		return cmp.Or(err, errors.New("there is something after the JSON value"))
	}
	return nil
}

// readValue returns the next value, and where it begins.
func (d *document) readValue() (raw jsontext.Value, from int, err error) {
	if raw, err = d.in.ReadValue(); err != nil {
		return nil, 0, err
	}
	return raw, int(d.in.InputOffset()) - len(raw), nil
}

// peekValue returns the string that is read next.
func (d *document) peekValue() []byte {
	rest := bytes.TrimLeft(d.text[d.in.InputOffset():], " \t\r\n:")
	const longest = 64 // of a role
	rest = rest[:min(len(rest), longest)]
	if len(rest) < 2 {
		return rest
	}
	if end := bytes.IndexByte(rest[1:], '"'); end >= 0 {
		return rest[:end+2]
	}
	return rest
}

func (d *document) edit(from, length int, by string) {
	d.edits = append(d.edits, edit{from, length, by})
}

// applyEdits makes the edits of all documents. A string that holds a document is written anew only if something in it changed.
func (w *walker) applyEdits() {
	for _, doc := range slices.Backward(w.documents) { // a document comes before those in its strings
		if len(doc.edits) == 0 {
			continue
		}
		doc.apply()
		if doc.parent != nil {
			doc.parent.edit(doc.from, doc.length, string(doc.text))
		}
	}
}

// apply makes the edits.
func (d *document) apply() {
	slices.SortFunc(d.edits, func(a, b edit) int { return cmp.Compare(a.from, b.from) })
	out := make([]byte, 0, len(d.text)+len(d.text)/64)
	done := 0
	for _, e := range d.edits {
		out = append(out, d.text[done:e.from]...)
		out = append(out, quote(e.by)...)
		done = e.from + e.length
	}
	d.text, d.edits = append(out, d.text[done:]...), nil
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
