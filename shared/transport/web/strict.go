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

// ReadStrictObject is ReadObject for routes where a misunderstanding would cost money. It rejects a key that occurs twice, also
// in another case: a proxy in front of us may read the first one, and encoding/json takes the last one in any case.
func ReadStrictObject(r *http.Request, v any) error {
	b, err := ReadBody(r)
	if err != nil {
		return err
	}
	switch name, err := duplicateKey(b); {
	case err != nil:
		return fault.New(fault.Invalid, "The body must be one JSON object.").WithCode("invalid_json").Because(err)
	case name != "":
		return fault.Newf(fault.Invalid, "%.40q occurs more than once in the body.", name).WithCode("duplicate_key")
	}
	return decodeObject(b, v)
}

// duplicateKey returns the first key that an object has twice, ignoring case, or "".
func duplicateKey(b []byte) (string, error) {
	d := jsontext.NewDecoder(bytes.NewReader(b), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var names []map[string]bool // of the objects that are open; nil for an array
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
		if kind, length := d.StackIndex(depth); kind == '{' && length%2 == 1 { // an odd count means that this string is a key
			name, open := foldCase(token.String()), names[len(names)-1]
			if open[name] {
				return token.String(), nil
			}
			open[name] = true
		}
	}
}

// foldCase returns the same text for all keys that encoding/json treats as equal: it replaces each rune by the smallest one
// that differs in case only.
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
