package personaldata

import (
	"fmt"
	"hash/maphash"
	"strings"

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
	root, err := parseNode(body)
	if err != nil {
		return nil, fmt.Errorf("redact: %w", err)
	}
	newWalker(own).redact(root, c)
	if !root.isChanged() {
		return body, nil
	}
	return root.append(make([]byte, 0, len(body))), nil
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

// walker finds the texts of a message, and replaces at once what is personal as a whole.
type walker struct {
	own     []aurora.Phone
	names   map[string]memberName
	streams map[uint64][]*node
	order   []uint64
	lists   uint64
	seed    maphash.Seed
}

func newWalker(own []aurora.Phone) *walker {
	return &walker{own: own, names: map[string]memberName{}, streams: map[uint64][]*node{}, seed: maphash.MakeSeed()}
}

// redact removes personal data from a value.
func (w *walker) redact(n *node, c context) {
	w.value(n, c)
	w.redactStreams()
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

func (w *walker) value(n *node, c context) {
	switch n.kind {
	case '{':
		w.object(n, c)
	case '[':
		if c.stream == 0 {
			w.lists++
			c.stream = w.join(w.lists, "list")
		}
		c.inList, c.path = true, nil
		for _, kid := range n.kids {
			w.value(kid, c)
		}
	case '"':
		w.text(n, c)
	case '0':
		w.number(n, c)
	}
}

func (w *walker) object(n *node, c context) {
	stream := c.stream
	if c.inList {
		for i, name := range n.names {
			if name.text == "role" || name.text == "speaker" {
				stream = w.join(stream, string(n.kids[i].raw))
			}
		}
	}
	for i := range n.names {
		name, kid := &n.names[i], n.kids[i]
		m := w.parseName(name.text)
		child := context{path: c.path.Child(name.text), name: m, data: c.data || m.data, recording: c.recording || m.recording,
			person: c.person || m.person && kid.kind == '{'}
		if stream != 0 {
			child.stream = w.join(stream, name.text)
		}
		if c.inList && (m.key == "word" || m.key == "punctuatedword") { // the words of a text, one by one
			child.name.kind = Removed
		}
		if kid.kind == '{' && m.kind != Removed { // phoneNumber: {"id": …, "number": …}
			child.name.kind = ""
		}
		if c.name.kind == Removed && kid.kind != '{' { // address: {"street": …}
			child.name.kind = Removed
		}
		w.value(kid, child)
		if strings.ContainsAny(name.text, "@") || countDigits(name.text) >= minPhone {
			if clean := Text(name.text); clean != name.text {
				name.raw, n.changed = quote(clean), true
			}
		}
	}
}

// text reads a string.
func (w *walker) text(n *node, c context) {
	s := unquote(n.raw)
	switch {
	case strings.TrimSpace(s) == "" || redact.IsPlaceholder(s):
		return
	case c.path.IsID():
		if !aurora.IsSafeID(s) && !c.path.IsTime() && Text(s) != s {
			n.replace(aurora.SafeKey(s))
		}
		return
	case w.isOwn(s):
		return
	case c.person:
		if !aurora.IsWithheld(s) && !(c.name.id && aurora.IsSafeID(s) && countDigits(s) < len(s)) {
			n.replace(string(personKind(s)))
		}
		return
	case c.name.kind != "":
		if c.name.kind != Phone || !aurora.IsWithheld(s) {
			n.replace(string(c.name.kind))
		}
		return
	case c.recording && strings.Contains(s, "/"):
		n.replace(string(Removed))
		return
	}
	if inner := parseInner(s); inner != nil {
		n.inner = inner
		w.value(inner, c)
		return
	}
	if c.name.id && !c.data && !strings.Contains(s, "@") && !strings.HasPrefix(s, "+") {
		return
	}
	n.keepPlain = c.name.figure
	n.text = s
	if c.stream == 0 {
		w.lists++
		c.stream = w.join(w.lists, "alone")
	}
	if len(w.streams[c.stream]) == 0 {
		w.order = append(w.order, c.stream)
	}
	w.streams[c.stream] = append(w.streams[c.stream], n)
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
func (w *walker) number(n *node, c context) {
	digits := n.raw
	for _, d := range digits {
		if !isDigit(d) {
			return
		}
	}
	least := map[Kind]int{Phone: minPhone, Mail: minPhone, NationalID: 6, Card: 3, IBAN: 6, Removed: 5}[c.name.kind]
	switch {
	case c.path.IsID():
	case least > 0 && len(digits) >= least:
		n.replace(string(c.name.kind))
	case c.person && len(digits) >= minPhone && !c.name.id:
		n.replace(string(Phone))
	case c.data && !c.name.figure && len(digits) >= 15 && isCard(digits):
		n.replace(string(Card))
	case c.data && !c.name.figure && len(digits) >= 13 && isNationalNumber(digits, nil):
		n.replace(string(NationalID))
	}
}

// redactStreams redacts the texts, those of one stream together.
func (w *walker) redactStreams() {
	for _, stream := range w.order {
		nodes := w.streams[stream]
		texts := make([]string, len(nodes))
		for i, n := range nodes {
			texts[i] = n.text
		}
		if len(nodes) == 1 && !nodes[0].keepPlain {
			texts[0] = Transcript(texts[0])
		} else {
			redactTurns(texts, nodes[0].keepPlain)
		}
		for i, n := range nodes {
			if texts[i] != n.text {
				n.replace(texts[i])
			}
			n.text = ""
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

func parseInner(s string) *node {
	trimmed := strings.TrimLeft(s, " \t\r\n")
	if trimmed == "" || strings.IndexByte(`{["`, trimmed[0]) < 0 {
		return nil
	}
	inner, err := parseNode([]byte(trimmed))
	if err != nil {
		return nil
	}
	return inner
}
