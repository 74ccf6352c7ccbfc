package liquid

import "strings"

// tags parse the tags that a template can have. raw, comment and doc are left to the scanner.
var tags map[string]func(*parser, token) (node, error)

func init() { // not in the declaration, because the tags parse tags
	tags = map[string]func(*parser, token) (node, error){
		"assign": parseAssign, "capture": parseCapture, "case": parseCase, "cycle": parseCycle, "echo": parseEcho, "for": parseFor,
		"if": parseIf, "ifchanged": parseIfChanged, "unless": parseIf, "liquid": (*parser).lines,
		"increment": parseCounter(1), "decrement": parseCounter(-1),
		"break": parseJump(errBreak), "continue": parseJump(errContinue),
		"#": parseInlineComment,
	}
}

// parseInlineComment checks that each line of a comment begins with #: without it, text that was not meant as one would be lost.
func parseInlineComment(_ *parser, t token) (node, error) {
	for i, line := range strings.Split(t.text, "\n") {
		if line = strings.TrimSpace(line); i > 0 && line != "" && line[0] != '#' {
			return nil, &syntaxError{errSyntax, "each line of a comment needs # at its beginning"}
		}
	}
	return nil, nil
}

func parseEcho(p *parser, t token) (node, error) {
	return p.output(t), nil
}

func parseAssign(_ *parser, t token) (node, error) {
	e := newExpressionParser(t.text)
	name := e.take()
	if name.kind != nameLexeme {
		return nil, &syntaxError{errSyntax, "assign needs name = value"}
	}
	if err := e.expect("="); err != nil {
		return nil, err
	}
	value, err := e.condition()
	if err == nil {
		err = e.expectEnd()
	}
	return assignNode{t.line, name.text, value}, err
}

func parseCapture(p *parser, t token) (node, error) {
	name := strings.Trim(strings.TrimSpace(t.text), `"'`)
	body, _ := p.body(t)
	if l, length := lexOne(name + " "); l.kind != nameLexeme || length != len(name) {
		return nil, &syntaxError{errSyntax, "capture needs the name of a variable"}
	}
	return captureNode{t.line, name, body}, nil
}

// branch is a part of if, unless, case or for. A nil condition is else.
type branch struct {
	conditions []expression
	body       []node
}

// parseIf parses if and unless.
func parseIf(p *parser, t token) (node, error) {
	n := ifNode{line: t.line}
	condition, firstErr := parseExpression(t.text)
	if t.name == "unless" {
		condition = comparison{"==", truth{condition}, literal{false}}
	}
	for current := (branch{conditions: []expression{condition}}); ; {
		body, next := p.body(t, "elsif", "else")
		p.checkElse(next)
		current.body = body
		n.branches = append(n.branches, current)
		switch next.name {
		case "elsif":
			e, err := parseExpression(next.text)
			if err != nil && firstErr == nil {
				t.line, firstErr = next.line, err
			}
			current = branch{conditions: []expression{e}}
		case "else":
			current = branch{}
		default:
			n.branches = withoutBlanks(n.branches)
			return n, firstErr
		}
	}
}

// checkElse reports an else with a condition, such as "else if".
func (p *parser) checkElse(t token) {
	if text := strings.TrimSpace(t.text); t.name == "else" && text != "" {
		p.errs.add(t.line, errSyntax, "else "+text+": else has no condition; use elsif")
	}
}

func parseCase(p *parser, t token) (node, error) {
	subject, firstErr := parseExpression(t.text)
	n := caseNode{line: t.line, subject: subject}
	_, next := p.body(t, "when", "else") // what stands before the first when is not rendered
	for next.name == "when" || next.name == "else" {
		current := branch{}
		if next.name == "when" {
			values, err := parseWhen(next.text)
			if err != nil && firstErr == nil {
				firstErr = err
			}
			current.conditions = values
		}
		p.checkElse(next)
		current.body, next = p.body(t, "when", "else")
		n.branches = append(n.branches, current)
	}
	n.branches = withoutBlanks(n.branches)
	return n, firstErr
}

// parseWhen parses the values of when, which "or" or a comma separates.
func parseWhen(source string) ([]expression, error) {
	p := newExpressionParser(source)
	var values []expression
	for {
		v, err := p.filtered()
		if err != nil {
			return nil, err
		}
		values = append(values, v)
		if !p.accept(",") && !p.acceptName("or") {
			return values, p.expectEnd()
		}
	}
}

func parseFor(p *parser, t token) (node, error) {
	n, err := parseForHead(t)
	p.loops++
	var next token
	n.body, next = p.body(t, "else")
	p.loops--
	for next.name == "else" {
		p.checkElse(next)
		n.otherwise, next = p.body(t, "else")
	}
	bodies := withoutBlanks([]branch{{body: n.body}, {body: n.otherwise}})
	n.body, n.otherwise = bodies[0].body, bodies[1].body
	return n, err
}

func parseForHead(t token) (*forNode, error) {
	p := newExpressionParser(t.text)
	n := &forNode{line: t.line}
	name := p.take()
	if name.kind != nameLexeme || !p.acceptName("in") {
		return n, &syntaxError{errSyntax, "for needs name in list"}
	}
	collection := p.from
	list, err := p.filtered()
	if err != nil {
		return n, err
	}
	n.variable, n.list = name.text, list
	n.name = name.text + "-" + strings.TrimSpace(collection[:len(collection)-len(p.from)])
	for p.next.kind != endOfExpression {
		if p.accept(",") {
			continue
		}
		if p.acceptName("reversed") {
			n.reversed = true
			continue
		}
		word := p.next
		if !p.acceptName("limit") && !p.acceptName("offset") {
			return n, p.unexpected("limit, offset or reversed")
		}
		if err := p.expect(":"); err != nil {
			return n, err
		}
		if word.text == "offset" && p.acceptName("continue") {
			n.continues = true
			continue
		}
		value, err := p.value()
		if err != nil {
			return n, err
		}
		if word.text == "limit" {
			n.limit = value
		} else {
			n.offset = value
		}
	}
	return n, nil
}

func parseCycle(_ *parser, t token) (node, error) {
	p := newExpressionParser(t.text)
	n := cycleNode{line: t.line, name: strings.Join(strings.Fields(t.text), " ")}
	for {
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		switch {
		case len(n.values) == 0 && n.group == nil && p.accept(":"):
			n.group = v
			continue
		default:
			n.values = append(n.values, v)
		}
		if !p.accept(",") {
			return n, p.expectEnd()
		}
	}
}

func parseIfChanged(p *parser, t token) (node, error) {
	body, _ := p.body(t)
	return &ifChangedNode{t.line, body}, nil
}

func parseCounter(by int64) func(*parser, token) (node, error) {
	return func(_ *parser, t token) (node, error) {
		p := newExpressionParser(t.text)
		name := p.take()
		if name.kind != nameLexeme {
			return nil, p.unexpected("the name of a variable")
		}
		return counterNode{name.text, by}, p.expectEnd()
	}
}

func parseJump(jump error) func(*parser, token) (node, error) {
	return func(p *parser, t token) (node, error) {
		if p.loops == 0 {
			return nil, &syntaxError{errMisplaced, t.name + " belongs to for"}
		}
		return jumpNode{jump}, nil
	}
}
