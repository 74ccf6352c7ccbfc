package phoneday

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"example.com/aurora/shared/dev/fakeopenai"
	"example.com/aurora/shared/dev/fakerelay"
)

var (
	callSIDs = regexp.MustCompile(`CA[0-9a-f]{32}`)
	// A caller's words: which call, which turn, and what is wanted.
	orders = regexp.MustCompile(`caller ([a-z]+) turn ([a-z]+) (plain|long|text|transfer|goodbye)`)
)

var ordinals = []string{"", "first", "second", "third", "fourth", "fifth", "sixth", "seventh"}

var fruits = strings.Fields("apple banana cherry damson elder fig grape hazel juniper kiwi lemon mango nectar olive papaya quince raisin")

// tag returns the name of a call: letters only, so that nothing on the way to the voice changes it.
func tag(n int) string {
	return "q" + string(rune('a'+n/676%26)) + string(rune('a'+n/26%26)) + string(rune('a'+n%26))
}

// order returns the words of a caller.
func order(call string, turn int, what string) string {
	return fmt.Sprintf("caller %s turn %s %s", call, ordinals[turn], what)
}

// answerWords returns the answer to a turn. Every word names the call and the turn, so that it is known where it belongs.
func answerWords(call, turn string, n int) []string {
	words := make([]string, n)
	for i := range words {
		word := turn + call + fruits[i%len(fruits)]
		switch {
		case i == n-1 || i%8 == 7:
			word += "."
		}
		if i < n-1 {
			word += " "
		}
		words[i] = word
	}
	return words
}

// script is the model of a day: it answers what a caller ordered, and checks the history that it is given.
type script struct {
	mu       sync.Mutex
	calls    map[string]*dayCall // by tag
	problems []string
	checked  int // histories
	overtook int // histories that lack what was still on its way
}

// dayCall is what the script knows of a call.
type dayCall struct {
	tag    string
	phone  *fakerelay.Phone
	broken bool // a session failed, so it is not known what was heard of its last words
}

func (s *script) problem(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

func (s *script) find(tag string) *dayCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[tag]
}

// answer is a fakeopenai.Script.
func (s *script) answer(_ int, r fakeopenai.Request) fakeopenai.Answer {
	if r.Body.ResponseFormat != nil { // the analysis of a call
		return fakeopenai.Text(`{"summary":"They spoke.","outcome":"resolved","sentiment":"positive","topics":["day"],"actionItems":[]}`)
	}
	if why := fakeopenai.Rejection(r.Raw); why != "" {
		s.problem("a request that a model rejects: %s", why)
	}
	all := orders.FindAllStringSubmatch(r.Last("user"), -1)
	if len(all) == 0 {
		return fakeopenai.Text("I ", "heard ", "nothing ", "that ", "I ", "know.")
	}
	m := all[len(all)-1]
	call, turn, what := m[1], m[2], m[3]
	messages := r.Body.Messages
	if messages[len(messages)-1].Role == "tool" {
		return fakeopenai.Text(answerWords(call, turn, 8)...).Each(5 * time.Millisecond)
	}
	if c := s.find(call); c != nil {
		s.checkHistory(c, r)
	}
	id := "call_" + call + turn
	switch what {
	case "long":
		return fakeopenai.Text(answerWords(call, turn, 60)...).Each(15 * time.Millisecond)
	case "text":
		arguments, _ := json.Marshal(map[string]string{"message": "message of " + call + " " + turn})
		return fakeopenai.ToolCall(id, "send_sms", string(arguments))
	case "transfer":
		return fakeopenai.ToolCall(id, "transfer_call", `{"destination":"desk"}`)
	case "goodbye":
		return fakeopenai.ToolCall(id, "end_call", "{}")
	}
	return fakeopenai.Text(answerWords(call, turn, 12)...).Each(5 * time.Millisecond)
}

// block is what one side said until the other side spoke.
type block struct {
	by   string // user or assistant
	text string // letters only
}

