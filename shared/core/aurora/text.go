package aurora

import (
	"bytes"
	"encoding/json"
	"errors"
)

// Text is a string that may arrive as a JSON string, number, boolean or null, as values of configurations do.
type Text string

// UnmarshalJSON accepts a scalar. An object or an array is an error.
func (t *Text) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0 || bytes.Equal(b, []byte("null")):
		*t = ""
	case b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	case b[0] == '{' || b[0] == '[':
		return errors.New("want a string, not an object or a list")
	default:
		*t = Text(b)
	}
	return nil
}

// List is a list of strings that may also arrive as one string or null.
type List []string

// UnmarshalJSON accepts an array of scalars or one scalar.
func (l *List) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if len(b) > 0 && b[0] == '[' {
		var texts []Text
		if err := json.Unmarshal(b, &texts); err != nil {
			return err
		}
		*l = make(List, 0, len(texts))
		for _, t := range texts {
			*l = append(*l, string(t))
		}
		return nil
	}
	var t Text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	*l = nil
	if t != "" {
		*l = List{string(t)}
	}
	return nil
}

// MarshalJSON writes an empty list as [], never null.
func (l List) MarshalJSON() ([]byte, error) {
	if len(l) == 0 {
		return []byte("[]"), nil
	}
	return json.Marshal([]string(l))
}
