package liquid

import (
	"slices"
	"strings"
	"unicode"
)

// expression is something that has a value.
type expression interface {
	eval(r *renderer) (any, error)
}

type (
	literal struct{ value any }
	// variable is a variable, or a property of one: path holds the names, numbers and expressions after the first name.
	variable struct {
		name expression
		path []expression
	}
	rangeExpression struct{ from, to expression }
	comparison      struct {
		operator    string
		left, right expression
	}
	// logical is "and" or "or". As in Ruby's Liquid, the right one of several is evaluated first, and none binds closer.
	logical struct {
		and         bool
		left, right expression
	}
	filterCall struct {
		name string
		*filter
		args  []expression
		named map[string]expression
	}
	filtered struct {
		input expression
		calls []filterCall
	}
)

// expressionParser parses one expression, or the parts of a tag.
type expressionParser struct {
	from  string // the text from the next lexeme on
	rest  string // the text after it
	next  lexeme
	depth int
}

// syntaxError is a problem in an expression. It becomes an Error, which has a line.
type syntaxError struct {
	reason error
	detail string
}

func (e *syntaxError) Error() string { return e.reason.Error() + ": " + e.detail }

func newExpressionParser(source string) *expressionParser {
	p := &expressionParser{rest: source}
	p.advance()
	return p
}

// advance reads the next lexeme. It stays at a sign that expressions do not have.
func (p *expressionParser) advance() {
	if p.next.kind == invalidLexeme {
		return
	}
	p.from = strings.TrimLeftFunc(p.rest, unicode.IsSpace)
	length := 0
	if p.next = (lexeme{}); p.from != "" {
		p.next, length = lexOne(p.from)
	}
	p.rest = p.from[length:]
}

// parseExpression parses a whole text as a value with its filters.
func parseExpression(source string) (expression, error) {
	p := newExpressionParser(source)
	e, err := p.condition()
	if err != nil {
		return nil, err
	}
	return e, p.expectEnd()
}

func (p *expressionParser) take() lexeme {
	l := p.next
	p.advance()
	return l
}

// accept takes the next lexeme if it is this sign.
func (p *expressionParser) accept(sign string) bool {
	if p.next.kind == signLexeme && p.next.text == sign {
		p.advance()
		return true
	}
	return false
}

// acceptName takes the next lexeme if it is this word.
func (p *expressionParser) acceptName(name string) bool {
	if p.next.kind == nameLexeme && p.next.text == name {
		p.advance()
		return true
	}
	return false
}

func (p *expressionParser) expect(sign string) error {
	if !p.accept(sign) {
		return p.unexpected(sign)
	}
	return nil
}

func (p *expressionParser) expectEnd() error {
	if p.next.kind != endOfExpression {
		return p.unexpected("the end")
	}
	return nil
}

// unexpected returns an error that says what stands where something else was wanted.
func (p *expressionParser) unexpected(wanted string) error {
	found := "the end"
	switch l := p.next; l.kind {
	case nameLexeme, signLexeme, invalidLexeme:
		found = l.text
	case numberLexeme, stringLexeme:
		found = display(l.value)
	}
	return &syntaxError{errSyntax, "found " + found + " where " + wanted + " is expected"}
}

// condition parses comparisons that are connected by "and" and "or".
func (p *expressionParser) condition() (expression, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, &syntaxError{errTooDeep, ""}
	}
	defer func() { p.depth-- }()
	left, err := p.comparison()
	if err != nil {
		return nil, err
	}
	isAnd := p.acceptName("and")
	if !isAnd && !p.acceptName("or") {
		return left, nil
	}
	right, err := p.condition()
	return logical{isAnd, left, right}, err
}

func (p *expressionParser) comparison() (expression, error) {
	left, err := p.filtered()
	if err != nil {
		return nil, err
	}
	operator := p.next
	switch {
	case operator.kind == signLexeme && slices.Contains([]string{"==", "!=", "<>", "<", ">", "<=", ">="}, operator.text),
		operator.kind == nameLexeme && operator.text == "contains":
		p.advance()
	default:
		return left, nil
	}
	right, err := p.filtered()
	return comparison{operator.text, left, right}, err
}

// filtered parses a value and the filters after it.
func (p *expressionParser) filtered() (expression, error) {
	input, err := p.value()
	if err != nil {
		return nil, err
	}
	var calls []filterCall
	for p.accept("|") {
		if len(calls) >= maxDepth {
			return nil, &syntaxError{errTooDeep, ""}
		}
		call, err := p.filterCall()
		if err != nil {
			return nil, err
		}
		calls = append(calls, call)
	}
	if calls == nil {
		return input, nil
	}
	return filtered{input, calls}, nil
}