func appendBlock(blocks []block, by, text string) []block {
	text = letters(text)
	if n := len(blocks) - 1; n >= 0 && blocks[n].by == by {
		blocks[n].text += text
		return blocks
	}
	if text == "" {
		return blocks
	}
	return append(blocks, block{by, text})
}

func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

// fillers are words that are spoken while something takes long. They are not part of the conversation.
var fillers = []string{letters("One moment, please."), letters("I'm still working on that. One moment, please.")}

// onItsWay is how long a message may be on its way to the function: the emulator delivers them in any order. A turn cannot know
// what has not arrived; the next one must.
const onItsWay = 1500 * time.Millisecond

// checkHistory compares what the model is given with what was said and heard on the telephone.
func (s *script) checkHistory(c *dayCall, r fakeopenai.Request) {
	s.mu.Lock()
	s.checked++
	phone, broken := c.phone, c.broken
	s.mu.Unlock()
	if phone == nil || broken {
		return
	}
	var got []block
	results := map[string]int{}
	for _, m := range r.Body.Messages {
		switch m.Role {
		case "user", "assistant":
			got = appendBlock(got, m.Role, m.Content)
		case "tool":
			results[m.ToolCallID]++
		}
	}
	for id, n := range results {
		if n != 1 {
			s.problem("call %s: the history has the result of %s %d times", c.tag, id, n)
		}
	}
	said := phone.Utterances()
	why := difference(got, wantedBlocks(said, nil))
	if why == "" {
		return
	}
	late := func(u fakerelay.Utterance) bool { return time.Since(u.At) < onItsWay && !wasGiven(got, u) }
	cut := newestCut(said)
	if difference(got, wantedBlocks(said, late)) == "" || difference(got, wantedBlocks(said, func(u fakerelay.Utterance) bool { return u == cut || late(u) })) == "" {
		s.mu.Lock()
		s.overtook++
		s.mu.Unlock()
		return
	}
	s.problem("call %s: %s", c.tag, why)
}

// newestCut returns the words that were interrupted last, if nothing but the caller's words of the last moment came after them: the
// interruption may still be on its way.
func newestCut(said []fakerelay.Utterance) fakerelay.Utterance {
	for _, u := range slices.Backward(said) {
		switch {
		case u.Cut:
			return u
		case u.By != fakerelay.Caller || time.Since(u.At) > onItsWay:
			return fakerelay.Utterance{}
		}
	}
	return fakerelay.Utterance{}
}

// wasGiven reports whether the caller's words stand in a history.
func wasGiven(got []block, u fakerelay.Utterance) bool {
	return u.By != fakerelay.Caller || slices.ContainsFunc(got, func(b block) bool { return strings.Contains(b.text, letters(u.Text)) })
}

// wantedBlocks returns the history that the model must be given. Utterances of which unknown holds are left out.
func wantedBlocks(said []fakerelay.Utterance, unknown func(fakerelay.Utterance) bool) (want []block) {
	for _, u := range said {
		switch {
		case unknown != nil && unknown(u):
		case u.By == fakerelay.Caller:
			want = appendBlock(want, "user", u.Text)
		case u.By == fakerelay.Agent && !u.Late:
			heard := letters(u.Text)
			for _, f := range fillers {
				heard = strings.ReplaceAll(heard, f, "")
			}
			want = appendBlock(want, "assistant", heard)
		}
	}
	return want
}

// difference returns how a history differs from what it must be. The caller may have said more by now, and heard more of the
// answer, so the history is the beginning of it.
func difference(got, want []block) string {
	for i := range got {
		last := i == len(got)-1
		switch {
		case i >= len(want):
			return fmt.Sprintf("the history has more than was said: %+v; said %+v", got[i:], want)
		case got[i].by != want[i].by, !last && got[i].text != want[i].text, last && !strings.HasPrefix(want[i].text, got[i].text):
			return fmt.Sprintf("part %d of the history is %s: %q; it was %s: %q", i, got[i].by, got[i].text, want[i].by, want[i].text)
		}
	}
	return ""
}
