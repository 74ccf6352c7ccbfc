package completions

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// DefaultSMS is how long a text message may be where the assistant says nothing: two segments, or nearly.
const DefaultSMS = 320

// ServeSMS makes one plain text message of a model's answer: Markdown and emoji go, addresses stay, and what is longer than
// limit (0 is DefaultSMS) is cut after a sentence, else after a word, never inside a character as people see it.
//
// The limit is in the units of the alphabet that the message is sent in: GSM 03.38 with its extension table counted
// twice, or UTF-16 (https://www.twilio.com/docs/glossary/what-is-gsm-7-character-encoding). An ellipsis tells of a cut
// inside a sentence: three dots in GSM, which has no "…" and would cost the whole message its alphabet.
func SMS(text string, limit int) string {
	if limit <= 0 {
		limit = DefaultSMS
	}
	return shorten(plainText(text), limit)
}

// markdownLink is [text](address "title"), also of an image.
var markdownLink = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`!?\[([^\[\]\n]*)\]\(\s*<?((?:[^\s()<>]|\([^\s()]*\))+)>?(?:\s+["'][^\n]*?["'])?\s*\)`)
})

// gsmReplacer are signs that look nearly the same in GSM.
var gsmReplacer = strings.NewReplacer("’", "'", "‘", "'", "“", `"`, "”", `"`, "„", `"`, "–", "-", "—", "-", "‑", "-", "…", "...",
	"\u00a0", " ", "\u202f", " ", "•", "-")

// looseSpaces are spaces that something stood behind, such as an emoji.
var looseSpaces = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(` +([.,;!?])( |$)| +( )`)
})

func plainText(text string) string {
	text = markdownLink().ReplaceAllStringFunc(text, func(mark string) string {
		m := markdownLink().FindStringSubmatch(mark)
		name, address := strings.TrimSpace(m[1]), m[2]
		bare := strings.TrimPrefix(strings.TrimPrefix(address, "mailto:"), "tel:")
		switch {
		case name == "" || strings.HasSuffix(strings.TrimSuffix(bare, "/"), strings.TrimSuffix(name, "/")):
			return bare
		case strings.HasPrefix(address, "#"), strings.HasPrefix(address, "tel:"): // leads nowhere; is said by the name
			return name
		}
		return strings.TrimRight(name, ":") + ": " + bare
	})
	s := Filter{keepLinks: true}
	text = strings.TrimSpace(looseSpaces().ReplaceAllString(s.Write(text)+s.Close(), "$1$2$3"))
	if easy := gsmReplacer.Replace(text); isGSM(easy) {
		return easy
	}
	return text
}

// shorten cuts a text to so many units.
func shorten(text string, limit int) string {
	if smsUnits(text) <= limit {
		return text
	}
	var sentence, word, any string
	for at := 0; at < len(text); {
		at += cluster(text[at:])
		head := text[:at]
		if strings.TrimRight(head, " ") != head { // a cut leaves no space behind
			continue
		}
		if utf16Length(head) > limit { // no longer one fits: GSM has no character for less
			break
		}
		before := smsUnits(head)
		if before > limit {
			continue
		}
		whole := at == len(text) || text[at] == ' '
		if whole && endsSentence(head) {
			sentence = head
		}
		if dotted := head + ellipsisFor(head); smsUnits(dotted) <= limit {
			any = dotted
			if whole {
				word = dotted
			}
		} else if any == "" || !strings.HasSuffix(any, "...") && !strings.HasSuffix(any, "…") {
			any = head
			if whole {
				word = head
			}
		}
	}
	switch {
	case smsUnits(sentence) >= limit/4 && sentence != "": // not "Sure!" and no more
		return sentence
	case word != "":
		return word
	case any != "":
		return any
	}
	return sentence
}

// utf16Length is how many UTF-16 units a text has.
func utf16Length(text string) (n int) {
	for _, r := range text {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

func ellipsisFor(head string) string {
	if isGSM(head) {
		return "..."
	}
	return "…"
}

func endsSentence(head string) bool {
	r, _ := utf8.DecodeLastRuneInString(strings.TrimRight(head, `"')”’»`))
	return strings.ContainsRune(".!?…。！？", r)
}

const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿" +
		"abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// gsmCosts is what each character costs in GSM 03.38.
var gsmCosts = sync.OnceValue(func() map[rune]int {
	costs := map[rune]int{}
	for _, r := range gsmBasic {
		costs[r] = 1
	}
	for _, r := range gsmExtended {
		costs[r] = 2
	}
	return costs
})

func isGSM(text string) bool {
	for _, r := range text {
		if gsmCosts()[r] == 0 {
			return false
		}
	}
	return true
}

// smsUnits is how long a text message is.
func smsUnits(text string) (n int) {
	for _, r := range text {
		cost := gsmCosts()[r]
		if cost == 0 {
			return utf16Length(text)
		}
		n += cost
	}
	return n
}

// cluster is how many bytes the first character takes, as people see one: with the marks on it, what is joined to it, the
// other half of a flag.
func cluster(text string) int {
	first, n := utf8.DecodeRuneInString(text)
	last, flags := first, 0
	if isFlag(first) {
		flags = 1
	}
	for n < len(text) {
		r, size := utf8.DecodeRuneInString(text[n:])
		switch {
		case last == '\r' && r == '\n', last == zeroWidthJoiner, isExtension(r), isJamo(last) && isJamo(r):
		case isFlag(r) && isFlag(last) && flags == 1:
			flags = 2
		default:
			return n
		}
		last = r
		n += size
	}
	return n
}

func isFlag(r rune) bool { return 0x1f1e6 <= r && r <= 0x1f1ff }
func isJamo(r rune) bool { return 0x1100 <= r && r <= 0x11ff || 0xac00 <= r && r <= 0xd7fb }

// isExtension reports what never stands alone. The vowels of Thai and Lao count as letters elsewhere.
func isExtension(r rune) bool {
	return unicode.In(r, unicode.M) || r == zeroWidthJoiner || r == '\u200c' || r == 0x0e33 || r == 0x0eb3 ||
		0x1f3fb <= r && r <= 0x1f3ff || 0xe0020 <= r && r <= 0xe007f
}