func (p *expressionParser) filterCall() (filterCall, error) {
	name := p.next
	if name.kind != nameLexeme {
		return filterCall{}, p.unexpected("the name of a filter")
	}
	p.advance()
	call := filterCall{name: name.text, filter: filters[name.text]}
	if call.filter == nil {
		return call, &syntaxError{errUnknownFilter, name.text}
	}
	if p.accept(":") {
		if err := p.arguments(&call); err != nil {
			return call, err
		}
	}
	if len(call.args) < call.min || len(call.args) > call.max {
		return call, &syntaxError{errArguments, call.describe()}
	}
	if call.name == "divided_by" || call.name == "modulo" {
		if l, ok := call.args[0].(literal); ok && exact(toNumber(l.value)).Sign() == 0 {
			return call, &syntaxError{errDivisionByZero, ""}
		}
	}
	for key := range call.named {
		if !slices.Contains(call.keywords, key) {
			return call, &syntaxError{errArguments, call.name + " has no " + key}
		}
	}
	return call, nil
}

func (p *expressionParser) arguments(call *filterCall) error {
	for {
		key := ""
		if p.next.kind == nameLexeme && strings.HasPrefix(strings.TrimLeftFunc(p.rest, unicode.IsSpace), ":") {
			key = p.take().text
			p.advance()
		}
		v, err := p.value()
		if err != nil {
			return err
		}
		if key == "" {
			call.args = append(call.args, v)
		} else {
			if call.named == nil {
				call.named = map[string]expression{}
			}
			call.named[key] = v
		}
		if !p.accept(",") {
			return nil
		}
	}
}

// constants are the words that are values and not variables.
var constants = map[string]any{"nil": nil, "null": nil, "true": true, "false": false, "empty": emptyValue{}, "blank": blankValue{}}

// value parses a literal, a variable with its path, a range, or a condition in parentheses.
func (p *expressionParser) value() (expression, error) {
	l := p.next
	switch {
	case l.kind == stringLexeme || l.kind == numberLexeme:
		p.advance()
		return p.path(literal{l.value})
	case l.kind == nameLexeme:
		p.advance()
		if v, ok := constants[l.text]; ok && (p.next.kind != signLexeme || p.next.text != "." && p.next.text != "[") {
			return literal{v}, nil
		}
		return p.path(variable{name: literal{l.text}})
	case p.accept("["): // a variable whose name is computed
		name, err := p.index()
		if err != nil {
			return nil, err
		}
		return p.path(variable{name: name})
	case p.accept("("):
		return p.parentheses()
	}
	return nil, p.unexpected("a value")
}

func (p *expressionParser) parentheses() (expression, error) {
	from, err := p.condition()
	if err != nil {
		return nil, err
	}
	if !p.accept("..") {
		return from, p.expect(")")
	}
	to, err := p.condition()
	if err != nil {
		return nil, err
	}
	return rangeExpression{from, to}, p.expect(")")
}

// index parses what stands between brackets, and the closing one.
func (p *expressionParser) index() (expression, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, &syntaxError{errTooDeep, ""}
	}
	defer func() { p.depth-- }()
	e, err := p.value()
	if err != nil {
		return nil, err
	}
	return e, p.expect("]")
}

// path parses the properties and indexes after a value.
func (p *expressionParser) path(base expression) (expression, error) {
	v, isVariable := base.(variable)
	for {
		var step expression
		switch {
		case p.accept("."):
			if p.next.kind != nameLexeme && p.next.kind != numberLexeme {
				return nil, p.unexpected("the name of a property")
			}
			name := p.take()
			step = literal{name.value}
			if name.kind == nameLexeme {
				step = literal{name.text}
			}
		case p.accept("["):
			index, err := p.index()
			if err != nil {
				return nil, err
			}
			step = index
		case isVariable || v.path != nil:
			return v, nil
		default:
			return base, nil
		}
		if len(v.path) >= maxDepth {
			return nil, &syntaxError{errTooDeep, ""}
		}
		if !isVariable && v.path == nil {
			v.name = constantRoot{base}
		}
		v.path = append(v.path, step)
	}
}

// constantRoot marks a path that begins at a value and not at a variable, such as "abc".size.
type constantRoot struct{ expression }
