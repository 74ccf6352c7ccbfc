package text

import "sync"

// The alphabet of GSM 03.38. A character of the extension table is sent as two.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿" +
		"abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// gsmCosts maps each character of GSM 03.38 to its number of units.
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

// IsGSM reports whether a text message with this text is sent in GSM 03.38.
func IsGSM(s string) bool {
	for _, r := range s {
		if gsmCosts()[r] == 0 {
			return false
		}
	}
	return true
}

// SMSUnits returns the length of a text message in the encoding that it needs: GSM 03.38 or UTF-16.
func SMSUnits(s string) (n int) {
	for _, r := range s {
		cost := gsmCosts()[r]
		if cost == 0 {
			return UTF16Length(s)
		}
		n += cost
	}
	return n
}

// UTF16Length returns the length of a text in UTF-16.
func UTF16Length(s string) (n int) {
	for _, r := range s {
		n += utf16Cost(r)
	}
	return n
}

func utf16Cost(r rune) int {
	if r > 0xffff { // a surrogate pair
		return 2
	}
	return 1
}

// SMSParts returns the number of parts in which a text message is sent and paid for. A message that needs several has less
// room in each, and no character is divided (https://www.twilio.com/docs/glossary/what-sms-character-limit).
func SMSParts(s string) int {
	cost, alone, each := func(r rune) int { return gsmCosts()[r] }, 160, 153
	if !IsGSM(s) {
		cost, alone, each = utf16Cost, 70, 67
	}
	if SMSUnits(s) <= alone {
		return 1
	}
	parts, used := 1, 0
	for _, r := range s {
		if used += cost(r); used > each {
			parts, used = parts+1, cost(r)
		}
	}
	return parts
}
