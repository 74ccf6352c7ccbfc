package personaldata

import (
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/providermsg"
	"example.com/aurora/shared/core/redact"
)

// Message returns a voice provider's message without personal data. The structure of the JSON, its numbers, the ids of the call
// and of the assistant and the times stay; an id that cannot stand in a key and has personal data in it becomes that key. own
// are the assistant's numbers, which stay too. The text is returned as it came if nothing was found.
func Message(body []byte, own []aurora.Phone) ([]byte, error) {
	return redactJSON(body, own, messageContext())
}

// messageContext is where a message begins.
func messageContext() context {
	_, root := providermsg.NewIdentityCollector()
	return context{path: root}
}

// Data returns data that was found out from a conversation, as JSON, without personal data.
func Data(body []byte) ([]byte, error) { return redactJSON(body, nil, context{data: true}) }

func redactJSON(body []byte, own []aurora.Phone, c context) ([]byte, error) {
	w := newWalker(own)
	root := w.newDocument(body)
	if err := w.readAll(root, c); err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	w.redactStreams()
	w.applyEdits()
	return root.text, nil
}

// context says where in a message a value stands.
type context struct {
	path      *providermsg.PathNode // nil if nothing below belongs to the identity
	stream    uint64                // the texts of one speaker, or one column of a list; 0 if the value stands alone
	name      memberName
	data      bool
	person    bool
	recording bool
	inList    bool
}

// walker reads JSON texts once. It replaces what is personal as a whole, and collects the other texts: a number may be spread over
// several of them. No tree is built: a report of several megabytes has hundreds of thousands of values.
type walker struct {
	own       []aurora.Phone
	names     map[string]memberName
	documents []*document
	texts     []textRef
	lists     uint64
	seed      maphash.Seed
}

// textRef is a text that waits for redactStreams.
type textRef struct {
	document  *document
	from, to  int // of the quoted string in the document
	stream    uint64
	keepPlain bool
}

func newWalker(own []aurora.Phone) *walker {
	return &walker{own: own, names: map[string]memberName{}, seed: maphash.MakeSeed()}
}

func (w *walker) parseName(name string) memberName {
	const maxNames = 1000 // bounds the memory for a message whose names do not repeat
	m, ok := w.names[name]
	if !ok {
		if m = parseName(name); len(w.names) < maxNames {
			w.names[name] = m
		}
	}
	return m
}

// join returns the stream of a part of a stream.
func (w *walker) join(stream uint64, part string) uint64 {
	return (stream*1099511628211 ^ maphash.String(w.seed, part)) | 1
}

// newList returns the stream of a list, or of a text that stands alone.
func (w *walker) newList() uint64 {
	w.lists++
	return w.join(w.lists, "list")
}

// value reads the next value of a document.
func (w *walker) value(doc *document, c context) error {
	switch doc.in.PeekKind() {
	case '{':
		return w.object(doc, c)
	case '[':
		return w.list(doc, c)
	}
	raw, from, err := doc.readValue()
	switch {
	case err != nil:
		return err
	case raw[0] == '"':
		w.text(doc, raw, from, c)
	case raw.Kind() == '0':
		w.number(doc, raw, from, c)
	}
	return nil
}

func (w *walker) list(doc *document, c context) error {
	if _, err := doc.in.ReadToken(); err != nil {
		return err
	}
	if c.stream == 0 {
		c.stream = w.newList()
	}
	c.inList, c.path = true, nil
	for doc.in.PeekKind() != ']' {
		if err := w.value(doc, c); err != nil {
			return err
		}
	}
	_, err := doc.in.ReadToken()
	return err
}

func (w *walker) object(doc *document, c context) error {
	if _, err := doc.in.ReadToken(); err != nil {
		return err
	}
	first, speaker := len(w.texts), ""
	defer func() {
		for i := first; speaker != "" && i < len(w.texts); i++ { // the role may stand behind the text
			w.texts[i].stream = w.join(w.texts[i].stream, speaker)
		}
	}()
	for doc.in.PeekKind() != '}' {
		rawName, from, err := doc.readValue()
		if err != nil {
			return err
		}
		name := unquote(rawName)
		if strings.Contains(name, "@") || countDigits(name) >= minPhone {
			if clean := Text(name); clean != name {
				doc.edit(from, len(rawName), clean)
			}
		}
		kind := doc.in.PeekKind()
		if c.inList && kind == '"' && (name == "role" || name == "speaker") {
			speaker = "role " + string(doc.peekValue())
		}
		if err := w.value(doc, w.member(c, name, kind)); err != nil {
			return err
		}
	}
	_, err := doc.in.ReadToken()
	return err
}

// member returns the context of a member whose value is of a kind.
func (w *walker) member(c context, name string, kind jsontext.Kind) context {
	m := w.parseName(name)
	child := context{path: c.path.Child(name), name: m, data: c.data || m.data, recording: c.recording || m.recording,
		person: c.person || m.person && kind == '{'}
	if c.stream != 0 {
		child.stream = w.join(c.stream, name)
	}
	if c.inList && (m.key == "word" || m.key == "punctuatedword") { // the words of a text, one by one
		child.name.kind = Removed
	}
	if kind == '{' && m.kind != Removed { // phoneNumber: {"id": …, "number": …}
		child.name.kind = ""
	}
	if c.name.kind == Removed && kind != '{' { // address: {"street": …}
		child.name.kind = Removed
	}
	return child
}

