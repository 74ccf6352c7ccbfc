package smstext

import (
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"example.com/aurora/shared/core/text"
	"example.com/aurora/shared/transport/speech"
)

// Format removes Markdown and emoji from a text, unless it is emoji alone, keeps web addresses, and shortens the result to limit units. It cuts
// after a sentence if it can, otherwise after a word, and never inside a character as a reader sees it.
//
// The units are those of the encoding that the message is sent in: GSM 03.38, where characters of the extension table
// count twice, or UTF-16 (https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding).
func Format(text string, limit int) string {
	return shorten(plainText(text), limit)
}

// markdownLink matches [name](address "title"), and the same with ! before it, an image.
var markdownLink = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`!?\[([^\[\]\n]*)\]\(\s*<?((?:[^\s()<>]|\([^\s()]*\))+)>?(?:\s+["'][^\n]*?["'])?\s*\)`)
})

// gsmReplacer replaces characters that GSM 03.38 does not have by similar ones that it has.
var gsmReplacer = strings.NewReplacer("’", "'", "‘", "'", "“", `"`, "”", `"`, "„", `"`, "–", "-", "—", "-", "‑", "-", "…", "...",
	"\u00a0", " ", "\u202f", " ", "•", "-")

// looseSpaces matches the spaces that are left over when an emoji before them was removed.
var looseSpaces = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(` +([.,;!?])( |$)| +( )`)
})

// plainText removes the markup, and writes the text in GSM 03.38 if similar characters make that possible.
func plainText(s string) string {
	s = markdownLink().ReplaceAllStringFunc(s, func(link string) string {
		m := markdownLink().FindStringSubmatch(link)
		return linkText(strings.TrimSpace(m[1]), m[2])
	})
	f := speech.Filter{ForReading: true}
	s = strings.TrimSpace(looseSpaces().ReplaceAllString(f.Write(s)+f.Close(), "$1$2$3"))
	if similar := gsmReplacer.Replace(s); text.IsGSM(similar) {
		return similar
	}
	return s
}

// linkText writes a link as "name: address", or only one of them if the other adds nothing.
func linkText(name, address string) string {
	bare := strings.TrimPrefix(strings.TrimPrefix(address, "mailto:"), "tel:")
	switch {
	case name == "" || strings.HasSuffix(strings.TrimSuffix(bare, "/"), strings.TrimSuffix(name, "/")):
		return bare
	case strings.HasPrefix(address, "#"), strings.HasPrefix(address, "tel:"): // the reader cannot open an anchor; the name of a number says it
		return name
	}
	return strings.TrimRight(name, ":") + ": " + bare
}

// shorten cuts a text to at most limit units.
func shorten(s string, limit int) string {
	if text.SMSUnits(s) <= limit {
		return s
	}
	var sentence, word, anywhere string // the longest cut of each kind that fits
	state := -1
	for rest := s; rest != ""; {
		_, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		head := s[:len(s)-len(rest)]
		if strings.HasSuffix(head, " ") { // a cut before the space is as good
			continue
		}
		if text.UTF16Length(head) > limit { // every longer head is too long in either encoding
			break
		}
		if text.SMSUnits(head) > limit {
			continue
		}
		atWordEnd := rest == "" || rest[0] == ' '
		if atWordEnd && endsSentence(head) {
			sentence = head
		}
		if withEllipsis := head + ellipsisFor(head); text.SMSUnits(withEllipsis) <= limit {
			anywhere = withEllipsis
			if atWordEnd {
				word = withEllipsis
			}
		} else if !strings.HasSuffix(anywhere, "...") && !strings.HasSuffix(anywhere, "…") { // no room for an ellipsis at all
			anywhere = head
			if atWordEnd {
				word = head
			}
		}
	}
	switch {
	case sentence != "" && text.SMSUnits(sentence) >= limit/4: // a short sentence such as "Sure!" alone says too little
		return sentence
	case word != "":
		return word
	case anywhere != "":
		return anywhere
	}
	return sentence
}

func ellipsisFor(head string) string {
	if text.IsGSM(head) {
		return "..."
	}
	return "…"
}

func endsSentence(head string) bool {
	r, _ := utf8.DecodeLastRuneInString(strings.TrimRight(head, `"')”’»`))
	return strings.ContainsRune(".!?…。！？", r)
}
