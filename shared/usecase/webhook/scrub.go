package webhook

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"example.com/aurora/shared/core/fault"
)

// Clean is a JSON text without credentials.
type Clean struct {
	JSON []byte
	// Hash names the content, in hexadecimal: the SHA-256 of the text without message.timestamp and the members whose
	// names begin with presigned, which differ between two deliveries of one report.
	Hash string
	// Removed is how many values were replaced.
	Removed int
}

// Removed stands where a credential was.
const Removed = "[removed]"

// Scrub replaces the credentials in a JSON text, those in strings that are JSON themselves among them. All else stays
// as it is, but for white space and text that is no UTF-8. It takes what encoding/json takes.
func Scrub(body []byte) (Clean, error) {
	s := newScrubber(body)
	s.sum = sha256.New()
	err := s.value(&position{})
	if err != nil {
		return Clean{}, fault.New(fault.Invalid, "The body must be a JSON object.").Coded("invalid_json").In("body").Because(err)
	}
	return Clean{JSON: s.out.Bytes(), Hash: hex.EncodeToString(s.sum.Sum(nil)), Removed: s.removed}, nil
}

// scrubber copies one JSON text token by token, into out and, where it is not muted, into the hash.
type scrubber struct {
	in      *jsontext.Decoder
	out     bytes.Buffer
	sum     hash.Hash // nil for a text inside a string
	muted   int
	removed int
}

// newScrubber reads JSON as freely as encoding/json does: names may occur twice, text may be no UTF-8.
func newScrubber(text []byte) *scrubber {
	s := &scrubber{in: jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	s.out.Grow(len(text))
	return s
}

// position is where in the text the scrubber is; it tells message.timestamp from other timestamps.
type position struct {
	parent *position
	name   string
}

func (p *position) isTimestamp() bool {
	return p.name == "timestamp" && p.parent != nil && p.parent.name == "message" && p.parent.parent != nil && p.parent.parent.parent == nil
}

func (s *scrubber) emit(text ...byte) {
	s.out.Write(text)
	s.hash(text...)
}

func (s *scrubber) hash(text ...byte) {
	if s.sum != nil && s.muted == 0 {
		s.sum.Write(text)
	}
}

// value copies the next value.
func (s *scrubber) value(at *position) error {
	switch s.in.PeekKind() {
	case '{':
		return s.object(at)
	case '[':
		return s.array(at)
	}
	raw, err := s.in.ReadValue()
	if err != nil {
		return err
	}
	if raw[0] == '"' {
		raw = s.text(raw)
	}
	s.emit(raw...)
	return nil
}

func (s *scrubber) array(at *position) error {
	if _, err := s.in.ReadToken(); err != nil {
		return err
	}
	s.emit('[')
	inside := &position{parent: at}
	for i := 0; s.in.PeekKind() != ']'; i++ {
		if i > 0 {
			s.out.WriteByte(',')
		}
		if err := s.value(inside); err != nil {
			return err
		}
		s.hash(',') // after each item, muted ones left out, so that they leave no trace
	}
	if _, err := s.in.ReadToken(); err != nil {
		return err
	}
	s.emit(']')
	return nil
}

func (s *scrubber) object(at *position) error {
	if _, err := s.in.ReadToken(); err != nil {
		return err
	}
	s.emit('{')
	named := "" // {"name":"X-Api-Key","value":"…"}: what the pair is about
	for i := 0; s.in.PeekKind() != '}'; i++ {
		if i > 0 {
			s.out.WriteByte(',')
		}
		raw, err := s.in.ReadValue()
		if err != nil {
			return err
		}
		raw = valid(bytes.Clone(raw)) // the decoder reuses its buffer
		inside := &position{parent: at, name: unquote(raw)}
		lower := strings.ToLower(inside.name)
		mute := inside.isTimestamp() || strings.HasPrefix(lower, "presigned")
		if mute {
			s.muted++
		}
		s.emit(raw...)
		s.emit(':')
		switch {
		case s.in.PeekKind() == '"' && (lower == "name" || lower == "key" || lower == "header"):
			named, err = s.label()
		case isCredential(inside.name), lower == "value" && isCredential(named):
			err = s.credential(inside)
		default:
			err = s.value(inside)
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

// label copies a string and says what it is.
func (s *scrubber) label() (string, error) {
	raw, err := s.in.ReadValue()
	if err != nil {
		return "", err
	}
	label := unquote(raw)
	s.emit(s.text(raw)...)
	if strings.Contains(label, " ") { // a person's or a question's, not a header's
		return "", nil
	}
	return label, nil
}

// credential puts Removed in the place of the next value. What can be no secret stays: null, true, false, "", and the
// numbers that some providers count tokens with.
func (s *scrubber) credential(at *position) error {
	switch kind := s.in.PeekKind(); kind {
	case 'n', 't', 'f':
		return s.value(at)
	case '0':
		if countsTokens(at.name) {
			return s.value(at)
		}
	}
	raw, err := s.in.ReadValue()
	if err != nil {
		return err
	}
	switch string(raw) {
	case `""`, `"` + Removed + `"`: // the latter by an earlier pass: nothing is removed twice
		s.emit(raw...)
		return nil
	}
	s.removed++
	s.emit([]byte(`"` + Removed + `"`)...)
	return nil
}

// text is a string without the credentials in it: as JSON where it is JSON, by their look where it is prose.
func (s *scrubber) text(raw []byte) []byte {
	raw = valid(raw)
	if len(raw) < len(`"{}"`) {
		return raw
	}
	said := unquote(raw)
	if trimmed := strings.TrimLeft(said, " \t\r\n"); trimmed != "" && strings.IndexByte(`{["`, trimmed[0]) >= 0 && json.Valid([]byte(trimmed)) {
		inner := newScrubber([]byte(trimmed))
		if inner.value(&position{}) == nil {
			if inner.removed == 0 {
				return raw
			}
			s.removed += inner.removed
			return quote(inner.out.String())
		}
	}
	if mended, n := scrubProse(said); n > 0 {
		s.removed += n
		return quote(mended)
	}
	return raw
}

// valid is a quoted string in UTF-8. Each byte that is none becomes U+FFFD, as in encoding/json.
func valid(raw []byte) []byte {
	if utf8.Valid(raw) {
		return raw
	}
	return quote(unquote(raw))
}

// unquote is what a quoted string says. One that is no UTF-8 is mended.
func unquote(raw []byte) string {
	if len(raw) >= 2 && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return string(raw[1 : len(raw)-1])
	}
	said, err := jsontext.AppendUnquote(nil, raw)
	if err == nil {
		return string(said)
	}
	var s string // text that is no UTF-8, which only encoding/json mends
	if err := json.Unmarshal(raw, &s); err != nil {
		return string(raw) // cannot be: the decoder has read it as a string
	}
	return s
}

func quote(s string) []byte {
	raw, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		raw, _ = json.Marshal(s) // s is no UTF-8, which unquote never gives
	}
	return raw
}