// text reads a quoted string.
func (w *walker) text(doc *document, raw []byte, from int, c context) {
	s := unquote(raw)
	replace := func(by string) { doc.edit(from, len(raw), by) }
	switch {
	case strings.TrimSpace(s) == "" || redact.IsPlaceholder(s):
		return
	case c.path.IsID():
		if !aurora.IsSafeID(s) && !c.path.IsTime() && Text(s) != s {
			replace(aurora.SafeKey(s))
		}
		return
	case w.isOwn(s):
		return
	case c.person:
		if !aurora.IsWithheld(s) && !(c.name.id && aurora.IsSafeID(s) && countDigits(s) < len(s)) {
			replace(string(personKind(s)))
		}
		return
	case c.name.kind != "":
		if c.name.kind != Phone || !aurora.IsWithheld(s) {
			replace(string(c.name.kind))
		}
		return
	case c.recording && strings.Contains(s, "/"):
		replace(string(Removed))
		return
	}
	if w.inner(doc, s, from, len(raw), c) {
		return
	}
	if c.name.id && !c.data && !strings.Contains(s, "@") && !strings.HasPrefix(s, "+") || len(s) == 1 && !isDigit(s[0]) {
		return
	}
	if c.stream == 0 {
		c.stream = w.newList()
	}
	w.texts = append(w.texts, textRef{document: doc, from: from, to: from + len(raw), stream: c.stream, keepPlain: c.name.figure})
}

// inner reads the JSON that a string holds. It is false if the string holds none.
func (w *walker) inner(doc *document, s string, from, length int, c context) bool {
	trimmed := strings.TrimLeft(s, " \t\r\n")
	if trimmed == "" || strings.IndexByte(`{["`, trimmed[0]) < 0 {
		return false
	}
	documents, texts := len(w.documents), len(w.texts)
	inner := w.newDocument([]byte(trimmed))
	inner.parent, inner.from, inner.length = doc, from, length
	if w.readAll(inner, c) != nil {
		w.documents, w.texts = w.documents[:documents], w.texts[:texts]
		return false
	}
	return true
}

func (w *walker) isOwn(s string) bool {
	if len(w.own) == 0 || len(s) > 40 {
		return false
	}
	p, ok := aurora.ParsePhone(s)
	for _, own := range w.own {
		if ok && p == own {
			return true
		}
	}
	return false
}

// personKind returns what stands for a value of an object about a person.
func personKind(s string) Kind {
	if _, ok := aurora.ParsePhone(s); ok {
		return Phone
	}
	if strings.Contains(s, "@") {
		return Mail
	}
	return Removed
}

// number reads a number. It is personal only if its name says so, or if it is a card's number among data.
func (w *walker) number(doc *document, digits []byte, from int, c context) {
	for _, d := range digits {
		if !isDigit(d) {
			return
		}
	}
	least := map[Kind]int{Phone: minPhone, Mail: minPhone, NationalID: 6, Card: 3, IBAN: 6, Removed: 5}[c.name.kind]
	replace := func(by Kind) { doc.edit(from, len(digits), string(by)) }
	switch {
	case c.path.IsID():
	case least > 0 && len(digits) >= least:
		replace(c.name.kind)
	case c.person && len(digits) >= minPhone && !c.name.id:
		replace(Phone)
	case c.data && !c.name.figure && len(digits) >= 15 && isCard(digits):
		replace(Card)
	case c.data && !c.name.figure && len(digits) >= 13 && isNationalNumber(digits, nil):
		replace(NationalID)
	}
}

// redactStreams redacts the collected texts, those of one stream together.
func (w *walker) redactStreams() {
	streams := map[uint64][]int{}
	var order []uint64
	for i, ref := range w.texts {
		if len(streams[ref.stream]) == 0 {
			order = append(order, ref.stream)
		}
		streams[ref.stream] = append(streams[ref.stream], i)
	}
	for _, stream := range order {
		refs := streams[stream]
		texts := make([]string, len(refs))
		for k, i := range refs {
			ref := &w.texts[i]
			texts[k] = unquote(ref.document.text[ref.from:ref.to])
		}
		before := append([]string(nil), texts...)
		if first := &w.texts[refs[0]]; len(refs) == 1 && !first.keepPlain {
			texts[0] = Transcript(texts[0])
		} else {
			redactTurns(texts, first.keepPlain)
		}
		for k, i := range refs {
			if ref := &w.texts[i]; texts[k] != before[k] {
				ref.document.edit(ref.from, ref.to-ref.from, texts[k])
			}
		}
	}
}

func countDigits(s string) int {
	n := 0
	for i := range len(s) {
		if isDigit(s[i]) {
			n++
		}
	}
	return n
}
