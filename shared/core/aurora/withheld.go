package aurora

import (
	"strings"
	"unicode"
)

// withheldDigits are what carriers send in place of a number that the caller withholds: words, spelled on a keypad. Twilio
// passes them on (bmlt-enabled/yap#125, somleng/somleng#1820 on GitHub; "Why am I getting calls from these strange numbers?"
// in Twilio's help center).
var withheldDigits = map[string]bool{
	"266696687":   true, // anonymous
	"7378742833":  true, // restricted
	"2562533":     true, // blocked
	"8656696":     true, // unknown
	"86282452253": true, // unavailable
}

// withheldWords are what SIP (RFC 3323, section 4.1; RFC 3325), Q.731.3 and voice providers send in place of a number, in
// lower case and without what stands between the words.
var withheldWords = map[string]bool{
	"anonymous": true, "restricted": true, "blocked": true, "unknown": true, "unavailable": true, "private": true, "withheld": true,
	"notavailable": true, "unavailablenumber": true, "outofarea": true, "nocallerid": true, "nocaller": true, "nonumber": true, "hidden": true,
	"privatenumber": true, "privatecaller": true, "unknownnumber": true, "unknowncaller": true, "anonymouscaller": true, "restrictednumber": true,
	"blockednumber": true, "blockedcaller": true, "callerunknown": true, "calleridblocked": true, "calleridunavailable": true, "numberwithheld": true,
	"withheldnumber": true, "suppressed": true, "payphone": true, "coinphone": true, "null": true, "undefined": true, "none": true, "na": true,
}

// IsWithheld reports whether a text stands for a number that the caller withheld: nothing, a word such as anonymous, or one
// of the numbers that carriers send for it. Such a text does not identify a caller.
func IsWithheld(s string) bool {
	if isPlainE164(s) { // almost all numbers: reports ask for each of a million calls
		return withheldDigits[s[1:]] || withheldDigits[s[2:]] && s[1] == '1'
	}
	s = plainPhoneText(s)
	letters := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, s)
	digits, _, isNumber := phoneDigits(s)
	switch {
	case isNumber:
		return withheldDigits[digits] || withheldDigits[strings.TrimPrefix(digits, "1")] || strings.Trim(digits, "0") == ""
	case letters == "":
		return strings.Trim(s, "+-. ") == ""
	}
	name, _, _ := strings.Cut(s, "@") // anonymous@anonymous.invalid
	return withheldWords[letters] || name != s && IsWithheld(name)
}
