package stricttwiml

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// MaxInline is the maximum number of characters of TwiML in the parameter Twiml of a REST request:
// https://www.twilio.com/docs/voice/api/call-resource#create-a-call-resource
const MaxInline = 4000

// Element is a verb, or a noun within a verb.
type Element struct {
	Name       string
	Attributes map[string]string
	Text       string // without white space around it
	Children   []Element
}

// Attribute returns the value of an attribute, or a default.
func (e Element) Attribute(name, otherwise string) string {
	if v, ok := e.Attributes[name]; ok {
		return v
	}
	return otherwise
}

// Child returns the first child with a name.
func (e Element) Child(name string) (Element, bool) {
	i := slices.IndexFunc(e.Children, func(c Element) bool { return c.Name == name })
	if i < 0 {
		return Element{}, false
	}
	return e.Children[i], true
}

// ErrNotTwiML is the error of a text that is not one XML document with the root Response. Twilio reports it as error 12100.
var ErrNotTwiML = errors.New("document parse failure (12100)")

// Read returns the verbs of a document, and every deviation from the documentation, in the order of the document.
func Read(document string) (verbs []Element, problems []string, err error) {
	root, err := parse(document)
	if err != nil {
		return nil, nil, err
	}
	for name := range root.Attributes {
		problems = append(problems, fmt.Sprintf("<Response> has no attribute %s", name))
	}
	if root.Text != "" {
		problems = append(problems, fmt.Sprintf("<Response> has the text %q beside its verbs", root.Text))
	}
	for _, verb := range root.Children {
		if !slices.Contains(verbNames, verb.Name) {
			problems = append(problems, unknownName("verb", verb.Name, verbNames))
			continue
		}
		problems = append(problems, check(verb)...)
	}
	return root.Children, problems, nil
}

// parse reads the elements of a document whose root is Response.
func parse(document string) (Element, error) {
	d := xml.NewDecoder(strings.NewReader(document))
	var open []*Element
	var root *Element
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && root != nil && len(open) == 0 {
			return *root, nil
		}
		if err != nil {
			return Element{}, fmt.Errorf("%w: %w", ErrNotTwiML, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &Element{Name: token.Name.Local, Attributes: map[string]string{}}
			for _, a := range token.Attr {
				e.Attributes[a.Name.Local] = a.Value
			}
			if len(open) == 0 && (root != nil || e.Name != "Response") {
				return Element{}, fmt.Errorf("%w: the root is <%s>, not one <Response>", ErrNotTwiML, e.Name)
			}
			open = append(open, e)
		case xml.EndElement:
			done := open[len(open)-1]
			done.Text = strings.TrimSpace(done.Text)
			if open = open[:len(open)-1]; len(open) == 0 {
				root = done
			} else {
				open[len(open)-1].Children = append(open[len(open)-1].Children, *done)
			}
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].Text += string(token)
			}
		}
	}
}

// check returns the deviations of an element and of its children.
func check(e Element) []string {
	var problems []string
	rule := elements[e.Name]
	for _, name := range slices.Sorted(maps.Keys(e.Attributes)) {
		allowed, known := rule.attributes[name]
		if !known {
			problems = append(problems, unknownName(fmt.Sprintf("attribute of <%s>", e.Name), name, slices.Sorted(maps.Keys(rule.attributes))))
			continue
		}
		if why := allowed(e.Attributes[name]); why != "" {
			problems = append(problems, fmt.Sprintf("<%s %s=%q>: %s", e.Name, name, e.Attributes[name], why))
		}
	}
	for _, name := range rule.required {
		if e.Attributes[name] == "" {
			problems = append(problems, fmt.Sprintf("<%s> lacks its attribute %s", e.Name, name))
		}
	}
	switch {
	case rule.text == textNeeded && e.Text == "", rule.text == textOrChild && e.Text == "" && len(e.Children) == 0:
		problems = append(problems, fmt.Sprintf("<%s> is empty", e.Name))
	case rule.text == textNone && e.Text != "":
		problems = append(problems, fmt.Sprintf("<%s> must not have the text %q", e.Name, e.Text))
	case rule.one && len(e.Children) != 1:
		problems = append(problems, fmt.Sprintf("<%s> has %d nouns, and needs one", e.Name, len(e.Children)))
	}
	for _, child := range e.Children {
		if !slices.Contains(rule.children, child.Name) {
			problems = append(problems, unknownName(fmt.Sprintf("noun in <%s>", e.Name), child.Name, rule.children))
			continue
		}
		problems = append(problems, check(child)...)
	}
	if rule.whole != nil {
		problems = append(problems, rule.whole(e)...)
	}
	return problems
}

// unknownName describes an unknown name, with the right one if only the letter case differs.
func unknownName(what, name string, known []string) string {
	for _, k := range known {
		if strings.EqualFold(k, name) {
			return fmt.Sprintf("unknown %s: %s, which Twilio ignores; the name is %s", what, name, k)
		}
	}
	return fmt.Sprintf("unknown %s: %s", what, name)
}
