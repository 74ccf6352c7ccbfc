package providermsg

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"example.com/aurora/shared/core/aurora"
)

// Identity says which call a message is about, and when: all that its key in the bucket is made of.
type Identity struct {
	Type        string
	CallIDs     []string // the primary one first, as sent; empty if the message names no call
	AssistantID string   // as sent; empty if the message names none
	// AssistantNumber is the assistant's own number, if it can be written in E.164.
	AssistantNumber aurora.Phone
	// StartedAt and EndedAt are the call's times, Timestamp is when the message was made; zero if unknown.
	StartedAt, EndedAt, Timestamp time.Time
}

// Identity returns the identity of the message.
func (m Message) Identity() Identity { return newIdentity(m.messageType, m.textAt) }

func newIdentity(messageType string, textAt func(path string) string) Identity {
	id := Identity{Type: messageType, CallIDs: textsAt(textAt, callIDPaths), StartedAt: timeAt(textAt, startedAtPaths),
		EndedAt: timeAt(textAt, endedAtPaths), Timestamp: timeAt(textAt, timestampPaths)}
	for _, path := range assistantIDPaths {
		if id.AssistantID = textAt(path); id.AssistantID != "" {
			break
		}
	}
	for _, path := range assistantNumberPaths {
		if number, ok := aurora.ParsePhone(textAt(path)); ok {
			id.AssistantNumber = number
			break
		}
	}
	return id
}

// CallID returns the call's primary id; empty if the message names no call.
func (id Identity) CallID() string {
	if len(id.CallIDs) == 0 {
		return ""
	}
	return id.CallIDs[0]
}

// Day returns the time by which the call is filed, in UTC: when it ended, else started, else when the message was made.
// It is zero if none of them is known.
func (id Identity) Day() time.Time {
	for _, t := range []time.Time{id.EndedAt, id.StartedAt, id.Timestamp} {
		if !t.IsZero() {
			return t.UTC()
		}
	}
	return time.Time{}
}

// PathNode is one member of the objects that lead to an identity's values.
type PathNode struct {
	path     string // below message; empty for the body and for message itself
	isValue  bool   // a path of Identity ends here
	children map[string]*PathNode
}

// Child returns the node of a member's name; nil if nothing below that member belongs to an identity. A nil node has no
// children.
func (n *PathNode) Child(name string) *PathNode {
	if n == nil {
		return nil
	}
	return n.children[name]
}

// IsTimestamp reports whether the node is message.timestamp.
func (n *PathNode) IsTimestamp() bool { return n != nil && n.path == "timestamp" }

// IsID reports whether the node is an id, the type or a time of the message.
func (n *PathNode) IsID() bool {
	return n != nil && n.isValue && !slices.Contains(assistantNumberPaths, n.path)
}

// IsTime reports whether the node is one of the identity's times.
func (n *PathNode) IsTime() bool {
	return n != nil && (slices.Contains(startedAtPaths, n.path) || slices.Contains(endedAtPaths, n.path) || slices.Contains(timestampPaths, n.path))
}

// values calls f for each value at or below the node.
func (n *PathNode) values(f func(*PathNode)) {
	if n.isValue {
		f(n)
	}
	for _, child := range n.children {
		child.values(f)
	}
}

const typePath = "type"

// identityNodes is the tree of all paths of an identity. Its root is the webhook's body.
var identityNodes = sync.OnceValue(func() *PathNode {
	message := &PathNode{children: map[string]*PathNode{}}
	for _, paths := range [][]string{{typePath}, callIDPaths, assistantIDPaths, assistantNumberPaths, startedAtPaths, endedAtPaths, timestampPaths} {
		for _, path := range paths {
			node := message
			for i, name := range strings.Split(path, ".") {
				child := node.children[name]
				if child == nil {
					child = &PathNode{path: strings.Join(strings.Split(path, ".")[:i+1], "."), children: map[string]*PathNode{}}
					node.children[name] = child
				}
				node = child
			}
			node.isValue = true
		}
	}
	return &PathNode{children: map[string]*PathNode{"message": message}}
})

// IdentityCollector gathers the identity of a message for a reader that walks its JSON once. The reader finds the members
// that matter by PathNode.Child and reports each of them, in the order of the JSON. Of two members with the same name the
// last one counts, as in encoding/json. Use NewIdentityCollector.
type IdentityCollector struct{ texts map[string]string }

// NewIdentityCollector returns a collector and the node of the webhook's body.
func NewIdentityCollector() (*IdentityCollector, *PathNode) {
	return &IdentityCollector{texts: map[string]string{}}, identityNodes()
}

// Begin starts a member, before its value. The values of an earlier member with the same name are dropped.
func (c *IdentityCollector) Begin(n *PathNode) {
	n.values(func(v *PathNode) { delete(c.texts, v.path) })
}

// Number records a member's value that is a number, as written.
func (c *IdentityCollector) Number(n *PathNode, literal string) {
	if n.isValue && n.path != typePath {
		c.texts[n.path] = literal
	}
}

// String records a member's value that is a string. A JSON string of an object is read as the object.
func (c *IdentityCollector) String(n *PathNode, s string) {
	switch {
	case n.path == typePath:
		c.texts[typePath] = s // a type is compared as it came
	case n.isValue:
		c.texts[n.path] = strings.TrimSpace(s)
	}
	if len(n.children) == 0 || n.path == "" { // the message itself is never a string
		return
	}
	object, ok := expandJSON(s).(map[string]any)
	if !ok {
		return
	}
	inner := Message{fields: object}
	n.values(func(v *PathNode) {
		if rest, below := strings.CutPrefix(v.path, n.path+"."); below {
			c.texts[v.path] = inner.textAt(rest)
		}
	})
}

// Identity returns what was gathered. Its Type is empty if the JSON was no message with a type.
func (c *IdentityCollector) Identity() Identity {
	return newIdentity(c.texts[typePath], func(path string) string { return c.texts[path] })
}

// PeekType returns the first message.type of a webhook body, without reading further. It is a hint: the body may be
// invalid after it, or have another type later. It is empty if none is found.
func PeekType(body []byte) string {
	d := jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	for _, name := range []string{"message", typePath} {
		if t, err := d.ReadToken(); err != nil || t.Kind() != '{' {
			return ""
		}
		for found := false; !found; {
			if d.PeekKind() != '"' {
				return ""
			}
			t, err := d.ReadToken()
			if err != nil {
				return ""
			}
			if found = t.String() == name; !found && d.SkipValue() != nil {
				return ""
			}
		}
	}
	if d.PeekKind() != '"' {
		return ""
	}
	t, err := d.ReadToken()
	if err != nil {
		return ""
	}
	return t.String()
}
