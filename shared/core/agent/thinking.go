package agent

import "strings"

// thoughtFilter removes what a model thinks from its text. Servers that do not separate the two send the thoughts inside
// tags, whose spelling depends on the model. The zero value is ready to use.
//
// It holds back only text that may be the beginning of such a tag, and white space before the first word. The way a text
// is cut into pieces never changes what is left of it.
type thoughtFilter struct {
	held  string // may be the beginning of a mark
	last  byte   // the byte before held
	space string // white space before the first word
	begun bool   // a word of the answer has come
	seen  bool   // a mark has come
	depth int    // open tags
	// closed says that a tag was closed inside an open one. candidate is the text after it. It is the answer if the text ends
	// there: a thought may name a tag that it does not open.
	closed    bool
	candidate strings.Builder
	channel   channelState
	header    strings.Builder // of the channel
}

// channelState is the position in a text of OpenAI's Harmony format (https://cookbook.openai.com/articles/openai-harmony).
type channelState int

const (
	noChannel channelState = iota
	inHeader               // between <|channel|> or <|start|> and <|message|>
	hiddenChannel
)

// markKind says what a mark in a model's text means.
type markKind int

const (
	noMark markKind = iota
	opening
	closing
	wrapper   // of the answer; it means nothing
	answerTag // the same, but only after a thought
	channelHeader
	channelText
	channelEnd
)

// thoughtTags are the names of the tags around thoughts and around the answer after them, in angle brackets.
var thoughtTags = []string{"thinking", "think", "thoughts", "thought", "reasoning", "reflection", "scratchpad", "antthinking", "seed:think", "mm:think", "answer"}

// literalMarks are the other marks, in lower case: of Magistral, Kimi, Gemma, Command, OpenThinker and gpt-oss.
var literalMarks = []struct {
	text string
	kind markKind
}{
	{"[think]", opening}, {"[/think]", closing}, {"◁think▷", opening}, {"◁/think▷", closing},
	{"<|channel>", opening}, {"<channel|>", closing}, {"<|think|>", opening}, {"<|/think|>", closing},
	{"<|start_thinking|>", opening}, {"<|end_thinking|>", closing}, {"<|start_response|>", wrapper}, {"<|end_response|>", wrapper},
	{"<|begin_of_thought|>", opening}, {"<|end_of_thought|>", closing}, {"<|begin_of_solution|>", wrapper}, {"<|end_of_solution|>", wrapper},
	{"<|channel|>", channelHeader}, {"<|start|>", channelHeader}, {"<|message|>", channelText},
	{"<|end|>", channelEnd}, {"<|return|>", channelEnd}, {"<|call|>", channelEnd},
}

// maxTag is how long a tag with its attributes may be.
const maxTag = 200

// write takes the next piece of the text and returns what belongs to the answer. withdrawn says that all of the answer
// before was a thought: the server's template had opened the tag that ends now.
func (f *thoughtFilter) write(text string) (answer string, withdrawn bool) {
	if f.held == "" && f.begun && f.depth == 0 && f.channel == noChannel && nextMark(text) == len(text) {
		if text != "" {
			f.last = text[len(text)-1]
		}
		return text, false
	}
	return f.process(f.held+text, false)
}

// close ends the text. cut says that the model had more to say: its thoughts may then have no end.
func (f *thoughtFilter) close(cut bool) (answer string, withdrawn bool) {
	answer, withdrawn = f.process(f.held, true)
	if f.depth > 0 && f.closed && !cut {
		answer += strings.TrimLeft(f.candidate.String(), blanks)
	}
	if !f.begun && !f.seen {
		answer = f.space + answer
	}
	return answer, withdrawn
}

func (f *thoughtFilter) process(text string, end bool) (answer string, withdrawn bool) {
	f.held = ""
	var out strings.Builder
	for text != "" {
		if n := nextMark(text); n > 0 {
			f.add(&out, text[:n])
			text = text[n:]
			continue
		}
		kind, size, known := findMark(text)
		quoted := false
		if known && kind != noMark && strings.IndexByte("`\"'", f.last) >= 0 { // between quotation marks, a mark is only named
			known = size < len(text)
			quoted = known && text[size] == f.last
		}
		switch {
		case !known && !end:
			f.held = text
			return out.String(), withdrawn
		case size == 0 || quoted || kind == answerTag && !f.seen:
			size = max(size, 1)
			f.add(&out, text[:size])
		default:
			if f.apply(kind, &out) {
				out.Reset()
				withdrawn = true
			}
			f.last = text[size-1]
		}
		text = text[size:]
	}
	return out.String(), withdrawn
}

