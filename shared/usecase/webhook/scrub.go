package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/fault"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/redact"
)

// Scrubbed is a webhook body without credentials, and what its key is made of.
type Scrubbed struct {
	JSON []byte
	// Hash identifies the content, in hexadecimal: the SHA-256 of the text without message.timestamp and without members
	// whose names begin with presigned. Those differ between two deliveries of one report.
	Hash string
	// Removed is the number of credentials that were replaced.
	Removed int
	// Identity is the message's; its Type is empty if the text is no message with a type.
	Identity providermsg.Identity
}

// Key returns the key of the report in the bucket.
func (s Scrubbed) Key() string {
	return aurora.EndOfCallKey(s.Identity.AssistantID, s.Identity.CallID(), s.Identity.Day(), s.Hash)
}

// Scrub reads a JSON text once: it replaces the credentials, also in strings that are JSON themselves, hashes what is
// left, and takes out the message's identity. Everything else stays as it is, except white space and bytes that are not
// UTF-8. It accepts what encoding/json accepts.
func Scrub(body []byte) (Scrubbed, error) {
	s := newScrubber(body, map[string]memberName{})
	s.sum = sha256.New()
	identity, root := providermsg.NewIdentityCollector()
	s.identity = identity
	if err := s.copyText(root); err != nil {
		return Scrubbed{}, fault.New(fault.Invalid, "The body must be a JSON object.").WithCode("invalid_json").WithParam("body").Because(err)
	}
	s.flushHash()
	return Scrubbed{JSON: s.out, Hash: hex.EncodeToString(s.sum.Sum(nil)), Removed: s.removed, Identity: identity.Identity()}, nil
}

// scrubber copies one JSON text token by token to out and, unless it is muted, to the hash.
type scrubber struct {
	in       *jsontext.Decoder
	out      []byte
	sum      hash.Hash // nil for a text inside a string
	unhashed []byte    // waits for flushHash
	muted    int
	removed  int
	names    map[string]memberName          // by the name as it stands in the text
	identity *providermsg.IdentityCollector // nil for a text inside a string
}

// memberName is what the name of a member says about its value.
type memberName struct {
	name         string
	raw          []byte // quoted, in UTF-8
	isCredential bool
	isPresigned  bool
	isLabel      bool // the value names what a member "value" beside it holds
	isValue      bool
}

// Names repeat: a report has thousands of messages. maxNames bounds the memory for texts whose names do not.
const maxNames = 1000

// newScrubber accepts what encoding/json accepts: a name may occur twice, and text need not be UTF-8.
func newScrubber(text []byte, names map[string]memberName) *scrubber {
	return &scrubber{in: jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)),
		out: make([]byte, 0, len(text)+len(text)/64), names: names}
}

