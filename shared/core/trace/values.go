package trace

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
	"sync"

	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/redact"
)

// Name is the name of a model, a tool, an assistant's id, a code or another identifier. Its zero value is no name.
type Name struct{ s string }

// other stands for a text that is no identifier.
const other = "other"

var (
	identifier  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:/@-]{0,99}$`) })
	longDigits  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[0-9]{7}`) })
	providerIDs = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[A-Z]{2}[0-9a-f]{32}|oc_[A-Z2-7]{26})$`)
	})
)

// NewName returns an identifier as a Name. A text that has not the form of one, or that may hold a telephone number or a mail
// address, becomes "other". An id that a provider has made is accepted, although it may have many digits in a row.
func NewName(s string) Name {
	switch {
	case s == "":
		return Name{}
	case providerIDs().MatchString(s):
		return Name{s}
	case !identifier().MatchString(s), longDigits().MatchString(s), redact.Text(s) != s:
		return Name{other}
	}
	return Name{s}
}

// CodeOf returns the code of an error; no name for nil.
func CodeOf(err error) Name {
	if err == nil {
		return Name{}
	}
	f := fault.From(err)
	if f.Code != "" {
		return NewName(f.Code)
	}
	return NewName(strings.ReplaceAll(f.Kind.String(), " ", "_"))
}

func (n Name) String() string { return n.s }

// IsZero reports whether there is no name.
func (n Name) IsZero() bool { return n.s == "" }

// MarshalJSON writes the name as a string.
func (n Name) MarshalJSON() ([]byte, error) { return json.Marshal(n.s) }

// UnmarshalJSON reads a name, as NewName does.
func (n *Name) UnmarshalJSON(b []byte) error {
	var s string
	err := json.Unmarshal(b, &s)
	*n = NewName(s)
	return err
}

// Key is the id of a call as it stands in the keys of the records: the id itself if a provider made it, else a hash.
type Key struct{ s string }

const hashPrefix = "h-"

var hashed = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^h-[0-9a-f]{32}$`) })

// NewKey returns the key of an id. No id has no key.
func NewKey(id string) Key {
	if id == "" || providerIDs().MatchString(id) || hashed().MatchString(id) {
		return Key{id}
	}
	sum := sha256.Sum256([]byte(id))
	return Key{hashPrefix + hex.EncodeToString(sum[:16])}
}

func (k Key) String() string { return k.s }

// IsZero reports whether there is no id.
func (k Key) IsZero() bool { return k.s == "" }

// MarshalJSON writes the key as a string.
func (k Key) MarshalJSON() ([]byte, error) { return json.Marshal(k.s) }

// UnmarshalJSON reads a key, as NewKey does.
func (k *Key) UnmarshalJSON(b []byte) error {
	var s string
	err := json.Unmarshal(b, &s)
	*k = NewKey(s)
	return err
}