// nextMark returns where the first character of text is that may begin a mark; len(text) if there is none.
func nextMark(text string) int {
	for i := range len(text) {
		if c := text[i]; c == '<' || c == '[' || c == "◁"[0] {
			return i
		}
	}
	return len(text)
}

const blanks = " \t\r\n"

// add adds text without marks.
func (f *thoughtFilter) add(out *strings.Builder, text string) {
	f.last = text[len(text)-1]
	switch {
	case f.channel == inHeader:
		if f.header.Len() < maxTag {
			f.header.WriteString(text)
		}
	case f.channel == hiddenChannel:
	case f.depth > 0:
		if f.closed {
			f.candidate.WriteString(text)
		}
	case f.begun:
		out.WriteString(text)
	default:
		words := strings.TrimLeft(text, blanks)
		f.space += text[:len(text)-len(words)]
		if words == "" {
			return
		}
		f.begun = true
		if !f.seen {
			out.WriteString(f.space)
		}
		out.WriteString(words)
	}
}

// apply changes the state at a mark. It reports whether all of the answer before it was a thought.
func (f *thoughtFilter) apply(kind markKind, out *strings.Builder) (withdrawn bool) {
	switch kind {
	case opening:
		if f.depth == 0 {
			f.closed = false
		}
		f.depth++
	case closing:
		if f.depth > 0 {
			f.depth--
			f.closed = true
			f.candidate.Reset()
		} else if withdrawn = !f.seen; withdrawn {
			f.begun = false
		}
	case channelHeader:
		f.channel = inHeader
		f.header.Reset()
	case channelText:
		if f.channel != inHeader {
			break
		}
		f.channel = noChannel
		if !isAnswerHeader(f.header.String()) {
			f.channel = hiddenChannel
		} else if f.begun {
			out.WriteByte('\n')
		}
	case channelEnd:
		f.channel = noChannel
	}
	f.seen = true
	return withdrawn
}

// isAnswerHeader reports whether a Harmony header begins text for the reader: not a thought, and not a tool call.
func isAnswerHeader(header string) bool {
	channel, _, _ := strings.Cut(strings.TrimSpace(strings.ToLower(header)), " ")
	switch channel {
	case "", "final", "commentary", "assistant":
		return !strings.Contains(header, "to=")
	}
	return false
}

// findMark classifies what text begins with. known is false if this depends on text that has not come yet.
func findMark(text string) (kind markKind, size int, known bool) {
	known = true
	for _, m := range literalMarks {
		n := min(len(text), len(m.text))
		if !strings.EqualFold(text[:n], m.text[:n]) {
			continue
		}
		if n == len(m.text) {
			return m.kind, n, true
		}
		known = false
	}
	if text[0] != '<' {
		return noMark, 0, known
	}
	kind, from := opening, 1
	if strings.HasPrefix(text, "</") {
		kind, from = closing, 2
	}
	for _, name := range thoughtTags {
		n := min(len(text)-from, len(name))
		if !strings.EqualFold(text[from:from+n], name[:n]) {
			continue
		}
		if n < len(name) || len(text) == from+n {
			known = false
			continue
		}
		rest := text[from+n : min(len(text), maxTag)]
		if !strings.ContainsRune(" \t\r\n/>", rune(rest[0])) {
			continue
		}
		tail := strings.IndexByte(rest, '>')
		switch {
		case tail < 0 && len(text) < maxTag:
			return noMark, 0, false
		case tail < 0:
			return noMark, 0, true
		case name == "answer":
			kind = answerTag
		case strings.HasSuffix(rest[:tail], "/"):
			kind = wrapper
		}
		return kind, from + n + tail + 1, true
	}
	return noMark, 0, known
}
