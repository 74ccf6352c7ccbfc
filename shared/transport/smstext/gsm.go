package smstext

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

func isGSM(text string) bool {
	for _, r := range text {
		if gsmCosts()[r] == 0 {
			return false
		}
	}
	return true
}

// units returns the length of a text message in the encoding that it needs.
func units(text string) (n int) {
	for _, r := range text {
		cost := gsmCosts()[r]
		if cost == 0 {
			return utf16Length(text)
		}
		n += cost
	}
	return n
}

func utf16Length(text string) (n int) {
	for _, r := range text {
		n++
		if r > 0xffff { // a surrogate pair
			n++
		}
	}
	return n
}
