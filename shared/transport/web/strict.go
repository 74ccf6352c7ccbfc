package web

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"example.com/aurora/shared/core/fault"
)

// ReadStrictObject is Object for routes where a second meaning would cost money: a key that stands there twice, or in two
// cases, is refused, because what is in front may have read the other one (encoding/json takes the last, in any case).
func ReadStrictObject(r *http.Request, v any) error {
	b, err := ReadBody(r)
	if err != nil {
		return err
	}
	switch name, err := duplicateKey(b); {
	case err != nil:
		return fault.New(fault.Invalid, "The body must be one JSON object.").WithCode("invalid_json").Because(err)
	case name != "":
		return fault.Newf(fault.Invalid, "%.40q stands in the body more than once.", name).WithCode("duplicate_key")
	}
	return decodeObject(b, v)
}

// duplicateKey is the first key that an object has twice, whatever its case.
func duplicateKey(b []byte) (string, error) {
	d := jsontext.NewDecoder(bytes.NewReader(b), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var names []map[string]bool // of the objects that are open; nil stands for an array
	for {
		token, err := d.ReadToken()
		if errors.Is(err, io.EOF) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		switch token.Kind() {
		case '{':
			names = append(names, map[string]bool{})
			continue
		case '[':
			names = append(names, nil)
			continue
		case '}', ']':
			names = names[:len(names)-1]
			continue
		case '"':
		default:
			continue
		}
		depth := d.StackDepth()
		if kind, length := d.StackIndex(depth); kind == '{' && length%2 == 1 { // an odd count: this string is a name
			name, open := foldCase(token.String()), names[len(names)-1]
			if open[name] {
				return token.String(), nil
			}
			open[name] = true
		}
	}
}

// foldCase gives all names that encoding/json takes for one the same form: the least rune of each orbit of case folding.
func foldCase(name string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next
			}
			r = next
		}
	}, name)
}
