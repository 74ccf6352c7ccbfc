package speech

import (
	"slices"
	"strings"
	"unicode"
)

const (
	zeroWidthJoiner = '\u200d'
	textSelector    = '\ufe0e'
	emojiSelector   = '\ufe0f'
	keycap          = '\u20e3'
)

// emojiTable holds emoji and the characters that modify them (https://unicode.org/reports/tr51/). It takes the Unicode
// blocks of symbols and dingbats whole.
var emojiTable = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: keycap, Hi: keycap, Stride: 1},
		{Lo: 0x2194, Hi: 0x2199, Stride: 1}, {Lo: 0x21a9, Hi: 0x21aa, Stride: 1},
		{Lo: 0x231a, Hi: 0x231b, Stride: 1}, {Lo: 0x2328, Hi: 0x2328, Stride: 1}, {Lo: 0x23cf, Hi: 0x23cf, Stride: 1},
		{Lo: 0x23e9, Hi: 0x23f3, Stride: 1}, {Lo: 0x23f8, Hi: 0x23fa, Stride: 1}, {Lo: 0x24c2, Hi: 0x24c2, Stride: 1},
		{Lo: 0x25a0, Hi: 0x27bf, Stride: 1},
		{Lo: 0x2934, Hi: 0x2935, Stride: 1}, {Lo: 0x2b05, Hi: 0x2b07, Stride: 1}, {Lo: 0x2b1b, Hi: 0x2b1c, Stride: 1},
		{Lo: 0x2b50, Hi: 0x2b50, Stride: 1}, {Lo: 0x2b55, Hi: 0x2b55, Stride: 1},
		{Lo: 0x3030, Hi: 0x3030, Stride: 1}, {Lo: 0x303d, Hi: 0x303d, Stride: 1},
		{Lo: 0x3297, Hi: 0x3297, Stride: 1}, {Lo: 0x3299, Hi: 0x3299, Stride: 1},
		{Lo: textSelector, Hi: emojiSelector, Stride: 1},
	},
	R32: []unicode.Range32{{Lo: 0x1f000, Hi: 0x1faff, Stride: 1}, {Lo: 0xe0001, Hi: 0xe007f, Stride: 1}},
}

func isEmoji(r rune) bool { return r > 0x2000 && unicode.Is(emojiTable, r) }

// scanNonASCII classifies a rune outside ASCII: emoji are dropped, with everything that is joined to them.
func (f *Filter) scanNonASCII(r rune, size int, rest string, end bool) (n int, say bool) {
	switch {
	case isEmoji(r), r == zeroWidthJoiner && isEmoji(f.prev):
		if r != emojiSelector && r != textSelector {
			f.requireGap(wordGap)
		}
		f.noteEmoji(r)
		return f.drop(size)
	case strings.ContainsRune("©®™ℹ‼⁉", r): // emoji only with a selector after them
		next, known := peek(rest[size:], end)
		if !known {
			return 0, false
		}
		if next == emojiSelector {
			return f.drop(size)
		}
	case r == '【': // 【4†source】, a citation of OpenAI's file search
		window := rest[:min(len(rest), maxHeld)]
		n := strings.Index(window, "】")
		if n < 0 && len(rest) < maxHeld && !end {
			return 0, false
		}
		if n > 0 {
			return f.drop(n + len("】"))
		}
	}
	return size, true
}

// maxEmoji is how many characters of emoji alone are kept.
const maxEmoji = 20

// emojiNames holds the short names of common emoji (https://unicode.org/emoji/charts/full-emoji-list.html).
var emojiNames = map[rune]string{
	'👍': "thumbs up", '👎': "thumbs down", '👌': "okay", '👋': "waving hand", '👏': "clapping hands", '🙏': "thank you", '🙌': "raised hands",
	'💪': "strong", '🤝': "handshake", '✌': "victory", '🤞': "fingers crossed", '🤷': "shrug", '🤔': "thinking",
	'😀': "smile", '😃': "smile", '😄': "smile", '😁': "grin", '😊': "smile", '🙂': "smile", '☺': "smile", '😉': "wink", '😂': "laughing", '🤣': "laughing",
	'😅': "laughing", '😍': "heart eyes", '🥰': "smile with hearts", '😎': "cool", '😢': "crying", '😭': "crying", '😞': "sad", '🙁': "sad", '☹': "sad",
	'😡': "angry", '😮': "surprised", '😱': "shocked", '😴': "sleeping", '🤗': "hug", '🥳': "celebrating",
	'❤': "heart", '💙': "heart", '💚': "heart", '💛': "heart", '💜': "heart", '🧡': "heart", '💔': "broken heart",
	'🎉': "hooray", '🎊': "hooray", '🎂': "birthday cake", '🎁': "gift", '🔥': "fire", '⭐': "star", '🌟': "star", '✨': "sparkles", '💯': "one hundred",
	'✅': "yes", '✔': "yes", '☑': "yes", '❌': "no", '❎': "no", '✖': "no", '⚠': "warning", '❓': "question mark", '❗': "exclamation mark", '🚫': "not allowed",
	'📞': "telephone", '☎': "telephone", '📱': "mobile phone", '📅': "calendar", '⏰': "alarm clock", '☀': "sun", '🌧': "rain", '❄': "snow", '🚗': "car", '🏠': "house",
}

// noteEmoji records an emoji before the first word.
func (f *Filter) noteEmoji(r rune) {
	if f.last == 0 && len(f.emoji) < maxEmoji {
		f.emoji = append(f.emoji, r)
	}
}

// emojiAlone returns what an answer of emoji alone says. An emoji without a name here is left to the voice.
func (f *Filter) emojiAlone() string {
	if !slices.ContainsFunc(f.emoji, isEmojiBase) {
		return ""
	}
	if f.ForReading {
		return string(f.emoji)
	}
	var words []string
	var others []rune
	for _, r := range f.emoji {
		if name := emojiNames[r]; name == "" {
			others = append(others, r)
		} else if !slices.Contains(words, name) {
			words = append(words, name)
		}
	}
	if len(words) == 0 {
		return string(others)
	}
	return strings.Join(words, ", ")
}

// isEmojiBase reports whether an emoji is more than a part of another one: a selector, a skin tone or a keycap.
func isEmojiBase(r rune) bool {
	return r != zeroWidthJoiner && r != textSelector && r != emojiSelector && r != keycap && (r < 0x1f3fb || r > 0x1f3ff) && r < 0xe0000
}

// Text returns a whole text as it is spoken.
func Text(text string) string {
	var f Filter
	return f.Write(text) + f.Close()
}
