package liquid

import (
	"errors"
	"slices"
	"strings"
)

// Template is a parsed template. It is safe for concurrent use.
type Template struct{ nodes []node }

// node is a part of a template that can be rendered.
type node interface {
	render(r *renderer, w *writer) error
}

// HasMarkup reports whether a text has anything that a template could fill in.
func HasMarkup(source string) bool { return indexMarkup(source) >= 0 }

// Parse parses a template. What cannot be read is reported and left out of the template, which can be rendered in any case.
func Parse(source string) (*Template, []*Error) {
	var errs errorList
	if len(source) > maxSourceBytes {
		errs.add(1, errTooLarge, "")
		return &Template{}, errs.all
	}
	p := &parser{errs: &errs, tokens: scan(source, &errs)}
	t := &Template{p.all()}
	slices.SortStableFunc(errs.all, func(a, b *Error) int { return a.Line - b.Line })
	return t, errs.all
}

// parser builds the nodes of a template from its tokens.
type parser struct {
	tokens []token
	at     int
	errs   *errorList
	depth  int // how many tags with a content are open
	loops  int // how many of them are loops
}

// withContent are the tags that need an end tag.
var withContent = map[string]bool{"if": true, "unless": true, "case": true, "for": true, "capture": true, "ifchanged": true}

// pair finds the tags without an end tag and the end tags without a beginning.
func pair(tokens []token) {
	var open []int // indexes of tokens
	count := map[string]int{}
	for i := range tokens {
		name, isEnd := strings.CutPrefix(tokens[i].name, "end")
		switch {
		case !isEnd && withContent[name]:
			open = append(open, i)
			count[name]++
		case isEnd && withContent[name] && count[name] == 0:
			tokens[i].unpaired = true
		case isEnd && withContent[name]:
			for {
				last := &tokens[open[len(open)-1]]
				open = open[:len(open)-1]
				count[last.name]--
				if last.name == name {
					break
				}
				last.unpaired = true
			}
		}
	}
	for _, i := range open {
		tokens[i].unpaired = true
	}
}

// all parses all tokens.
func (p *parser) all() []node {
	pair(p.tokens)
	nodes, _ := p.block()
	return nodes
}

// fail reports that a token is left out.
func (p *parser) fail(t token, err error) {
	reason, detail := errSyntax, err.Error()
	if s, ok := errors.AsType[*syntaxError](err); ok {
		reason, detail = s.reason, s.detail
	}
	if reason == errSyntax {
		detail = strings.TrimSpace(t.name+" "+strings.TrimSpace(t.text)) + ": " + detail
	}
	p.errs.add(t.line, reason, detail)
}

// parts are the tags that belong to another tag, and that tag.
var parts = map[string]string{"else": "if, unless, case or for", "elsif": "if", "when": "case"}

// block parses nodes up to a tag of one of these names, which it returns.
func (p *parser) block(ends ...string) ([]node, token) {
	var nodes []node
	for p.at < len(p.tokens) {
		t := p.tokens[p.at]
		p.at++
		switch {
		case t.kind == textToken:
			nodes = append(nodes, textNode(t.text))
		case t.kind == outputToken:
			if n := p.output(t); n != nil {
				nodes = append(nodes, n)
			}
		case t.unpaired && withContent[t.name]:
			p.errs.add(t.line, errNotClosed, t.name+" needs end"+t.name)
		case !t.unpaired && slices.Contains(ends, t.name):
			return nodes, t
		case parts[t.name] != "":
			p.errs.add(t.line, errMisplaced, t.name+" belongs to "+parts[t.name])
		case strings.HasPrefix(t.name, "end"):
			p.errs.add(t.line, errMisplaced, t.name)
		default:
			if n := p.tag(t); n != nil {
				nodes = append(nodes, n)
			}
		}
	}
	return nodes, token{}
}

func (p *parser) output(t token) node {
	if strings.TrimSpace(t.text) == "" {
		return nil
	}
	e, err := parseExpression(t.text)
	if err != nil {
		p.fail(t, err)
		return nil
	}
	return outputNode{t.line, e}
}

// unavailable are Liquid's tags that prompts cannot use.
var unavailable = map[string]string{
	"include": "include: a prompt cannot read other templates",
	"render":  "render: a prompt cannot read other templates",
	"layout":  "layout: a prompt cannot read other templates", "section": "section: a prompt cannot read other templates",
	"tablerow": "tablerow: it makes an HTML table", "endtablerow": "tablerow",
}

// tag parses a tag and, if it has a content, its content. It returns nil if nothing is to be rendered.
func (p *parser) tag(t token) node {
	parse := tags[t.name]
	if parse == nil {
		if text, ok := unavailable[t.name]; ok {
			p.errs.add(t.line, errNoTag, text)
		} else {
			p.errs.add(t.line, errUnknownTag, t.name)
		}
		return nil
	}
	n, err := parse(p, t)
	if err != nil {
		p.fail(t, err)
		return nil
	}
	return n
}

// body parses the content of a tag up to its end tag, or up to one of the tags between.
func (p *parser) body(t token, between ...string) ([]node, token) {
	end := "end" + t.name
	if p.depth >= maxDepth {
		p.errs.add(t.line, errTooDeep, "")
		p.skip(t.name)
		return nil, token{name: end}
	}
	p.depth++
	nodes, next := p.block(append(between, end)...)
	p.depth--
	return nodes, next
}

// skip leaves out the content of a tag and its end tag.
func (p *parser) skip(name string) {
	for depth := 1; p.at < len(p.tokens) && depth > 0; p.at++ {
		if t := p.tokens[p.at]; t.kind == tagToken && !t.unpaired {
			switch t.name {
			case name:
				depth++
			case "end" + name:
				depth--
			}
		}
	}
}

// lines parses the content of the tag liquid, in which each line is a tag.
func (p *parser) lines(t token) (node, error) {
	inner := &parser{errs: p.errs, depth: p.depth + 1, loops: p.loops}
	inComment := ""
	for i, line := range strings.Split(t.text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		tag := splitTag(token{kind: tagToken, line: t.line + i, text: line})
		switch {
		case inComment != "":
			if tag.name == "end"+inComment {
				inComment = ""
			}
		case tag.name == "comment" || tag.name == "doc":
			inComment = tag.name
		default:
			inner.tokens = append(inner.tokens, tag)
		}
	}
	if inComment != "" {
		return nil, &syntaxError{errNotClosed, inComment + " needs end" + inComment}
	}
	if p.depth >= maxDepth {
		return nil, &syntaxError{errTooDeep, ""}
	}
	return blockNode(inner.all()), nil
}
