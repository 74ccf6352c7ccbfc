package liquid

import (
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// lexeme is a word, number, text or sign of an expression.
type lexeme struct {
	kind  lexemeKind
	text  string // of a name or a sign
	value any    // of a number or a text
}

type lexemeKind int

const (
	endOfExpression lexemeKind = iota
	nameLexeme
	numberLexeme
	stringLexeme
	signLexeme
	invalidLexeme
)

// signs are the signs of expressions; longer ones come first.
var signs = []string{"..", "==", "!=", "<>", "<=", ">=", "<", ">", "|", ":", ",", ".", "[", "]", "(", ")", "="}

// lexOne reads the lexeme at the beginning of a text that has no white space before it. It returns its length.
func lexOne(s string) (lexeme, int) {
	first, _ := utf8.DecodeRuneInString(s)
	switch {
	case first == '"' || first == '\'':
		return lexString(s)
	case first >= '0' && first <= '9', first == '-' && len(s) > 1 && s[1] >= '0' && s[1] <= '9':
		return lexNumber(s)
	case isNameRune(first) && first != '-':
		end := strings.IndexFunc(s, func(r rune) bool { return !isNameRune(r) })
		if end < 0 {
			end = len(s)
		} else if s[end] == '?' {
			end++
		}
		return lexeme{kind: nameLexeme, text: s[:end]}, end
	}
	for _, sign := range signs {
		if strings.HasPrefix(s, sign) {
			return lexeme{kind: signLexeme, text: sign}, len(sign)
		}
	}
	return lexeme{kind: invalidLexeme, text: s}, 0
}

func isNameRune(r rune) bool {
	return r == '_' || r == '-' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

func lexNumber(s string) (lexeme, int) {
	end, isFloat := 1, false
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end+1 < len(s) && s[end] == '.' && s[end+1] >= '0' && s[end+1] <= '9' {
		isFloat = true
		for end++; end < len(s) && s[end] >= '0' && s[end] <= '9'; {
			end++
		}
	}
	if n, err := strconv.ParseInt(s[:end], 10, 64); err == nil && !isFloat {
		return lexeme{kind: numberLexeme, value: n}, end
	}
	f, _ := strconv.ParseFloat(s[:end], 64)
	if math.IsInf(f, 0) {
		return lexeme{kind: invalidLexeme, text: s}, 0
	}
	return lexeme{kind: numberLexeme, value: f}, end
}

// escapes are the characters that a backslash stands for, in texts in either kind of quotes.
var escapes = map[byte]string{'n': "\n", 't': "\t", 'r': "\r", '\\': `\`, '"': `"`, '\'': `'`}

func lexString(s string) (lexeme, int) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return lexeme{kind: stringLexeme, value: b.String()}, i + 1
		case s[i] == '\\' && i+1 < len(s) && escapes[s[i+1]] != "":
			i++
			b.WriteString(escapes[s[i]])
		default:
			b.WriteByte(s[i])
		}
	}
	return lexeme{kind: invalidLexeme, text: s}, 0
}