// copyText copies a text to its end: one value, and nothing but white space after it.
func (s *scrubber) copyText(node *providermsg.PathNode) error {
	if err := s.copyValue(node); err != nil {
		return err
	}
	if _, err := s.in.ReadToken(); err == nil {
		return errors.New("there is something after the JSON value")
	} else if !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

func (s *scrubber) emit(text ...byte) {
	s.out = append(s.out, text...)
	s.hash(text...)
}

func (s *scrubber) hash(text ...byte) {
	if s.sum == nil || s.muted > 0 {
		return
	}
	if s.unhashed = append(s.unhashed, text...); len(s.unhashed) > 8<<10 {
		s.flushHash()
	}
}

// flushHash hashes what waits: many short writes to a hash are slow.
func (s *scrubber) flushHash() {
	s.sum.Write(s.unhashed)
	s.unhashed = s.unhashed[:0]
}

// copyValue copies the next value. node is where the value stands, nil if the identity does not need it.
func (s *scrubber) copyValue(node *providermsg.PathNode) error {
	switch s.in.PeekKind() {
	case '{':
		return s.copyObject(node)
	case '[':
		return s.copyArray()
	}
	raw, err := s.in.ReadValue()
	if err != nil {
		return err
	}
	if raw[0] == '"' {
		raw = s.scrubString(raw, node)
	} else if node != nil && raw.Kind() == '0' {
		s.identity.Number(node, string(raw))
	}
	s.emit(raw...)
	return nil
}

func (s *scrubber) copyArray() error {
	if _, err := s.in.ReadToken(); err != nil {
		return err
	}
	s.emit('[')
	for i := 0; s.in.PeekKind() != ']'; i++ {
		if i > 0 {
			s.out = append(s.out, ',')
		}
		if err := s.copyValue(nil); err != nil {
			return err
		}
		s.hash(',') // after each item, so that a muted member leaves no trace in the hash
	}
	if _, err := s.in.ReadToken(); err != nil {
		return err
	}
	s.emit(']')
	return nil
}

func (s *scrubber) copyObject(node *providermsg.PathNode) error {
	if _, err := s.in.ReadToken(); err != nil {
		return err
	}
	s.emit('{')
	label := "" // {"name":"X-Api-Key","value":"…"}: the name of the pair
	for i := 0; s.in.PeekKind() != '}'; i++ {
		if i > 0 {
			s.out = append(s.out, ',')
		}
		raw, err := s.in.ReadValue()
		if err != nil {
			return err
		}
		name := s.memberName(raw)
		child := node.Child(name.name)
		if child != nil {
			s.identity.Begin(child)
		}
		mute := name.isPresigned || child.IsTimestamp()
		if mute {
			s.muted++
		}
		s.emit(name.raw...)
		s.emit(':')
		switch {
		case name.isLabel && s.in.PeekKind() == '"':
			label, err = s.copyLabel(child)
		case name.isCredential, name.isValue && redact.IsCredentialName(label):
			err = s.replaceCredential(name, child)
		default:
			err = s.copyValue(child)
		}
		if err != nil {
			return err
		}
		s.hash(',')
		if mute {
			s.muted--
		}
	}
	if _, err := s.in.ReadToken(); err != nil {
		return err
	}
	s.emit('}')
	return nil
}

// memberName returns what a quoted name says.
func (s *scrubber) memberName(quoted []byte) memberName {
	if known, ok := s.names[string(quoted)]; ok {
		return known
	}
	raw := toValidUTF8(bytes.Clone(quoted)) // the decoder reuses its buffer
	m := memberName{name: unquote(raw), raw: raw}
	lower := strings.ToLower(m.name)
	m.isCredential, m.isPresigned = redact.IsCredentialName(m.name), strings.HasPrefix(lower, "presigned")
	m.isLabel, m.isValue = lower == "name" || lower == "key" || lower == "header", lower == "value"
	if len(quoted) <= 100 && len(s.names) < maxNames {
		s.names[string(quoted)] = m
	}
	return m
}

// copyLabel copies a string and returns it if it can be the name of a header or a member. A name with a space is a
// person's or a question.
func (s *scrubber) copyLabel(node *providermsg.PathNode) (string, error) {
	raw, err := s.in.ReadValue()
	if err != nil {
		return "", err
	}
	label := unquote(raw)
	s.emit(s.scrubString(raw, node)...)
	if strings.Contains(label, " ") {
		return "", nil
	}
	return label, nil
}

// replaceCredential writes redact.Removed instead of the next value. Values that cannot be a secret stay: null, true,
// false, "", and numbers under names with which some providers count tokens.
func (s *scrubber) replaceCredential(name memberName, node *providermsg.PathNode) error {
	switch s.in.PeekKind() {
	case 'n', 't', 'f':
		return s.copyValue(node)
	case '0':
		if redact.IsTokenCount(name.name) {
			return s.copyValue(node)
		}
	}
	raw, err := s.in.ReadValue()
	if err != nil {
		return err
	}
	switch string(raw) {
	case `""`, `"` + redact.Removed + `"`: // the second was removed by an earlier pass and is not counted again
		s.emit(raw...)
		return nil
	}
	s.removed++
	s.emit([]byte(`"` + redact.Removed + `"`)...)
	return nil
}

// scrubString returns a quoted string without the credentials in it: it is scrubbed as JSON if it is JSON, else as text.
func (s *scrubber) scrubString(raw []byte, node *providermsg.PathNode) []byte {
	raw = toValidUTF8(raw)
	if node != nil {
		s.identity.String(node, unquote(raw))
	}
	content := raw[1 : len(raw)-1]
	if len(content) < len(`{}`) {
		return raw
	}
	escaped := bytes.Contains(content, []byte(`\u`)) // any character may be written so
	if !escaped && !mayBeJSON(content) && !redact.MayHoldCredential(content) {
		return raw
	}
	text := unquote(raw)
	if trimmed := strings.TrimLeft(text, " \t\r\n"); trimmed != "" && strings.IndexByte(`{["`, trimmed[0]) >= 0 {
		inner := newScrubber([]byte(trimmed), s.names)
		if inner.copyText(nil) == nil {
			if inner.removed == 0 {
				return raw
			}
			s.removed += inner.removed
			return quote(string(inner.out))
		}
	}
	if clean, n := redact.Credentials(text); n > 0 {
		s.removed += n
		return quote(clean)
	}
	return raw
}

// mayBeJSON reports whether the content of a quoted string may be JSON that can hold a credential: an object, a list or a
// string, perhaps after white space.
func mayBeJSON(content []byte) bool {
	switch content = bytes.TrimLeft(content, " "); {
	case len(content) == 0:
		return false
	case content[0] == '{', content[0] == '[':
		return true
	default:
		return content[0] == '\\' // an escaped quote or line break
	}
}

// toValidUTF8 returns a quoted string in UTF-8. Each byte that is not UTF-8 becomes U+FFFD, as in encoding/json.
func toValidUTF8(raw []byte) []byte {
	if utf8.Valid(raw) {
		return raw
	}
	return quote(unquote(raw))
}

// unquote returns the text of a quoted string, in UTF-8.
func unquote(raw []byte) string {
	if len(raw) >= 2 && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1])
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err == nil {
		return string(text)
	}
	var s string // encoding/json reads text that is not UTF-8
	if err := json.Unmarshal(raw, &s); err != nil {
		return string(raw) // cannot be: the decoder has read it as a string
	}
	return s
}

func quote(s string) []byte {
	raw, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		raw, _ = json.Marshal(s) // s is not UTF-8, which unquote never returns
	}
	return raw
}
